import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, select
from sqlmodel import col

from storage.database import Database
from storage.errors import Refused
from storage.governance import Feedback
from storage.migrate import MIGRATIONS
from storage.migrations import HEAD
from storage.settings import StoreSettings
from storage.store import Store, open_store
from storage.tables import KeptBandRow, Row
from storage.values import Snapshot
from tests.fakes.clock import FakeClock
from tests.storage.old_database import BEFORE, OLD_ROWS, moved
from tests.storage.talk import example


async def _with_connection(database: Database, look: Callable[[Connection], Any]) -> Any:
    return await database.read(lambda session: look(session.connection()))


async def test_the_migrations_make_just_the_tables_that_the_program_knows(store: Store) -> None:
    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Row.metadata))

    assert await _with_connection(store._database, differences) == []


def test_the_head_named_in_the_program_is_the_head_of_the_scripts() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_ids_are_never_used_twice(migrated_home: Path) -> None:
    with contextlib.closing(sqlite3.connect(migrated_home / "mynah.db")) as database:
        made = dict(database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
    for name, table in Row.metadata.tables.items():
        if "id" in table.columns:
            assert "AUTOINCREMENT" in made[name], name


async def test_a_database_of_the_first_version_is_upgraded_with_what_is_in_it(
    empty: StoreSettings, tmp_path: Path, clock: FakeClock
) -> None:
    await moved(empty, tmp_path, "0001", OLD_ROWS)
    for _ in range(2):
        async with open_store(empty, tmp_path, clock=clock) as store:
            assert [one.id for one in await store.candidates.learnable()] == [1]
            assert [one.id for one in await store.candidates.near_duplicates(1)] == [2]
            found = await store.candidates.nearest_approved("harbour", "do gulls sleep")
            assert [one.candidate.id for one in found] == [1]
            again = example("when does the ferry leave", "on the water", server="harbour")
            assert (await store.candidates.add(again)).id == 3
            assert (await store.review_queue.next("harbour", "mod")) is not None
            (day,) = (await store.review_queue.stats("harbour", days=60)).days
            assert (day.approved, day.rejected) == (1, 0), "a review of a deleted candidate is of no known server"
            assert await store.aliases.champions() == {"": "v"}
            assert (await store.runs.latest())[0].line == ""
            assert (await store.snapshots.get("s")) == Snapshot("s", "f", 1, 0, BEFORE)
            assert (await store.audit.latest(action="promote"))[0].server is None
            with pytest.raises(Refused):
                await store.candidates.undo("mod", candidate_id=1)
        await moved(empty, tmp_path, "0001", {})


def quoting_run(snapshot: str, champion: str) -> dict[str, Any]:
    replies = [
        {"prompt": "where do the gulls sleep", "before": "no", "after": "on the water", "taught": "on the water"}
    ]
    report = {
        "champion": champion,
        "verdict": "No.",
        "replies": replies,
        "markdown": "**No.**\n> where do\n  after: on",
    }
    return {
        "state": "refused",
        "requested_by": "schedule",
        "progress": 1.0,
        "note": "",
        "snapshot_hash": snapshot,
        "report": report,
        "newest_review_id": 0,
        "cancel_requested": False,
        "created_at": BEFORE,
        "updated_at": BEFORE,
        "line": "",
    }


SECOND_ROWS: dict[str, list[dict[str, Any]]] = {
    "conversations": [{"id": 1, "server": "harbour", "channel": "pier", "started_at": BEFORE}],
    "turns": [
        {
            "conversation_id": 1,
            "server": "harbour",
            "role": "user",
            "text": "my secret plan",
            "source": "message",
            "outcome": "refuse",
            "screen_version": "1",
            "verdict": {"text": "", "reasons": reasons, "scores": {}, "blocks_reply": False, "is_crisis": False},
            "author_key": "ada",
            "external_id": message,
            "created_at": BEFORE,
        }
        for message, reasons in [("m-1", ["kept-out:asked"]), ("m-2", ["toxicity:insult"])]
    ],
    "candidates": [
        {**row, "authors_hash": "", "feedback": "", "is_novel": True, "review_rank": 0}
        for row in OLD_ROWS["candidates"]
        if row["id"] == 1
    ],
    "snapshots": [
        {
            "content_hash": name,
            "folder": "f",
            "train_examples": 1,
            "heldout_examples": 0,
            "created_at": BEFORE,
            "line": "",
        }
        for name in ("whole", "broken")
    ],
    "snapshot_candidates": [
        {"snapshot_hash": "whole", "position": 0, "candidate_id": 1},
        {"snapshot_hash": "broken", "position": 0, "candidate_id": 99},
    ],
    "model_versions": [
        {
            "version": "made of it",
            "content_hash": "v",
            "kind": "full",
            "snapshot_hash": "broken",
            "created_at": BEFORE,
            "note": "",
        }
    ],
    "runs": [quoting_run("whole", "base"), quoting_run("broken", "base"), quoting_run("whole", "made of it")],
}


async def test_a_database_of_the_second_version_keeps_out_what_was_and_quotes_nobody_who_is_gone(
    empty: StoreSettings, tmp_path: Path, clock: FakeClock
) -> None:
    await moved(empty, tmp_path, "0002", SECOND_ROWS)
    for _ in range(2):
        async with open_store(empty, tmp_path, clock=clock) as store:
            assert await store.kept_out.among("harbour", ["m-1", "m-2"]) == {"m-1"}
            assert await store.snapshots.incomplete() == ["broken"]
            assert await store.runs.without_quotes() == [2, 3]
            kept = [await store.runs.get(number) for number in (1, 2, 3)]
            assert ["gulls" in str(run) for run in kept] == [True, False, False]
            assert ["where do" in str(run) for run in kept] == [True, False, False]
            assert [run.report["verdict"] for run in kept if run is not None and run.report is not None] == ["No."] * 3
        await moved(empty, tmp_path, "0002", {})


FOURTH_ROWS: dict[str, list[dict[str, Any]]] = {
    "conversations": [{"id": 1, "server": "harbour", "channel": "pier", "started_at": BEFORE}],
    "turns": [
        {
            "id": 7,
            "conversation_id": 1,
            "server": "harbour",
            "role": "assistant",
            "text": "on the water",
            "source": "message",
            "outcome": "pass",
            "screen_version": "1",
            "verdict": {},
            "created_at": BEFORE,
        }
    ],
    "candidates": [
        {
            **row,
            "authors_hash": "",
            "feedback": feedback,
            "is_novel": True,
            "review_rank": 0,
            "curated_under": "",
            "assistant_turn_id": answer,
        }
        for row, feedback, answer in zip(OLD_ROWS["candidates"], ("", "corrected", "thanked"), (7, 7, 99), strict=True)
    ],
}


async def test_a_database_of_the_fourth_version_keeps_its_hints_with_the_answers(
    empty: StoreSettings, tmp_path: Path, clock: FakeClock
) -> None:
    await moved(empty, tmp_path, "0004", FOURTH_ROWS)
    for _ in range(2):
        async with open_store(empty, tmp_path, clock=clock) as store:
            hints = [(await store.review_queue.item(number)).feedback for number in (1, 2, 3)]
            assert hints == [Feedback.CORRECTED, Feedback.CORRECTED, None], "the third one's answer is gone"
        await moved(empty, tmp_path, "0004", {})


NINTH_ROWS: dict[str, list[dict[str, Any]]] = {
    "candidates": [
        {
            **row,
            "state": "approved",
            "authors_hash": "",
            "is_novel": True,
            "review_rank": 0,
            "curated_under": "rules",
        }
        for row in OLD_ROWS["candidates"]
    ],
    "candidate_bands": [{"candidate_id": row["id"], "band": 7} for row in OLD_ROWS["candidates"]],
    "curations": [
        {
            "candidate_id": number,
            "reason": reason,
            "rules": "rules",
            "screen_version": "1",
            "digest": str(number),
            "cluster": number,
            "side": "",
            "first_cycle": 1,
            "looked_at": BEFORE,
        }
        for number, reason in ((1, ""), (2, "nearly the same was said often enough"))
    ],
}


async def test_a_database_of_the_ninth_version_finds_near_words_among_what_is_taken(
    empty: StoreSettings, tmp_path: Path, clock: FakeClock
) -> None:
    await moved(empty, tmp_path, "0009", NINTH_ROWS)
    for _ in range(2):
        async with open_store(empty, tmp_path, clock=clock) as store:
            kept = await store._database.read(
                lambda session: session.scalars(select(col(KeptBandRow.candidate_id))).all()
            )
            assert kept == [1]
        await moved(empty, tmp_path, "0009", {})
