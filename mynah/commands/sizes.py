"""`mynah sizes`: which sizes a model can be grown in, and what each would cost on this machine."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mynah.invocation import Home, Json, begin
from storage.errors import WrongUsage

if TYPE_CHECKING:
    from trainer.growing.sizes import Size
    from trainer.machine import Machine, Speed


@dataclass(frozen=True, slots=True)
class _Device:
    """A machine's device, and how fast it is."""

    machine: "Machine"
    speed: "Speed"


def sizes(
    context: typer.Context,
    architecture: Annotated[
        str | None,
        typer.Option("--architecture", help="llama or gpt2, instead of each size's own.", show_default=False),
    ] = None,
    vocabulary: Annotated[
        int | None, typer.Option("--vocabulary", help="Tokens of the tokenizer, instead of what suits each size.")
    ] = None,
    tokens: Annotated[
        int | None, typer.Option("--tokens", help="Tokens to learn from, instead of 20 for each parameter.")
    ] = None,
    layers: Annotated[int | None, typer.Option("--layers", help="A size of your own, beside the named ones.")] = None,
    hidden: Annotated[int | None, typer.Option("--hidden", help="Likewise: its width.")] = None,
    heads: Annotated[int | None, typer.Option("--heads", help="Likewise: attention heads.")] = None,
    feed_forward: Annotated[int | None, typer.Option("--feed-forward", help="Likewise: inner width.")] = None,
    context_tokens: Annotated[
        int | None, typer.Option("--context", help="Longest text in tokens, instead of each size's own.")
    ] = None,
    tokens_a_step: Annotated[
        int | None, typer.Option("--tokens-a-step", help="Tokens that training reads at once.", show_default="2048")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """List the sizes: parameters, memory to train and to serve, file, and the time to train on this machine.

    The time is for 20 tokens a parameter (which makes the best model for the work) and comes from a measurement of
    about a second. Take it as right within a factor of 1.5.
    """
    from trainer.growing.estimate import TOKENS_A_STEP
    from trainer.growing.sizes import SIZES, choose_size
    from trainer.machine import devices, look, measure

    invocation = begin(context, home, as_json)
    for what, number in (("--tokens", tokens), ("--tokens-a-step", tokens_a_step)):
        if number is not None and number < 1:
            raise WrongUsage(f"{what} is {number}.", advice="Give a number from 1 on.")
    shape: dict[str, Any] = {"architecture": architecture, "vocabulary": vocabulary, "context": context_tokens}
    shown = [choose_size(name, **shape) for name in SIZES]
    own: dict[str, Any] = {"layers": layers, "hidden": hidden, "heads": heads, "feed_forward": feed_forward}
    if any(value is not None for value in own.values()):
        shown.append(choose_size(**shape, **own))
    found = [_Device(machine, measure(machine)) for machine in map(look, devices())]
    rows = [_row(size, tokens, tokens_a_step or TOKENS_A_STEP, found) for size in shown]
    document = {
        "devices": [
            {**asdict(each.machine), "flops": each.speed.flops, "best_flops": each.speed.best} for each in found
        ],
        "sizes": rows,
    }
    invocation.emit(document, _text(rows, found))


def _row(size: "Size", tokens: int | None, tokens_a_step: int, found: Sequence[_Device]) -> dict[str, Any]:
    from trainer.growing.estimate import (
        CHINCHILLA,
        file_bytes,
        fits,
        serving_memory,
        training_memory,
        training_seconds,
    )

    wanted = tokens or CHINCHILLA * size.parameters
    here = {}
    for each in found:
        in_half = each.machine.trains_in_half
        memory = training_memory(size, tokens_a_step=tokens_a_step, in_half=in_half)
        here[each.machine.device] = {
            "train_bytes": memory.total,
            "train_bytes_of": asdict(memory),
            "serve_bytes": serving_memory(size, in_half=each.machine.device == "cuda"),
            "train_seconds": training_seconds(size, wanted, each.speed, each.machine, tokens_a_step=tokens_a_step),
            "fits": fits(size, each.machine, tokens_a_step=tokens_a_step),
        }
    return {
        **asdict(size),
        "parameters": size.parameters,
        "file_bytes": file_bytes(size),
        "tokens": wanted,
        "tokens_a_step": tokens_a_step,
        "here": here,
    }


def _text(rows: Sequence[dict[str, Any]], found: Sequence[_Device]) -> str:
    from trainer.growing.estimate import in_bytes

    lines = []
    for each in found:
        kind = "bfloat16" if each.machine.trains_in_half else "float32"
        memory = f"{in_bytes(each.machine.free_bytes)} free of {in_bytes(each.machine.total_bytes)}"
        speed = f"{each.speed.best / 1e9:,.0f} GFLOP/s in {kind}"
        lines += [f"{each.machine.name}: {memory}, {speed}", "", *_table(rows, each.machine.device), ""]
    first = rows[0]
    lines.append(
        "parameters  numbers that are learnt; the file has two bytes for each\n"
        f"to train    memory at {first['tokens_a_step']:,} tokens a step; to serve: with one conversation\n"
        "time        to learn from the tokens before it, within a factor of about 1.5"
    )
    return "\n".join(lines)


def _table(rows: Sequence[dict[str, Any]], device: str) -> list[str]:
    from trainer.growing.estimate import in_bytes, in_count, in_time

    cells = [["size", "kind", "parameters", "file", "to train", "to serve", "tokens", "time", "fits"]]
    for row in rows:
        here = row["here"][device]
        cells.append(
            [
                row["name"],
                row["architecture"],
                in_count(row["parameters"]),
                in_bytes(row["file_bytes"]),
                in_bytes(here["train_bytes"]),
                in_bytes(here["serve_bytes"]),
                in_count(row["tokens"]),
                in_time(here["train_seconds"]),
                "yes" if here["fits"] else "no",
            ]
        )
    widths = [max(len(line[place]) for line in cells) for place in range(len(cells[0]))]
    return [
        "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]
