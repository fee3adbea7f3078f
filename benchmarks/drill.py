"""Two bots, a trainer, PostgreSQL and a model server, and each of them fails under load: what is lost or doubled?

All of it on this machine: the bots and the trainer are processes of their own on one database, PostgreSQL is started in a
folder of its own, the model server is the tests' stand-in for vLLM and its adapters, Discord is the playground's. While
members talk, a bot and the trainer are killed, PostgreSQL and the model server are restarted, a version is swapped in, and
the other bot is restarted politely. Then everybody may hear the rest, and the database is read.

Run: python -m benchmarks.drill [--minutes 10] [--members 40] [--rate 1] [--bots 2] [--seed 1] [--json]
"""

import argparse
import asyncio
import json
import logging
import signal
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.crowd import Asked, Crowd, crowd_in, percentile
from benchmarks.kept import Kept
from benchmarks.playground_soak import MOST_TURNS, Findings, compare
from benchmarks.service import Service, open_service, restart_engine, restart_postgres
from playground.server import Options, open_playground
from storage.store import Store
from storage.values import Run
from tests.fakes.postgres import programs_are_here

CHANNELS = 20
HEARTBEAT_SECONDS = 5.0
WAKING_SECONDS = 600.0
PATIENCE_SECONDS = 120.0
SWAP_WITHIN_SECONDS = 5.0


@dataclass(frozen=True)
class Plan:
    """How long, and how much."""

    seconds: float
    members: int
    rate: float
    """Messages a second."""
    bots: int
    seed: int


@dataclass
class Outcome:
    """What came of it."""

    asked: Sequence[Asked]
    lost: Sequence[str] = ()
    """Messages whose answer was seen whole, and which are not in the database with it."""
    stored_twice: Sequence[str] = ()
    answers_twice: int = 0
    """Questions with more than one answer in the database."""
    run: Run | None = None
    runs: int = 0
    swapped_after: Sequence[float] = ()
    """Seconds from the promotion until each bot served the new version."""
    bots: int = 0
    died: Mapping[str, int] = field(default_factory=dict)
    """Processes that ended without being told to."""
    done: Sequence[str] = ()
    """What was broken on purpose, and when."""

    def counts(self) -> dict[str, int]:
        """What is counted, by name."""
        return {
            "asked": len(self.asked),
            "answered": sum(one.is_answered for one in self.asked),
            "apologies": sum(bool(one.refusal) for one in self.asked),
            "heard_nothing_whole": sum(one.whole_at is None for one in self.asked),
            "answered_twice": sum(len(one.wholes) > 1 for one in self.asked),
            "left_half": sum(len(one.replies - one.wholes) for one in self.asked),
            "seen_not_stored": len(self.lost),
            "stored_twice": len(self.stored_twice),
            "answers_stored_twice": self.answers_twice,
            "runs_lost": int(self.run is None or not self.run.state.is_final),
            "runs_doubled": max(0, self.runs - 1),
            "bots_not_swapped_within_5_s": self.bots - sum(each <= SWAP_WITHIN_SECONDS for each in self.swapped_after),
            "died_by_themselves": sum(self.died.values()),
        }

    @property
    def broken(self) -> list[str]:
        """The counts that should be none, and are not."""
        fine = {"asked", "answered", "apologies"}
        return [name for name, count in self.counts().items() if name not in fine and count]


async def drill(plan: Plan, folder: Path) -> Outcome:
    """All of it, from the first start.

    Raises:
        SystemExit: PostgreSQL's programs are not here, or the bots do not come.
    """
    if not programs_are_here():
        raise SystemExit("The drill starts a PostgreSQL of its own. Install it: apt-get install postgresql")
    async with (
        open_playground(Options(ports=(0,), heartbeat_seconds=HEARTBEAT_SECONDS)) as discord,
        crowd_in(discord, members=plan.members, channels=CHANNELS, seed=plan.seed) as crowd,
        open_service(discord, plan.bots, folder) as service,
    ):
        await _until(lambda: service.bots_connected == plan.bots, WAKING_SECONDS, f"the bots came (see {folder})")
        return await go_through(service, crowd, plan)


