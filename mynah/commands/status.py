"""`mynah status`: how things stand, at a glance. Reads rows only; needs no torch."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from mynah.commands.monitor import WearStatus, wear_lines, wear_of
from mynah.invocation import Home, Invocation, Json, begin, run
from mynah.lines import line_name
from mynah.terminal.showing import moment, run_line
from storage.governance import SHARED_LINE, BotProcess, Canary
from storage.values import Alias, CandidateState, Run

if TYPE_CHECKING:
    from mynah.world import World


@dataclass(frozen=True)
class LineStatus:
    """How a line of champions stands."""

    line: str
    """Empty: the shared one."""
    champion: str | None
    """None: the base answers."""
    previous: str | None
    approved_since_last_run: int
    last_run: Run | None


@dataclass(frozen=True)
class QueueStatus:
    """What waits for moderators, in all servers."""

    waiting: int
    oldest_at: datetime | None
    half_approved: int
    """Of those waiting, how many have an approval and need another."""


@dataclass(frozen=True)
class Status:
    """How things stand."""

    home: str
    database: str
    base: str
    aliases: dict[str, str | None]
    versions: int
    turns: int
    candidates: dict[str, int]
    approved_since_last_run: int
    last_run: Run | None
    """On whatever line."""
    lines: list[LineStatus]
    """The shared one first."""
    canaries: list[Canary]
    """Those that answer now."""
    monitoring: list[WearStatus]
    """How each line's champion wears; the shared line first."""
    queue: QueueStatus
    receipts_open: int
    """Of forgotten members, while a version answers that has learnt from them."""
    bots: list[BotProcess]
    """Those that run, and the version that each answers with."""
    trainer_alive: bool
    discord_token_set: bool
    permission_to_train_confirmed: bool


def status(context: typer.Context, home: Home = None, as_json: Json = False) -> None:
    """Say which model answers, what waits for review, and what the trainer does."""
    run(_status(begin(context, home, as_json)))


async def _status(invocation: Invocation) -> None:
    from mynah.world import open_world

    async with open_world(invocation.settings) as world:
        found = await look(world)
    invocation.emit(vars(found), _text(found))


async def look(world: "World") -> Status:
    """How things stand now."""
    from mynah.trainer_life import trainer_is_alive

    store = world.store
    counts = await store.candidates.counts()
    runs = await store.runs.latest(limit=1)
    learnt = await store.runs.newest_review_learnt()
    waits = await store.review_queue.stats(days=1)
    return Status(
        home=str(world.settings.home),
        database=store.url,
        base=world.settings.engine.base,
        aliases={alias.value: await store.aliases.current(alias) for alias in Alias},
        versions=len(await store.aliases.versions()),
        turns=await store.conversations.count(),
        candidates={state.value: counts.get(state, 0) for state in CandidateState},
        approved_since_last_run=await store.candidates.approved_after(learnt),
        last_run=runs[0] if runs else None,
        lines=[await _line(world, line) for line in await store.server_settings.lines()],
        canaries=await store.canaries.all_open(),
        monitoring=[await wear_of(store, line) for line in await store.server_settings.lines()],
        queue=QueueStatus(waits.waiting, waits.oldest_at, waits.half_approved),
        receipts_open=len(await store.receipts.open()),
        bots=await store.bots.there(),
        trainer_alive=await trainer_is_alive(store),
        discord_token_set=world.settings.discord.token is not None,
        permission_to_train_confirmed=world.settings.discord.permission_to_train_confirmed,
    )


async def _line(world: "World", line: str) -> LineStatus:
    store = world.store
    runs = await store.runs.latest(limit=1, line=line)
    learnt = await store.runs.newest_review_learnt(line)
    return LineStatus(
        line,
        champion=await store.aliases.current(Alias.CHAMPION, line),
        previous=await store.aliases.current(Alias.PREVIOUS, line),
        approved_since_last_run=await store.candidates.approved_after(learnt, line),
        last_run=runs[0] if runs else None,
    )


def _text(found: Status) -> str:
    champion = found.aliases[Alias.CHAMPION]
    examples = ", ".join(f"{count} {state}" for state, count in found.candidates.items())
    last = f"{run_line(found.last_run)} ({moment(found.last_run.updated_at)})" if found.last_run else "none yet"
    return "\n".join(
        [
            f"home      {found.home}",
            f"database  {found.database}, {found.turns} messages",
            f"model     {champion or 'none yet: it is set at the first start'}"
            + (f" (before it: {found.aliases[Alias.PREVIOUS]})" if found.aliases[Alias.PREVIOUS] else "")
            + f", {found.versions} in the registry",
            f"examples  {examples}; {found.approved_since_last_run} approved since the last run",
            *_queue(found.queue),
            *(
                f"line      {one.line}: {one.champion or 'none yet: the base answers there'}; "
                f"{one.approved_since_last_run} approved since its last run"
                for one in found.lines
                if one.line != SHARED_LINE
            ),
            *(
                f"canary    {canary.version} answers {canary.share:.0%} of the channels "
                f"({line_name(canary.line)} line, since {moment(canary.started_at)})"
                for canary in found.canaries
            ),
            *(told for wear in found.monitoring for told in wear_lines(wear)),
            *_receipts(found.receipts_open),
            f"last run  {last}",
            *_bots(found.bots),
            f"trainer   {'running' if found.trainer_alive else 'not running: `mynah run` starts it'}",
            f"discord   {'token set' if found.discord_token_set else 'no token: `mynah init` asks for one'}",
        ]
    )


def _queue(queue: QueueStatus) -> list[str]:
    if queue.oldest_at is None:
        return []
    half = f", {queue.half_approved} of them for another approval" if queue.half_approved else ""
    return [f"queue     {queue.waiting} wait for review{half}, the oldest since {moment(queue.oldest_at)}"]


def _bots(bots: list[BotProcess]) -> list[str]:
    return [
        f"bot       running since {moment(bot.started_at)} with {bot.version}"
        + (f", shards {bot.shards}" if bot.shards else "")
        for bot in bots
    ] or ["bot       not running: `mynah run` starts it"]


def _receipts(waiting: int) -> list[str]:
    if not waiting:
        return []
    return [f"receipts  {waiting} wait until no version answers that has learnt from forgotten members"]
