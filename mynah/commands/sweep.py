"""`mynah sweep`: which settings a model grows best with on some talk, and whether time or talk is missing."""

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mynah.folders import named_folder
from mynah.invocation import Home, Json, begin, plain
from storage.errors import MynahError

if TYPE_CHECKING:
    from trainer.growing.sweep import Sweep, SweepOrder
    from trainer.growing.sweep_settings import Settings, Trial

RECORD = "sweep.json"
_FEWEST_TOLD = 4
"""Settings, before it is said that none are better than the usual."""


def sweep(
    context: typer.Context,
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="A folder made by `mynah prepare`, or its name.")],
    minutes: Annotated[float, typer.Option("--minutes", help="For everything, over all sessions.")] = 30.0,
    trials: Annotated[int, typer.Option("--trials", help="Runs to share them, at most.")] = 12,
    size: Annotated[str, typer.Option("--size", help="One of `mynah sizes`.")] = "micro",
    architecture: Annotated[
        str | None, typer.Option("--architecture", help="llama or gpt2.", show_default=False)
    ] = None,
    vocabulary: Annotated[int | None, typer.Option("--vocabulary", help="Tokens of the tokenizer.")] = None,
    context_tokens: Annotated[int | None, typer.Option("--context", help="Longest text, in tokens.")] = None,
    vary: Annotated[
        bool, typer.Option("--vary/--no-vary", help="Change how the user types, and join short exchanges.")
    ] = True,
    between_people: Annotated[
        list[str] | None,
        typer.Option("--between-people", metavar="SOURCE", help="Learn from either side of this source's talk."),
    ] = None,
    out: Annotated[
        str | None, typer.Option("--out", metavar="FOLDER", help="Where the sweep is kept: a folder, or a name.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed")] = 1,
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")] = "auto",
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="Of the CPU.", show_default="torch's")] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Throw away what an earlier sweep left, instead of going on.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Try learning rates, tokens a step, decays and readings of the talk, and recommend the best as a command.

    Interrupted (Ctrl-C, a crash), the same command goes on; with more --minutes or --trials it goes further. At the end
    it says whether a longer run or more talk would help. All is written to sweep.json in the sweep's folder.
    """
    from trainer.growing.dataset import open_dataset
    from trainer.growing.sizes import choose_size
    from trainer.growing.sweep import SweepOrder
    from trainer.growing.variations import USUAL, Variations

    invocation = begin(context, home, as_json)
    chosen = choose_size(size, architecture=architecture, vocabulary=vocabulary, context=context_tokens)
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    opened = open_dataset(named_folder(invocation, "datasets", dataset))
    order = SweepOrder(
        dataset=opened,
        size=chosen,
        minutes=minutes,
        trials=trials,
        variations=replace(USUAL, symmetric=tuple(between_people or ())) if vary else Variations(),
        device=device,
        seed=seed,
    )
    folder = named_folder(invocation, "sweeps", out or f"{opened.folder.name}-{size}")
    found = _watched(order, folder, restart=restart)
    given: dict[str, Any] = {
        "--size": size,
        "--architecture": architecture,
        "--vocabulary": vocabulary,
        "--context": context_tokens,
        "--device": None if device == "auto" else device,
        "--threads": threads,
        "--seed": None if seed == 1 else seed,
    }
    flags = [word for source in between_people or () for word in ("--between-people", source)]
    command = _command(dataset, given, found, flags if vary else ["--no-vary"])
    document = _document(order, found, command, folder)
    (folder / RECORD).write_text(json.dumps(plain(document), indent=2, ensure_ascii=False) + "\n", "utf-8")
    invocation.emit(document, _told(found, command, folder))


def _watched(order: "SweepOrder", folder: Path, *, restart: bool) -> "Sweep":
    """Search while a person looks on and may stop it."""
    from rich.console import Console

    from mynah.stopping import stoppable
    from mynah.terminal.sweeping import SweepSteps
    from trainer.growing.sweep import SweepOnlooker, sweep
    from trainer.progress import Interrupted

    screen = Console(stderr=True, highlight=False, markup=False)
    try:
        with stoppable() as check, SweepSteps(screen, is_live=screen.is_terminal) as steps:
            onlooker = SweepOnlooker(
                on_space=steps.space, on_begin=steps.begin, on_step=steps.step, on_end=steps.end, check=check
            )
            return sweep(order, folder, onlooker, restart=restart)
    except Interrupted:
        raise MynahError("Stopped; the trials so far are kept.", advice="The same command goes on.") from None


def _command(dataset: str, given: dict[str, Any], found: "Sweep", flags: list[str]) -> str | None:
    """The recommended command, to be typed as it is; None where no run came to its end."""
    if found.best is None:
        return None
    settings = found.best.settings
    options = {
        **given,
        "--learning-rate": f"{settings.learning_rate:g}",
        "--tokens-a-step": settings.tokens_a_step,
        "--decay": f"{settings.decay:g}",
        # Where each run read less than all of the talk, its length was a matter of the budget and says nothing.
        "--epochs": f"{settings.epochs:g}" if len(found.space.epochs) > 1 else None,
    }
    words = ["mynah", "pretrain", dataset]
    words += [str(word) for option, value in options.items() if value is not None for word in (option, value)]
    return shlex.join([*words, *flags])


def _document(order: "SweepOrder", found: "Sweep", command: str | None, folder: Path) -> dict[str, object]:
    return {
        "folder": folder,
        "order": {**order.as_record(), "minutes": order.minutes, "trials": order.trials},
        "space": found.space,
        "tokens_an_epoch": found.tokens_an_epoch,
        "seconds": found.seconds,
        "trials": [_trial(trial) for trial in found.trials],
        "best": _trial(found.best) if found.best else None,
        "gain": found.gain,
        "advice": found.advice.as_record() if found.advice else None,
        "command": command,
    }


def _trial(trial: "Trial") -> dict[str, object]:
    return {
        "number": trial.number + 1,
        "state": trial.state,
        "settings": trial.settings,
        "heldout_loss": trial.heldout_loss,
        "perplexity": trial.perplexity,
        "tokens": trial.tokens,
        "seconds": trial.seconds,
    }


def _told(found: "Sweep", command: str | None, folder: Path) -> str:
    lines = ["trial  learning rate  tokens a step  decay  epochs  perplexity  minutes"]
    ranked = sorted(found.trials, key=lambda trial: (trial.state != "done", trial.heldout_loss or float("inf")))
    lines += [_line(trial) for trial in ranked]
    lines.append("")
    if command is None:
        lines.append("No run came to a usable end: the talk, or the budget, is too small for this size.")
        return "\n".join(lines)
    if found.gain is not None:
        lines.append(_gained(found.gain, tried=len(found.trials)))
    if found.advice is None:
        lines.append("There was no time left to tell whether a longer run or more talk would help: allow more minutes.")
    else:
        lines.append(f"Compared with a trial: {found.advice.sentence}")
    lines += [
        "",
        f"Recommended:\n  {command}",
        "A run that is many times longer than a trial may want a somewhat lower learning rate.",
        f"Written to {folder / RECORD}",
    ]
    return "\n".join(lines)


def _gained(gain: float, *, tried: int) -> str:
    import math

    from trainer.growing.advice import WORTH_NATS

    if tried < _FEWEST_TOLD:
        return f"Only {tried} settings were tried, too few to say whether others are better: allow more minutes."
    if gain < WORTH_NATS:
        return "The usual settings were as good as any: there is nothing to adjust."
    return f"Better settings lower the held-out perplexity by {-100 * math.expm1(-gain):.2g} % compared with the usual."


def _line(trial: "Trial") -> str:
    perplexity = "-" if trial.perplexity is None else f"{trial.perplexity:.2f}"
    note = "" if trial.state == "done" else f"  {trial.state.value}"
    return f"{trial.number + 1:5d}  {_columns(trial.settings)}  {perplexity:>10}  {trial.seconds / 60:7.1f}{note}"


def _columns(settings: "Settings") -> str:
    rate, decay, epochs = f"{settings.learning_rate:g}", f"{settings.decay:g}", f"{settings.epochs:.3g}"
    return f"{rate:>13}  {settings.tokens_a_step:13d}  {decay:>5}  {epochs:>6}"
