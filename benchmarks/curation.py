"""What 1,000 new rows cost curation, beside 10,000, 100,000 or a million rows of history.

Run by `python -m benchmarks.curation`. For each size a history is written (in bulk, as a Mynah of some years would have
it: approved talk of members with a hundred examples each, looked at and taken), then 1,000 new rows of a hundred of them
are approved and looked at, some rounds long, in a process of their own. The screen is a stand-in that passes
everything at once: what it costs is the same for every row, whatever there is, and here it would hide what is measured.

Beside it stands the whole: the same and the reading of a snapshot, which grows with the snapshot (and stops growing at
`MYNAH_TRAINER__MAX_EXAMPLES`).
"""

import argparse
import asyncio
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from storage.candidate_rows import authors_hash, messages_to_json
from storage.candidates import content_hash
from storage.registry import ModelRegistry
from storage.settings import StoreSettings
from storage.similarity import Print
from storage.store import Store, open_store
from storage.tables import (
    CandidateAuthorRow,
    CandidateBandRow,
    CandidateRow,
    ConsentRow,
    CurationRow,
    KeptBandRow,
    ReviewRow,
)
from storage.values import Decision, Message, Outcome, Role, RunState, Source, Verdict
from trainer.curation import rules_of
from trainer.examples import Approved
from trainer.settings import TrainerSettings
from trainer.world import TrainerWorld

CHAT = Path(__file__).with_name("data") / "benign_chat.txt"
SERVER = "benchmark"
EXAMPLES_A_MEMBER = 100
NEW_ROWS = 1_000
NEW_MEMBERS = 100
"""Of whom the new rows are: members with a history, as many at every size."""
AT_ONCE = 2_000
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
SETTINGS = TrainerSettings(cron="", approvals=0)


class Passing:
    """A screen that passes everything."""

    version = "passing-1"

    def screen(self, texts: Sequence[str]) -> list[Verdict]:
        """A verdict for each text."""
        return [Verdict(Outcome.PASS, text, screen_version=self.version) for text in texts]

    async def check(self, texts: Sequence[str]) -> list[Verdict]:
        """A verdict for each text."""
        return self.screen(texts)


