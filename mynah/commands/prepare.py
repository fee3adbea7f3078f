"""`mynah prepare`: a folder of anybody's text becomes a dataset that a model can be grown from."""

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mynah.invocation import Home, Invocation, Json, begin
from storage.errors import WrongUsage

if TYPE_CHECKING:
    from bot.screening.protocol import Screener
    from trainer.growing.dataset import Dataset
    from trainer.growing.preparing_options import Options


def prepare(
    context: typer.Context,
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE", help="Files, folders, or datasets as hf:owner/name[:split].")
    ],
    out: Annotated[
        str,
        typer.Option("--out", metavar="FOLDER", help="Where the dataset goes: a folder, or a name for one in home."),
    ],
    heldout: Annotated[
        float, typer.Option("--heldout", metavar="SHARE", help="Of the conversations, kept apart to judge by.")
    ] = 0.02,
    lowercase: Annotated[bool, typer.Option("--lowercase", help="Make all letters small.")] = False,
    spelling: Annotated[
        str | None,
        typer.Option(
            "--spelling", metavar="LANGUAGE", help="Repair slips of the finger, such as `en`.", show_default=False
        ),
    ] = None,
    longest_turn: Annotated[
        int, typer.Option("--longest-turn", metavar="CHARACTERS", min=1, help="A longer turn ends its conversation.")
    ] = 2_000,
    licence: Annotated[
        str | None, typer.Option("--licence", help="Of whatever says nothing of its own.", show_default=False)
    ] = None,
    skip: Annotated[
        list[str] | None, typer.Option("--skip", metavar="PATTERN", help="Files in folders to leave out, as 'test*'.")
    ] = None,
    screened: Annotated[
        bool, typer.Option("--screen/--no-screen", help="Look for toxic talk. Personal data is always looked for.")
    ] = True,
    seed: Annotated[int, typer.Option("--seed", help="Decides what is held out.")] = 1,
    force: Annotated[bool, typer.Option("--force", help="Replace a dataset of that name.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Read talk in many formats, clean and screen it, and write a dataset to grow a model from.

    Formats: JSON lines of {"messages": [{"role", "content"}…]}, CSV and TSV, plain text, DiscordChatExporter's JSON.
    The same sources and options give the same dataset. With --json: its card.
    """
    from trainer.growing.preparing_options import Options

    invocation = begin(context, home, as_json)
    if not 0 <= heldout < 1:
        raise WrongUsage(f"--heldout {heldout:g} is no share.", advice="Give one from 0 to below 1, such as 0.02.")
    options = Options(
        heldout_share=heldout,
        longest_turn=longest_turn,
        lowercase=lowercase,
        spelling=spelling,
        screened=screened,
        licence=licence,
        skip=tuple(skip or ()),
        seed=seed,
    )
    folder = _place(invocation, out)
    with _ends_like_an_interruption():
        dataset = _prepared(invocation, sources, folder, options, replaces=force)
    from mynah.terminal.preparing import summary_lines

    invocation.emit({"folder": str(folder), **dataset.card}, "\n".join(summary_lines(dataset)))


def _prepared(
    invocation: Invocation, sources: list[str], folder: Path, options: "Options", *, replaces: bool
) -> "Dataset":
    from rich.console import Console

    from mynah.terminal.preparing import PrepareSteps
    from mynah.world import utc_now
    from trainer.growing.cleaning import open_spelling
    from trainer.growing.dataset import check_name_is_free
    from trainer.growing.preparing import prepare as prepare_talk

    check_name_is_free(folder, replaces=replaces)  # said before the screening is loaded
    spelling = open_spelling(options.spelling) if options.spelling else None
    screen = Console(stderr=True, highlight=False, markup=False)
    with PrepareSteps(screen, is_live=screen.is_terminal, seconds=time.monotonic) as steps:
        return prepare_talk(
            sources,
            folder,
            options,
            screening=_screening(invocation, options),
            clock=utc_now,
            spelling=spelling,
            replaces=replaces,
            on_step=steps.show,
        )


def _screening(invocation: Invocation, options: "Options") -> "Screener":
    """The chain that the bot screens with, or only its first link, which takes personal data out."""
    if options.screened:
        from mynah.world import ScreeningWhenNeeded

        return ScreeningWhenNeeded(invocation.settings)  # what is wrong with the sources is said at once
    from bot.screening.chain import Screening
    from bot.screening.folding import Folder
    from bot.screening.personal_data import PersonalData

    # Text beyond the limit would be lost unseen.
    limit = max(invocation.settings.screening.max_characters, options.longest_turn)
    return Screening([PersonalData()], folder=Folder(), max_characters=limit)


def _place(invocation: Invocation, name: str) -> Path:
    """A folder as the operator named it: a path has a slash, a name lies in the home."""
    if not name.strip() or Path(name).name in ("", ".", ".."):
        raise WrongUsage(f"--out {name!r} names no folder.", advice="Give a name, such as --out mine.")
    path = Path(name).expanduser()
    return path.absolute() if "/" in name else invocation.settings.home / "datasets" / name


@contextmanager
def _ends_like_an_interruption() -> Iterator[None]:
    """Being told to end (SIGTERM) clears up as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
