"""Rows of talk per second: the store's writer beside bare sqlite3, with the same durability.

Run by `python -m benchmarks.logging_rows`. Both write rows of the same width into a rollback journal with
`synchronous=FULL`; bare sqlite3 commits each row by itself, as a program without a group commit would. The rounds
alternate, so that a machine that is busy for a while is busy for both.
"""

import argparse
import asyncio
import json
import sqlite3
import statistics
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from storage.settings import StoreSettings
from storage.store import Store, open_store
from storage.values import NewTurn, Outcome, Role, Source, Verdict
from storage.verdicts import verdict_to_json

TEXT = "do you know when the ferry to the island leaves on sundays"
VERDICT = Verdict(Outcome.PASS, TEXT, scores={"toxicity": 0.01, "insult": 0.002}, screen_version="screen-1")
WRITERS = (1, 8, 64)


def bare(folder: Path, rows: int) -> float:
    """Rows per second of bare sqlite3, one row a commit."""
    with closing(sqlite3.connect(folder / "bare.db", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=TRUNCATE")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE IF NOT EXISTS turns (id INTEGER PRIMARY KEY, role, text, verdict, author, at)")
        database.execute("CREATE INDEX IF NOT EXISTS ix ON turns (author, id)")
        begun = time.perf_counter()
        for _ in range(rows):
            verdict = json.dumps(verdict_to_json(VERDICT))
            row = ("user", TEXT, verdict, "a" * 64, datetime.now(UTC).isoformat())
            database.execute("INSERT INTO turns (role, text, verdict, author, at) VALUES (?, ?, ?, ?, ?)", row)
        return rows / (time.perf_counter() - begun)


async def through_the_writer(store: Store, rows: int, writers: int, mark: str) -> float:
    """Rows per second of as many tasks as there are writers, each waiting for its row before the next."""
    conversation = await store.conversations.current("benchmark", "channel")

    async def write(who: int) -> None:
        for number in range(rows // writers):
            await store.conversations.add_turn(
                NewTurn(
                    conversation_id=conversation.id,
                    role=Role.USER,
                    text=TEXT,
                    source=Source.MESSAGE,
                    verdict=VERDICT,
                    author_key="a" * 64,
                    external_id=f"{mark}-{who}-{number}",
                )
            )

    begun = time.perf_counter()
    await asyncio.gather(*(write(who) for who in range(writers)))
    return (rows // writers) * writers / (time.perf_counter() - begun)


async def measure(folder: Path, rows: int, rounds: int) -> dict[str, list[float]]:
    """Rows per second of every way, a figure for each round; the first round warms up and is dropped."""
    figures: dict[str, list[float]] = {"bare": [], **{str(writers): [] for writers in WRITERS}}
    async with open_store(StoreSettings(), folder, clock=lambda: datetime.now(UTC)) as store:
        for number in range(rounds + 1):
            figures["bare"].append(await asyncio.to_thread(bare, folder, rows))
            for writers in WRITERS:
                mark = f"{number}-{writers}"
                figures[str(writers)].append(await through_the_writer(store, rows, writers, mark))
        stored = await store.conversations.count()
    assert stored == (rounds + 1) * sum(rows // writers * writers for writers in WRITERS), "rows were lost"
    return {way: measured[1:] for way, measured in figures.items()}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description="Rows per second through the writer and through bare sqlite3.")
    parser.add_argument("--rows", type=int, default=512, help="rows a round and way")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--folder", type=Path, default=None, help="where the databases are made; default: a temporary one"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        figures = asyncio.run(measure(Path(folder), options.rows, options.rounds))
    base = statistics.median(figures["bare"])
    print("| way | rows/s (median) | lowest to highest | against bare |\n|---|---|---|---|")
    for way, measured in figures.items():
        name = "bare sqlite3, one row a commit" if way == "bare" else f"store, {way} at once"
        middle = statistics.median(measured)
        print(f"| {name} | {middle:,.0f} | {min(measured):,.0f} to {max(measured):,.0f} | {middle / base:.2f} × |")


if __name__ == "__main__":
    main()