class Talk:
    """Exchanges as people have them: common words come often, few exchanges are like another, some are just the same."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._words = CHAT.read_text("utf-8").split()

    def exchange(self) -> tuple[Message, Message]:
        """A question and its answer."""
        if self._chance.random() < 0.02:
            return Message(Role.USER, "hello there"), Message(Role.ASSISTANT, f"hi{'!' * self._chance.randrange(9)}")
        said, answered = (" ".join(self._chance.choices(self._words, k=self._chance.randint(4, 20))) for _ in range(2))
        return Message(Role.USER, said), Message(Role.ASSISTANT, answered)


def rows(numbers: Iterator[int], count: int, members: int, seed: int, rules: str) -> dict[Any, list[dict[str, Any]]]:
    """Approved candidates with all that belongs to them; with `rules`, looked at and taken."""
    talk, chance = Talk(seed), random.Random(seed)
    found: dict[Any, list[dict[str, Any]]] = {
        table: [] for table in (CandidateRow, CandidateAuthorRow, CandidateBandRow, ReviewRow, CurationRow, KeptBandRow)
    }
    for _ in range(count):
        number, author = next(numbers), f"member {chance.randrange(members)}"
        messages = talk.exchange()
        digest = content_hash(messages)
        found[CandidateRow].append(
            {
                "id": number,
                "server": SERVER,
                "channel": "talk",
                "source": Source.MESSAGE.value,
                "state": "approved",
                "messages": messages_to_json(messages),
                # Common phrases are said by the same member again, which a real store would not write twice.
                "content_hash": f"{digest}",
                "outcome": Outcome.PASS.value,
                "screen_version": Passing.version,
                "verdict": {},
                "created_at": BEGIN + timedelta(minutes=number),
                "authors_hash": f"{authors_hash([author])} {number}",
                "is_novel": True,
                "review_rank": 0,
                "curated_under": rules,
            }
        )
        found[CandidateAuthorRow].append({"candidate_id": number, "author_key": author})
        bands = [{"candidate_id": number, "band": band} for band in Print.of(messages).bands]
        found[CandidateBandRow] += bands
        found[ReviewRow].append(
            {
                "candidate_id": number,
                "reviewer_key": "moderator",
                "decision": Decision.APPROVE.value,
                "reason": "",
                "created_at": BEGIN + timedelta(minutes=number),
                "server": SERVER,
            }
        )
        if rules:
            is_common = messages[0].text == "hello there"
            is_kept = number <= 100 or not is_common
            found[KeptBandRow] += [row for row in bands if is_kept]
            found[CurationRow].append(
                {
                    "candidate_id": number,
                    "reason": "" if is_kept else "nearly the same was said often enough",
                    "rules": rules,
                    "screen_version": Passing.version,
                    "digest": digest,
                    "cluster": 1 if is_common else number,
                    "side": "train",
                    "first_cycle": 1,
                    "kept_cycle": 1,
                    "looked_at": BEGIN,
                }
            )
    return found


async def write(store: Store, some: dict[Any, list[dict[str, Any]]]) -> None:
    """Put rows into their tables."""

    def work(session: Session) -> None:
        for table, values in some.items():
            if values:
                session.connection().execute(insert(table.__table__), values)

    await store.curations._write(work)


async def fill(home: Path, size: int) -> None:
    """A history of a size."""
    async with open_store(StoreSettings(), home, clock=lambda: datetime.now(UTC)) as store:
        rules = rules_of(SETTINGS, Passing.version, store.server_defaults)
        members = size // EXAMPLES_A_MEMBER
        agreed = [
            {"server": SERVER, "author_key": f"member {number}", "allowed": True, "created_at": BEGIN}
            for number in range(members + NEW_ROWS)
        ]
        await write(store, {ConsentRow: agreed})
        numbers = iter(range(1, size + 1))
        for start in range(0, size, AT_ONCE):
            await write(store, rows(numbers, min(AT_ONCE, size - start), members, start + 1, rules))


async def end_a_run(store: Store) -> None:
    """Let it be known that a run has taken all reviews into account, as every run does that reaches the gate."""
    run = await store.runs.request("benchmark")
    newest = await store.candidates.newest_review_id()
    await store.runs.advance(run.id, RunState.REFUSED, newest_review_id=newest)


async def measure(home: Path, size: int, rounds: int) -> dict[str, list[float]]:
    """CPU seconds of each round, the highest memory in MB, and seconds of reading it all as a snapshot would.

    The first round warms up and is dropped.
    """
    figures: dict[str, list[float]] = {"look": []}
    async with open_store(StoreSettings(), home, clock=lambda: datetime.now(UTC)) as store:
        world = TrainerWorld(
            store=store,
            registry=ModelRegistry(home / "models", store),
            screening=Passing(),
            settings=SETTINGS,
            base_version="base",
            work_folder=home / "work",
            device="cpu",
            clock=lambda: datetime.now(UTC),
        )
        approved = Approved(world)
        await approved.look(lambda: None, cycle=1)
        await end_a_run(store)
        numbers = iter(range(size + 1, 1 << 60))
        for number in range(rounds + 1):
            await write(store, rows(numbers, NEW_ROWS, NEW_MEMBERS, 1_000_000_007 + number, rules=""))
            worked = time.process_time()
            await approved.look(lambda: None, cycle=2 + number)
            figures["look"].append(time.process_time() - worked)
            await end_a_run(store)
        figures["peak"] = [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024] * 2
        worked = time.process_time()
        curated, _ = await approved.curated(lambda: None, cycle=3 + rounds)
        figures["snapshot"] = [time.process_time() - worked] * 2
        assert len(curated.examples) > min(size, SETTINGS.max_examples) // 2, "the history was not taken"
    return {name: measured[1:] for name, measured in figures.items()}


def apart(home: Path, size: int, rounds: int) -> dict[str, list[float]]:
    """Measure in a process of its own, whose memory holds nothing else."""
    command = [sys.executable, "-m", "benchmarks.curation", "--measure", str(home), str(size), "--rounds", str(rounds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told: dict[str, list[float]] = json.loads(done.stdout)
    return told


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000], help="rows of history")
    parser.add_argument("--million", action="store_true", help="also a million rows: some GB of disk, half an hour")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=None, help="where the databases are made; default: temporary")
    parser.add_argument("--measure", nargs=2, default=None, metavar=("HOME", "SIZE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        home, size = options.measure
        print(json.dumps(asyncio.run(measure(Path(home), int(size), options.rounds))))
        return
    print(
        "| history | CPU s for 1,000 new rows (median) | lowest to highest | against the first | MB at most | snapshot s |"
    )
    print("|---|---|---|---|---|---|", flush=True)
    first = 0.0
    for size in [*options.sizes, *([1_000_000] if options.million else [])]:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            asyncio.run(fill(Path(folder), size))
            figures = apart(Path(folder), size, options.rounds)
        look = figures["look"]
        middle = statistics.median(look)
        first = first or middle
        print(
            f"| {size:,} | {middle:.2f} | {min(look):.2f} to {max(look):.2f} | {middle / first:.2f} × "
            f"| {max(figures['peak']):.0f} | {figures['snapshot'][0]:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
