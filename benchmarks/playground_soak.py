"""Members talk for minutes while everything goes wrong at random: is anybody answered twice, or a stored word lost?

The bot is a process of its own, as in `playground_load`, with Discord's rate limits in force. Faults are drawn from a
seed, one after another and now and then two at once: cuts, lost sessions, dead sockets, 429, 5xx, lost answers, events
that come twice. Afterwards the bot's database is read: whoever saw a whole answer must find both words in it, once.

Run: python -m benchmarks.playground_soak [--minutes 10] [--members 50] [--rate 0.5] [--every 8] [--seed 1]
"""

import argparse
import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.bot_process import bot_in
from benchmarks.crowd import Asked, Crowd, crowd_in
from playground.server import Options, Playground, open_playground
from storage.settings import StoreSettings
from storage.store import Store, open_store

WAKING_SECONDS = 300.0
PATIENCE_SECONDS = 120.0
STORING_SECONDS = 15.0
CHANNELS = 20
HEARTBEAT_SECONDS = 5.0
MOST_TURNS = 1_000_000
SENDING = "POST /channels/*/messages"

FAULTS: Sequence[Mapping[str, Any]] = (
    {"kind": "drop"},
    {"kind": "reconnect"},
    {"kind": "invalid_session", "resumable": True},
    {"kind": "invalid_session", "resumable": False},
    {"kind": "refuse_resume"},
    {"kind": "zombie", "seconds": 15},
    {"kind": "half_closed"},
    {"kind": "duplicate_events", "seconds": 10},
    {"kind": "replay_events", "count": 50},
    {"kind": "rate_limit", "retry_after": 0.5, "times": 3},
    {"kind": "rate_limit", "retry_after": 1.0, "global": True, "times": 2},
    {"kind": "server_error", "status": 502, "times": 2, "route": SENDING},
    {"kind": "server_error", "status": 500, "carried_out": True, "times": 2, "route": SENDING},
    {"kind": "server_error", "status": 503, "times": 2, "route": "PATCH /channels/*"},
    {"kind": "lost_answer", "times": 2, "route": SENDING},
    {"kind": "slow", "delay_seconds": 2.0, "seconds": 10},
)
"""What is drawn from."""


@dataclass(frozen=True)
class Soak:
    """How long, how much, and how often something goes wrong."""

    seconds: float
    members: int
    rate: float
    """Messages a second."""
    every_seconds: float
    """Between two faults, on average."""
    seed: int
    patience_seconds: float = PATIENCE_SECONDS


@dataclass
class Findings:
    """What came of it."""

    asked: Sequence[Asked]
    faults: Counter[str] = field(default_factory=Counter)
    is_back: bool = True
    """Whether the bot was connected at the end, by itself."""
    has_died: bool = False
    lost: Sequence[str] = ()
    """Messages whose answer was seen whole, and which are not in the database with it."""
    stored_twice: Sequence[str] = ()

    @property
    def answered_twice(self) -> Sequence[str]:
        """Messages that more than one message of the bot answers."""
        return [one.id for one in self.asked if len(one.replies) > 1]

    @property
    def unheard(self) -> Sequence[str]:
        """Messages that got neither a whole answer nor a polite refusal."""
        return [one.id for one in self.asked if one.whole_at is None]

    @property
    def broken(self) -> Sequence[str]:
        """The promises that did not hold, in words; empty: all did."""
        promises = {
            "the bot died, and needs a restart by hand": self.has_died,
            "the bot did not come back by itself": not self.is_back,
            f"{len(self.answered_twice)} messages were answered twice": bool(self.answered_twice),
            f"{len(self.lost)} answers that were seen are not stored": bool(self.lost),
            f"{len(self.stored_twice)} messages are stored twice": bool(self.stored_twice),
            f"{len(self.unheard)} people heard nothing whole": bool(self.unheard),
            "nothing was answered at all": not any(one.is_answered for one in self.asked),
        }
        return [words for words, is_broken in promises.items() if is_broken]


