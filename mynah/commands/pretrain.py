"""`mynah pretrain`: a model grown from prepared talk, or grown on from another model."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mynah.folders import named_folder
from mynah.invocation import Home, Invocation, Json, begin
from storage.errors import MynahError, WrongUsage

if TYPE_CHECKING:
    from trainer.growing.dataset import Dataset
    from trainer.growing.growth import Growth, Length, Order
    from trainer.spread.choice import Spread

_OTHER_SHARE = 0.4
"""Of the matrices' learning rate, the rate of embeddings and norms: measured to go together."""


def pretrain(
    context: typer.Context,
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="A folder made by `mynah prepare`, or its name.")],
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="FOLDER", help="Where the model goes: a folder, or a name [the dataset's]."),
    ] = None,
    size: Annotated[str, typer.Option("--size", help="One of `mynah sizes`.")] = "micro",
    start: Annotated[
        Path | None, typer.Option("--from", metavar="MODEL", help="Go on from this model folder, not from nothing.")
    ] = None,
    architecture: Annotated[
        str | None, typer.Option("--architecture", help="llama or gpt2.", show_default=False)
    ] = None,
    vocabulary: Annotated[int | None, typer.Option("--vocabulary", help="Tokens of the tokenizer.")] = None,
    context_tokens: Annotated[int | None, typer.Option("--context", help="Longest text, in tokens.")] = None,
    epochs: Annotated[
        float | None, typer.Option("--epochs", help="How often the talk is read.", show_default="3")
    ] = None,
    tokens: Annotated[float | None, typer.Option("--tokens", help="Tokens to read, instead of epochs.")] = None,
    minutes: Annotated[
        float | None, typer.Option("--minutes", help="About how long to train, instead of epochs.")
    ] = None,
    tokens_a_step: Annotated[int, typer.Option("--tokens-a-step", min=1, help="Read for one step.")] = 2048,
    tokens_at_once: Annotated[
        int | None, typer.Option("--tokens-at-once", min=1, help="Of a step, in one go, where memory is short.")
    ] = None,
    learning_rate: Annotated[float, typer.Option("--learning-rate", help="Of Muon, at its highest.")] = 0.02,
    decay: Annotated[
        float, typer.Option("--decay", min=0, max=1, help="Share of the steps over which the learning rate falls.")
    ] = 0.6,
    weights: Annotated[
        list[str] | None, typer.Option("--weight", metavar="SOURCE=TIMES", help="Read a source's talk so many times.")
    ] = None,
    vary: Annotated[
        bool, typer.Option("--vary/--no-vary", help="Change how the user types, and join short exchanges.")
    ] = True,
    between_people: Annotated[
        list[str] | None,
        typer.Option("--between-people", metavar="SOURCE", help="Learn from either side of this source's talk."),
    ] = None,
    compiled: Annotated[
        bool, typer.Option("--compile", help="Compile first: faster steps after some minutes.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed")] = 1,
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")] = "auto",
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="Of the CPU.", show_default="torch's")] = None,
    processes: Annotated[
        int | None,
        typer.Option(
            "--processes", min=1, help="Train in so many, a GPU each.", show_default="MYNAH_TRAINER__PROCESSES"
        ),
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Throw away what an interrupted run left, instead of going on.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Grow a chat model from prepared talk. Interrupted (Ctrl-C, a crash), the same command goes on where it was.

    The folder can be talked to: MYNAH_ENGINE__BASE=FOLDER mynah chat.
    """
    from trainer.growing.growth import Order
    from trainer.growing.pretraining import Plan
    from trainer.growing.sizes import choose_size
    from trainer.growing.variations import USUAL, Variations

    invocation = begin(context, home, as_json)
    length = _length(epochs, tokens, minutes)
    if not learning_rate > 0:
        raise WrongUsage(f"A learning rate of {learning_rate:g} learns nothing.", advice="0.02 is usual.")
    spread = _spread(invocation, processes, device, by_the_clock=minutes is not None)
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    opened = _dataset(invocation, dataset)
    order = Order(
        dataset=opened,
        size=choose_size(size, architecture=architecture, vocabulary=vocabulary, context=context_tokens),
        plan=Plan(
            steps=1,
            tokens_a_step=tokens_a_step,
            tokens_at_once=tokens_at_once,
            matrix_rate=learning_rate,
            other_rate=_OTHER_SHARE * learning_rate,
            decay_share=decay,
            compiled=compiled,
            seed=seed,
        ),
        length=length,
        start=start,
        variations=replace(USUAL, symmetric=tuple(between_people or ())) if vary else Variations(),
        repeats=_repeats(weights or []),
        device=device,
    )
    folder = named_folder(invocation, "grown", out or opened.folder.name)
    with _joined(spread, device) as leads:
        if not leads:
            _help(folder)
            return
        growth = _watched(order, folder, restart=restart, spread=spread)
    from trainer.growing.model_card import as_json as growth_json

    invocation.emit(growth_json(order.as_record(), growth), _told(growth))


def _spread(invocation: Invocation, processes: int | None, device: str, *, by_the_clock: bool) -> "Spread":
    from trainer.spread.choice import Spread, check_spread, spread_within

    spread = spread_within() or Spread(processes or invocation.settings.trainer.processes)
    check_spread(spread, device)
    if spread.is_within and by_the_clock:
        raise WrongUsage(
            "--minutes is found by trying, which one of torchrun's processes cannot do alone.",
            advice="Give --epochs or --tokens.",
        )
    return spread


@contextmanager
def _joined(spread: "Spread", device: str) -> Iterator[bool]:
    """Yields whether this process leads the training; the others that torchrun started help it."""
    if not spread.is_within:
        yield True
        return
    from bot.engine.weights import find_device
    from trainer.spread.group import PATIENT, joined

    with joined(find_device(device).type, PATIENT) as group:
        yield group.is_first


def _help(folder: Path) -> None:
    from trainer.growing.growth import help_grow

    help_grow(folder)


def _dataset(invocation: Invocation, name: str) -> "Dataset":
    from trainer.growing.dataset import open_dataset

    dataset = open_dataset(named_folder(invocation, "datasets", name))
    if next(dataset.train(), None) is None:
        raise WrongUsage(f"There is nothing to learn in {dataset.folder}.", advice="Prepare more talk.")
    return dataset


def _length(epochs: float | None, tokens: float | None, minutes: float | None) -> "Length":
    from trainer.growing.growth import Length

    given = [number for number in (epochs, tokens, minutes) if number is not None]
    if len(given) > 1:
        raise WrongUsage("Only one of --epochs, --tokens and --minutes can say how long to train.")
    if given and not 0 < given[0] < float("inf"):
        raise WrongUsage(f"Training cannot last {given[0]:g}.", advice="Give a number above 0.")
    return Length(epochs=3.0 if not given else epochs, tokens=tokens, minutes=minutes)


def _repeats(weights: list[str]) -> dict[str, float]:
    repeats = {}
    for given in weights:
        source, _, times = given.rpartition("=")
        try:
            repeats[source] = float(times)
        except ValueError:
            repeats[source] = -1.0
        if not source or not 0 <= repeats[source] <= 1000:
            raise WrongUsage(f"--weight {given} cannot be read.", advice="Like this: --weight stories=2")
    return repeats


def _watched(order: "Order", folder: Path, *, restart: bool, spread: "Spread") -> "Growth":
    """Grow while a person looks on and may stop it."""
    from rich.console import Console

    from mynah.stopping import stoppable
    from mynah.terminal.growing import GrowthSteps
    from trainer.growing.growth import grow
    from trainer.growing.pretraining import Onlooker
    from trainer.progress import Interrupted

    screen = Console(stderr=True, highlight=False, markup=False)
    looks_on = GrowthSteps(screen, is_live=screen.is_terminal, tokens_a_step=order.plan.tokens_a_step)
    try:
        with stoppable() as check, looks_on as steps:
            onlooker = Onlooker(on_step=steps.step, on_point=steps.point, check=check)
            return grow(order, folder, onlooker, restart=restart, spread=spread)
    except Interrupted:
        raise MynahError(
            "Stopped; what was learnt so far is kept.", advice="The same command goes on where it was."
        ) from None


def _told(growth: "Growth") -> str:
    lines = [f"{growth.folder}: {growth.parameters / 1e6:.2f} M parameters, {growth.tokens / 1e6:.2f} M tokens read."]
    lines += [
        f"  {source:24s} perplexity {one.perplexity:8.2f}   accuracy {one.token_accuracy:6.1%}   {one.bits_per_byte:.3f} bits/byte"
        for source, one in growth.figures.items()
    ]
    lines += [f"  > {sample.prompt}\n    {sample.reply}" for sample in growth.samples[:5]]
    lines.append(growth.advice.sentence)
    lines.append(f"Talk to it: MYNAH_ENGINE__BASE={growth.folder} mynah chat")
    return "\n".join(lines)
