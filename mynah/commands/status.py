"""`mynah status`: how things stand, at a glance. Reads rows only; needs no torch."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from mynah.invocation import Home, Invocation, Json, begin, run
from mynah.terminal.showing import moment, run_line
from storage.values import Alias, CandidateState, Run

if TYPE_CHECKING:
    from mynah.world import World


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
        trainer_alive=await trainer_is_alive(store),
        discord_token_set=world.settings.discord.token is not None,
        permission_to_train_confirmed=world.settings.discord.permission_to_train_confirmed,
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
            f"last run  {last}",
            f"trainer   {'running' if found.trainer_alive else 'not running: `mynah run` starts it'}",
            f"discord   {'token set' if found.discord_token_set else 'no token: `mynah init` asks for one'}",
        ]
    )
