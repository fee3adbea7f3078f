"""`mynah monitor`: how the version that answers wears, day by day. Reads rows only; needs no torch."""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from mynah.invocation import Home, Invocation, Json, begin, run
from mynah.lines import Line, known_line, line_name
from storage.governance import SHARED_LINE
from storage.monitoring_values import Measure, MonitoredDay, Proposal, State
from storage.values import Alias

if TYPE_CHECKING:
    from storage.store import Store

_IN_WORDS = {State.WORSE: "worse", State.STEADY: "steady", State.TOO_FEW: "too few"}


@dataclass(frozen=True)
class WearStatus:
    """How a line's champion wears, by its newest monitored day."""

    line: str
    version: str | None
    """None: the base answers."""
    day: date | None
    """None: nothing was monitored yet."""
    measures: tuple[Measure, ...]
    proposal: Proposal | None
    """A retrain that is proposed, until a run is asked for."""


def monitor(
    context: typer.Context,
    days: Annotated[int, typer.Option("--days", min=1, max=1000, help="How many rows to show.")] = 28,
    line: Line = SHARED_LINE,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Show votes, next words, screens and perplexity by version and day, and whether a retrain is proposed."""
    run(_monitor(begin(context, home, as_json), days, line))


async def _monitor(invocation: Invocation, days: int, line: str) -> None:
    from mynah.world import open_world

    async with open_world(invocation.settings) as world:
        line = await known_line(world.store, line)
        wear = await wear_of(world.store, line)
        history = await world.store.monitoring.history(line, limit=days)
    text = "\n".join([*_table(history), "", *_measures(wear)]) if history else _NOTHING
    invocation.emit({**vars(wear), "days": history}, text)


async def wear_of(store: "Store", line: str) -> WearStatus:
    """How the champion of a line wears."""
    champion = await store.aliases.current(Alias.CHAMPION, line)
    newest = await store.monitoring.newest(line, champion)
    proposal = await store.proposals.standing(line)
    if newest is None:
        return WearStatus(line, champion, None, (), proposal)
    return WearStatus(line, champion, newest.day, newest.measures, proposal)


def wear_lines(wear: WearStatus) -> list[str]:
    """The line of `mynah status`; none where nothing is known."""
    name = "" if wear.line == SHARED_LINE else f"{line_name(wear.line)}: "
    if wear.proposal is not None:
        hint = "" if wear.line == SHARED_LINE else f" --line {wear.line}"
        return [f"monitor   {name}a retrain is proposed (`mynah train --now{hint}`): {' '.join(wear.proposal.reasons)}"]
    if wear.day is None:
        return []
    counts = [sum(one.state is state for one in wear.measures) for state in State]
    told = ", ".join(f"{count} {_IN_WORDS[state]}" for count, state in zip(counts, State, strict=True) if count)
    return [f"monitor   {name}{told} ({wear.day.isoformat()}; `mynah monitor` says more)"]


_NOTHING = "Nothing was monitored yet: the trainer looks once a day, after midnight (UTC), when nothing else is to do."


def _table(days: list[MonitoredDay]) -> list[str]:
    head = f"{'day':<10}  {'version':<16}  {'asked':>5} {'held':>4} {'refd':>4}  {'answers':>7} {'held':>4} {'refd':>4}"
    head += f"  {'👍':>3} {'👎':>3}  {'thanks':>6} {'no':>3} {'again':>5} {'on':>4} {'left':>4}  {'perplexity':>10}"
    return [head, *(_row(day) for day in days)]


def _row(day: MonitoredDay) -> str:
    from math import exp

    one, of = day.counts, day.surprise
    perplexity = "-" if of is None else f"{exp(min(of.nats / max(1, of.tokens), 50.0)):.1f}"
    return (
        f"{day.day.isoformat()}  {day.version[:16]:<16}  {one.asked:>5} {one.asked_held:>4} {one.asked_refused:>4}  "
        f"{one.answers:>7} {one.held:>4} {one.refused:>4}  {one.votes_up:>4} {one.votes_down:>4}  {one.thanked:>6} "
        f"{one.corrected:>3} {one.asked_again:>5} {one.went_on:>4} {one.left:>4}  {perplexity:>10}"
    )


def _measures(wear: WearStatus) -> list[str]:
    told = [f"{_IN_WORDS[one.state]:<8} {one.sentence}" for one in wear.measures]
    if wear.proposal is not None:
        told.append(
            "A retrain is proposed. Nothing starts by itself because of this: `mynah train --now`, or `/retrain now`."
        )
    return told
