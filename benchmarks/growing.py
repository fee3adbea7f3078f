"""Tokens a second of `mynah pretrain`: in float32, in bfloat16 where the device has instructions for it, and compiled.

Each way runs the product's own loop over the same made-up tokens, in turns; the first steps of each run, in which it is
compiled, do not count. Beside the speed stands what share of the device's bare matrix products it reaches, measured as
`mynah sizes` does. A larger size and a GPU are a matter of options. With `--processes`, so many train it together as well,
with all threads between them, as fast as their steps are told of: to a tenth of a second in all, so take enough steps.

Run: python -m benchmarks.growing [--size micro] [--tokens-a-step 4096] [--steps 8] [--rounds 3] [--threads N]
     [--device auto] [--processes N]
"""

import argparse
import contextlib
import statistics
import tempfile
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import numpy

from bot.engine.weights import find_device
from trainer.growing import optimiser, pretraining
from trainer.growing.corpus import Corpus
from trainer.growing.pretraining import Onlooker, Plan, pretrain
from trainer.growing.sizes import Size, choose_size
from trainer.machine import Machine, look, measure, trains_in_half
from trainer.spread.choice import ONE, Spread, check_spread
from trainer.spread.growths import pretrain_together

WARMING = 3


def rate(size: Size, corpus: Corpus, plan: Plan, device: str, *, in_half: bool, spread: Spread) -> float:
    """Tokens a second, by the median step; of several processes, by all steps."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_config(size.configuration()).float().to(find_device(device))  # type: ignore[no-untyped-call]
    ends: list[float] = []
    onlooker = Onlooker(on_step=lambda *_: ends.append(time.perf_counter()))
    with contextlib.ExitStack() as stack:
        for module in () if in_half else (pretraining, optimiser):
            stack.enter_context(patch.object(module, "trains_in_half", lambda *_: False))
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        if not spread.is_alone:
            pretrain_together(model, corpus, None, plan, Path(folder), onlooker, spread)
            return plan.tokens_a_step * (len(ends) - 1 - WARMING) / (ends[-1] - ends[WARMING])
        pretrain(model, corpus, None, plan, Path(folder), onlooker)
    return plan.tokens_a_step / statistics.median(later - sooner for sooner, later in pairwise(ends[WARMING:]))


def main() -> None:
    """Measure all ways in turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="micro")
    parser.add_argument("--tokens-a-step", type=int, default=4096)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    import torch

    if options.threads:
        torch.set_num_threads(options.threads)
    spread = Spread(options.processes)
    check_spread(spread, options.device)
    size = choose_size(options.size)
    tokens = (options.steps + WARMING + 1) * options.tokens_a_step
    drawn = numpy.random.default_rng(1).integers(3, size.vocabulary, tokens, dtype=numpy.uint32)
    plan = Plan(steps=options.steps + WARMING, tokens_a_step=options.tokens_a_step, short_share=0.0, evaluations=0)
    machine = look(options.device)
    ways = {"float32": (plan, False, ONE)}
    if in_half := trains_in_half(machine.device, size.hidden):
        ways["bfloat16"] = (plan, True, ONE)
    precision = "bfloat16" if in_half else "float32"
    ways[f"{precision}, compiled"] = (replace(plan, compiled=True), in_half, ONE)
    if not spread.is_alone:
        ways[f"{precision}, {spread.processes} processes"] = (plan, in_half, spread)
    rates: dict[str, list[float]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as folder:
        drawn.tofile(Path(folder) / "tokens")  # several processes read it from there
        corpus = Corpus(numpy.memmap(Path(folder) / "tokens", dtype=drawn.dtype, mode="r"), size.context)
        for _ in range(options.rounds):
            for name, (way, is_half, over) in ways.items():
                rates[name].append(rate(size, corpus, way, options.device, in_half=is_half, spread=over))
    report(rates, size, machine)


def report(rates: dict[str, list[float]], size: Size, machine: Machine) -> None:
    """Print the table."""
    print(f"{size.name}, {size.parameters / 1e6:.1f} M parameters, on {machine.name}")
    print(
        "| way | tokens/s (median) | lowest to highest | against the first | share of bare products |\n|---|---|---|---|---|"
    )
    first = statistics.median(next(iter(rates.values())))
    for name, found in rates.items():
        bare = measure(replace(machine, trains_in_half=name.startswith("bfloat16"))).at(size.hidden)
        middle = statistics.median(found)
        share = middle * size.flops_a_token() / bare
        print(
            f"| {name} | {middle:.0f} | {min(found):.0f} to {max(found):.0f} | {middle / first:.2f} × | {share:.0%} |"
        )


if __name__ == "__main__":
    main()