async def go_through(crowd: Crowd, soak: Soak) -> Findings:
    """Talk while faults come; then all is well again, and everyone may hear the rest."""
    faults: Counter[str] = Counter()
    breaking = asyncio.create_task(_break(crowd, soak, faults))
    try:
        asked = await crowd.steady(soak.rate, soak.seconds)
    finally:
        breaking.cancel()
        with suppress(asyncio.CancelledError):
            await breaking
    await crowd.call("DELETE", "/faults")
    is_back = await crowd.connected(soak.patience_seconds)
    await crowd.heard(asked, soak.patience_seconds)
    return Findings(asked, faults, is_back)


async def _break(crowd: Crowd, soak: Soak, faults: Counter[str]) -> None:
    chance = random.Random(soak.seed)
    while True:
        await asyncio.sleep(chance.uniform(0.5, 1.5) * soak.every_seconds)
        for fault in chance.sample(FAULTS, chance.choice((1, 1, 2))):
            await crowd.call("POST", "/faults", json=fault)
            faults[fault["kind"]] += 1


async def compare(findings: Findings, store: Store, patience_seconds: float = STORING_SECONDS) -> None:
    """Look for what was acknowledged, that is seen as a whole answer, in the database.

    The bot notes which message an answer became after it was sent, so a moment is left for that.
    """
    end = perf_counter() + patience_seconds
    while True:
        turns = await store.conversations.newest(limit=MOST_TURNS)
        stored = Counter(turn.external_id for turn in turns if turn.external_id)
        findings.lost = [
            one.id
            for one in findings.asked
            if one.is_answered and not all(stored[each] for each in (one.id, *one.replies))
        ]
        findings.stored_twice = [external_id for external_id, count in stored.items() if count > 1]
        if not findings.lost or perf_counter() > end:
            return
        await asyncio.sleep(0.1)


async def measure(server: Playground, soak: Soak, home: Path, settings: Mapping[str, str]) -> Findings:
    """All of it, with the bot as a process, from its first start."""
    async with (
        crowd_in(server, members=soak.members, channels=CHANNELS, seed=soak.seed) as crowd,
        bot_in(server, home, settings) as bot,
    ):
        if not await crowd.connected(WAKING_SECONDS):
            raise SystemExit(f"The bot did not come: {(home / 'bot.out').read_text()[-2000:]}")
        findings = await go_through(crowd, soak)
        async with open_store(StoreSettings(), home, clock=lambda: datetime.now(UTC)) as store:
            await compare(findings, store)
    findings.has_died = bot.has_died
    return findings


async def _run(soak: Soak, settings: Mapping[str, str]) -> Findings:
    with tempfile.TemporaryDirectory() as folder:
        async with open_playground(Options(ports=(0,), heartbeat_seconds=HEARTBEAT_SECONDS)) as server:
            return await measure(server, soak, Path(folder), settings)


def _tell(findings: Findings) -> None:
    asked = findings.asked
    print("| what | count |")
    print("|---|---|")
    print(f"| faults | {findings.faults.total()} ({', '.join(f'{n} {k}' for k, n in findings.faults.most_common())}) |")
    print(f"| asked | {len(asked)} |")
    print(f"| answered | {sum(one.is_answered for one in asked)} |")
    print(f"| refused politely | {sum(bool(one.refusal) for one in asked)} |")
    print(f"| heard nothing whole | {len(findings.unheard)} |")
    print(f"| answered twice | {len(findings.answered_twice)} |")
    print(f"| seen and not stored | {len(findings.lost)} |")
    print(f"| stored twice | {len(findings.stored_twice)} |")
    print("\n" + ("; ".join(findings.broken) or "Every promise held; nobody restarted anything."))


def main() -> None:
    """Soak and print a table; exit code 1 when a promise did not hold."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--minutes", type=float, default=10.0)
    arguments.add_argument("--members", type=int, default=50)
    arguments.add_argument("--rate", type=float, default=0.5, help="messages a second")
    arguments.add_argument("--every", type=float, default=8.0, help="seconds between two faults")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--model", default="embedded")
    given = arguments.parse_args()
    soak = Soak(given.minutes * 60, given.members, given.rate, given.every, given.seed)
    findings = asyncio.run(_run(soak, {"MYNAH_ENGINE__BASE": given.model}))
    _tell(findings)
    if findings.broken:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
