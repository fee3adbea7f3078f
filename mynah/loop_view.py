"""How the whole loop stands, for the playground's side panel: what was said, screened, waits, was trained, and answers."""

from collections.abc import Mapping
from typing import Any

from mynah.commands.status import look
from mynah.invocation import plain
from mynah.world import World
from storage.values import Alias, CandidateState, Run

TURNS = 30
WAITING = 30
RUNS = 5
MOVES = 30


async def see_loop(world: World) -> Mapping[str, Any]:
    """The document of `GET /play/loop` (docs/playground.md). Reads rows only."""
    store = world.store
    document: dict[str, Any] = plain(
        {
            "status": vars(await look(world)),
            "turns": await store.conversations.newest(limit=TURNS),
            "waiting": await store.candidates.by_state(CandidateState.WAITING, limit=WAITING),
            "runs": [_run(run) for run in await store.runs.latest(limit=RUNS)],
            "versions": await _versions(world),
            "moves": await store.aliases.history(limit=MOVES),
        }
    )
    if document["status"]["last_run"] is not None:
        document["status"]["last_run"].pop("report")  # it stands under runs
    for line in document["status"]["lines"]:
        if line["last_run"] is not None:
            line["last_run"].pop("report")
    return document


async def _versions(world: World) -> list[dict[str, Any]]:
    """Newest first, with the aliases of the shared line and the newest perplexities."""
    store = world.store
    aliases = {alias: await store.aliases.current(alias) for alias in Alias}
    found = []
    for version in reversed(await store.aliases.versions()):
        evaluations = await store.evaluations.of_version(version.version)
        found.append(
            {
                **plain(version),
                "aliases": [alias.value for alias, target in aliases.items() if target == version.version],
                "perplexity": {one.set_name: one.perplexity for one in evaluations},
            }
        )
    return found


def _run(run: Run) -> dict[str, Any]:
    """A run; its card without the curve, which is long and drawn from the report's file."""
    shown: dict[str, Any] = plain(run)
    if isinstance(shown["report"], dict):
        shown["report"] = {name: value for name, value in shown["report"].items() if name != "losses"}
    return shown
