"""`mynah simulate`: a made-up community over some days, through the real code, and the curves that it draws."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mynah.invocation import Home, Invocation, Json, begin, plain, run
from mynah.logs import take_down_logs
from mynah.simulation.order import Answers, Order, Poison
from storage.errors import MynahError, WrongUsage

if TYPE_CHECKING:
    from mynah.simulation.story import Story

RECORD, PICTURE = "simulation.json", "simulation.png"


def simulate(
    context: typer.Context,
    rounds: Annotated[int, typer.Option("--rounds", help="Days; the trainer works in the night after each.")] = 3,
    members: Annotated[int, typer.Option("--members", help="People who talk. Not all of them agree.")] = 10,
    trolls: Annotated[int, typer.Option("--trolls", help="Accounts that teach something bad.")] = 3,
    moderators: Annotated[int, typer.Option("--moderators", help="People who review.")] = 2,
    mistakes: Annotated[float, typer.Option("--mistakes", help="Share of reviews that go the wrong way.")] = 0.05,
    poison: Annotated[Poison, typer.Option("--poison", help="What the trolls teach.")] = Poison.MIXED,
    conversations: Annotated[
        int, typer.Option("--conversations", help="Of a member in a day, at most; trolls write twice as much.")
    ] = 6,
    seed: Annotated[int, typer.Option("--seed", help="The same seed tells the same story.")] = 1,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="FILE", help="Dialogue in the import format, in place of the shipped one."),
    ] = None,
    answers: Annotated[
        Answers, typer.Option("--answers", help="Who answers: the real engine, or stock phrases at once.")
    ] = Answers.LOCAL,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FOLDER", help=f"Where {RECORD} and {PICTURE} go.", show_default="this folder"),
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Watch a made-up community for some days: members, moderators and trolls, through the real code, in minutes.

    Nothing of your own home is touched. With --home, which must be new or empty, the community's home is kept, to be
    looked into with `mynah --home FOLDER review list` and the like. Exit code 1: a promise was broken, or a run failed.
    """
    order = Order(rounds, members, trolls, moderators, mistakes, poison, conversations, seed, data, answers)
    given = home or context.ensure_object(Invocation).home
    folder = out or Path()
    with _home(given) as kept:
        invocation = begin(context, kept, as_json, process="simulate")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WrongUsage(f"{folder} cannot be used: {error.strerror}.", advice="Choose another --out.") from None
        story = run(_watched(invocation, order))
        document = story.as_json() | {"home": given, "record": folder / RECORD, "picture": folder / PICTURE}
        _keep(story, folder)
    told = ["", *story.summary(), f"The figures are in {folder / RECORD}, the picture is {folder / PICTURE}."]
    if given is not None:
        told.append(f"The community's home is kept: mynah --home {given} status")
    invocation.emit(document, "\n".join(told))
    if story.broken:
        raise MynahError("A promise was broken: this should never happen.", advice="Please report it with the figures.")
    if story.failures:
        raise MynahError(f"A night's run failed: {story.failures[0]}")


@contextmanager
def _home(given: Path | None) -> Iterator[Path]:
    """The community's own home: a new one that is kept, or one that is removed in the end.

    Raises:
        WrongUsage: there is something in it already.
    """
    if given is None:
        made = Path(tempfile.mkdtemp(prefix="mynah-simulation-"))
        try:
            yield made
        finally:
            take_down_logs()
            shutil.rmtree(made, ignore_errors=True)
        return
    if given.exists() and (not given.is_dir() or any(given.iterdir())):
        raise WrongUsage(
            f"{given} is not an empty folder, and a simulation never mixes with what is there.",
            advice="Give --home a new folder, or leave it out.",
        )
    yield given


async def _watched(invocation: Invocation, order: Order) -> "Story":
    from rich.console import Console

    from mynah.simulation.community import settings_in
    from mynah.simulation.telling import simulate
    from mynah.terminal.simulating import SimulationSteps

    screen = Console(stderr=True, highlight=False, markup=False)
    settings = settings_in(invocation.settings.home, invocation.settings, order)
    with SimulationSteps(screen, is_live=screen.is_terminal, rounds=order.rounds) as steps:
        return await simulate(order, settings, steps.onlooker())


def _keep(story: "Story", folder: Path) -> None:
    from mynah.simulation.drawing import draw

    (folder / RECORD).write_text(json.dumps(plain(story.as_json()), indent=2, ensure_ascii=False) + "\n", "utf-8")
    draw(story, folder / PICTURE)