async def go_through(service: Service, crowd: Crowd, plan: Plan) -> Outcome:
    """Talk while one after another fails, then let everybody hear the rest, and count."""
    promoted: list[float] = []
    done: list[str] = []

    async def swap() -> None:
        promoted.append(service.world.clock().timestamp())
        await service.world.store.aliases.promote(service.next_champion, actor="drill", reason="the drill")

    async def end(process: Kept, how: signal.Signals) -> None:
        process.end(how)

    faults: Sequence[tuple[str, Callable[[], Awaitable[None]]]] = (
        ("a bot killed", lambda: end(service.bots[0], signal.SIGKILL)),
        ("the trainer killed", lambda: end(service.trainer, signal.SIGKILL)),
        ("PostgreSQL restarted", lambda: restart_postgres(service.postgres)),
        ("a version swapped in", swap),
        ("the model server restarted", lambda: restart_engine(service.engine)),
        ("a bot restarted politely", lambda: end(service.bots[-1], signal.SIGTERM)),
    )

    async def fail() -> None:
        begun = perf_counter()
        for number, (name, act) in enumerate(faults, start=1):
            await asyncio.sleep(max(0.0, begun + plan.seconds * number / (len(faults) + 1) - perf_counter()))
            done.append(f"{perf_counter() - begun:.0f} s: {name}")
            await act()

    failing = asyncio.create_task(fail())
    try:
        asked = await crowd.steady(plan.rate, plan.seconds)
        await failing
    finally:
        failing.cancel()
        await asyncio.gather(failing, return_exceptions=True)
    await crowd.heard(asked, PATIENCE_SECONDS)
    outcome = await count(service, asked, promoted[0])
    outcome.done = done
    return outcome


async def count(service: Service, asked: Sequence[Asked], promoted: float) -> Outcome:
    """Read what became of it, once the run has ended and the bots have stored what they said."""
    store = service.world.store
    findings = Findings(asked)
    await compare(findings, store)
    runs = await store.runs.latest(limit=100)
    if runs and not runs[-1].state.is_final:
        runs = await _ended(service, runs[-1].id)
    swaps = await store.audit.latest(action="swap", actor="engine")
    return Outcome(
        asked,
        lost=findings.lost,
        stored_twice=findings.stored_twice,
        answers_twice=await questions_answered_twice(store),
        run=runs[-1] if runs else None,
        runs=len(runs),
        swapped_after=sorted(swap.created_at.timestamp() - promoted for swap in swaps),
        bots=len(service.bots),
        died={f"bot {number}": bot.died for number, bot in enumerate(service.bots)} | {"trainer": service.trainer.died},
    )


async def questions_answered_twice(store: Store) -> int:
    """How many questions have more than one answer in the database."""
    turns = await store.conversations.newest(limit=MOST_TURNS)
    answers = Counter(turn.reply_to for turn in turns if turn.reply_to is not None)
    return sum(number > 1 for number in answers.values())


async def _ended(service: Service, run_id: int) -> list[Run]:
    end = perf_counter() + PATIENCE_SECONDS
    while perf_counter() < end:
        run = await service.world.store.runs.get(run_id)
        if run is not None and run.state.is_final:
            break
        await asyncio.sleep(0.5)
    return await service.world.store.runs.latest(limit=100)


async def _until(fits: Callable[[], bool], patience_seconds: float, what: str) -> None:
    end = perf_counter() + patience_seconds
    while not fits():
        if perf_counter() > end:
            raise SystemExit(f"In vain for {patience_seconds:.0f} s: {what}.")
        await asyncio.sleep(0.1)


def table(outcome: Outcome) -> list[str]:
    """The counts, as rows."""
    rows = [f"| {name.replace('_', ' ')} | {count} |" for name, count in outcome.counts().items()]
    return ["| what | count |", "|---|---|", *rows]


def facts(plan: Plan, outcome: Outcome) -> dict[str, Any]:
    """All figures, for `--json`."""
    waits = [one.whole_at - one.at for one in outcome.asked if one.whole_at is not None]
    return {
        "plan": asdict(plan),
        "done": list(outcome.done),
        "counts": outcome.counts(),
        "broken": outcome.broken,
        "whole_answer_seconds": {f"p{share * 100:.0f}": percentile(waits, share) for share in (0.5, 0.99)},
        "swapped_after_seconds": list(outcome.swapped_after),
        "run": None if outcome.run is None else outcome.run.state.value,
        "died": dict(outcome.died),
    }


def main() -> None:
    """Drill and print a table; exit code 1 when something was lost or doubled."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--minutes", type=float, default=10.0)
    arguments.add_argument("--members", type=int, default=40)
    arguments.add_argument("--rate", type=float, default=1.0, help="messages a second")
    arguments.add_argument("--bots", type=int, default=2)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    given = arguments.parse_args()
    logging.disable(logging.WARNING)
    plan = Plan(given.minutes * 60, given.members, given.rate, given.bots, given.seed)
    with tempfile.TemporaryDirectory() as folder:
        outcome = asyncio.run(drill(plan, Path(folder)))
    told = facts(plan, outcome)
    if given.json:
        print(json.dumps(told, indent=2))
    else:
        print("\n".join(outcome.done), end="\n\n")
        print("\n".join(table(outcome)))
        print(
            "\n"
            + (f"Not as promised: {', '.join(outcome.broken)}" if outcome.broken else "Nothing lost, nothing doubled.")
        )
    if outcome.broken:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
