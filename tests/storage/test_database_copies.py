"""Copies of a database: whole, of one moment, and without what was deleted."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import make_url

from storage import database_copies
from storage.database_copies import DatabaseCopies, SqliteCopies, copies_of
from storage.errors import MynahError, WrongUsage
from storage.postgres_programs import PostgresPrograms, environment
from storage.settings import StoreSettings
from storage.store import Store, database_of, open_store
from tests.fakes.clock import FakeClock
from tests.fakes.postgres import run_statements
from tests.storage.talk import agreed, say


@pytest.fixture
async def copies(settings: StoreSettings, tmp_path: Path, store: Store) -> AsyncIterator[DatabaseCopies]:
    database = database_of(settings, tmp_path / "home")
    yield copies_of(database)
    await database.close()


@pytest.fixture
async def elsewhere(settings: StoreSettings, tmp_path: Path, postgres_elsewhere: str | None) -> StoreSettings:
    """An empty database of the same kind."""
    (tmp_path / "elsewhere").mkdir()
    return settings.model_copy(update={"url": postgres_elsewhere})


@pytest.fixture
async def postgres_elsewhere(settings: StoreSettings, request: pytest.FixtureRequest) -> AsyncIterator[str | None]:
    if settings.url is None:
        yield None
        return
    server, name = request.getfixturevalue("postgres_server"), f"mynah_elsewhere_{os.getpid()}"
    await run_statements(server, f"CREATE DATABASE {name}")
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    await run_statements(server, f"DROP DATABASE {name} WITH (FORCE)")


async def test_a_copy_has_what_was_there(
    store: Store, copies: DatabaseCopies, elsewhere: StoreSettings, tmp_path: Path, clock: FakeClock
) -> None:
    await agreed(store, "ada")
    turn = await say(store, "where do gulls sleep")
    await copies.copy(tmp_path / "copy")
    await say(store, "said after it")
    database = database_of(elsewhere, tmp_path / "elsewhere")
    try:
        await copies_of(database).check_unused()
        await copies_of(database).fill(tmp_path / "copy")
        with pytest.raises(WrongUsage):
            await copies_of(database).check_unused()
        async with open_store(elsewhere, tmp_path / "elsewhere", clock=clock) as opened:
            assert [one.text for one in await opened.conversations.history(turn.conversation_id, limit=9)] == [
                turn.text
            ]
            assert await opened.consents.get("harbour", "ada") is True
            await say(opened, "and it goes on")
        await copies_of(database).empty()
        await copies_of(database).check_unused()
        await copies_of(database).empty()
    finally:
        await database.close()


async def test_no_database_is_emptied_that_a_finished_restore_filled(
    store: Store, copies: DatabaseCopies, elsewhere: StoreSettings, tmp_path: Path, clock: FakeClock
) -> None:
    if elsewhere.url is None:
        pytest.skip("a SQLite file is laid out beside its place until all is whole")
    await agreed(store, "ada")
    await copies.copy(tmp_path / "copy")
    database = database_of(elsewhere, tmp_path / "elsewhere")
    try:
        await copies_of(database).fill(tmp_path / "copy")
        await copies_of(database).finished()
        await copies_of(database).finished()
        with pytest.raises(WrongUsage, match="no interrupted restore"):
            await copies_of(database).empty()
        async with open_store(elsewhere, tmp_path / "elsewhere", clock=clock) as opened:
            assert await opened.consents.get("harbour", "ada") is True
    finally:
        await database.close()


async def test_a_copy_of_what_is_no_copy_fills_nothing(elsewhere: StoreSettings, tmp_path: Path) -> None:
    if elsewhere.url is None:
        pytest.skip("a SQLite file is looked at when it is opened")
    (tmp_path / "copy").write_bytes(b"no dump")
    database = database_of(elsewhere, tmp_path / "elsewhere")
    try:
        with pytest.raises(MynahError, match="pg_restore"):
            await copies_of(database).fill(tmp_path / "copy")
        await copies_of(database).empty()
        await copies_of(database).check_unused()
    finally:
        await database.close()


async def test_a_database_that_somebody_is_connected_to_is_not_filled(elsewhere: StoreSettings, tmp_path: Path) -> None:
    if elsewhere.url is None:
        pytest.skip("a SQLite file that is not there has no connections")
    import asyncpg

    url = make_url(elsewhere.url)
    other = await asyncpg.connect(host=url.query["host"], user=url.username, database=url.database)
    database = database_of(elsewhere, tmp_path / "elsewhere")
    try:
        with pytest.raises(WrongUsage, match="Somebody is connected"):
            await copies_of(database).check_unused()
    finally:
        await other.close()
        await database.close()


WRITING = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
db.execute("PRAGMA journal_mode=TRUNCATE")
print("begun", flush=True)
for number in range(10**9):
    db.execute("BEGIN IMMEDIATE")
    db.execute("INSERT INTO left_side VALUES (?, ?)", (number, "x" * 3000))
    db.execute("INSERT INTO right_side VALUES (?, ?)", (number, "x" * 3000))
    db.execute("COMMIT")
"""


def test_a_copy_is_of_one_moment_while_another_process_writes(tmp_path: Path) -> None:
    path = tmp_path / "lively.db"
    with closing(sqlite3.connect(path)) as db:
        for side in ("left_side", "right_side"):
            db.execute(f"CREATE TABLE {side} (number INTEGER, filling TEXT)")
        db.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
            "INSERT INTO left_side SELECT -i, hex(zeroblob(1500)) FROM n"
        )
        db.execute("INSERT INTO right_side SELECT number, filling FROM left_side")
        db.commit()
    writer = subprocess.Popen([sys.executable, "-c", WRITING, str(path)], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    try:
        writer.stdout.readline()
        asyncio.run(SqliteCopies(path).copy(tmp_path / "copy"))
        assert writer.poll() is None
    finally:
        writer.kill()
        writer.wait()
        writer.stdout.close()
    with closing(sqlite3.connect(tmp_path / "copy")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        left = copy.execute("SELECT count(*), max(number) FROM left_side").fetchone()
        right = copy.execute("SELECT count(*), max(number) FROM right_side").fetchone()
    assert left == right
    assert left[0] >= 3000
    assert {one.name for one in tmp_path.iterdir()} <= {"lively.db", "lively.db-journal", "copy"}


async def test_when_small_steps_never_end_one_step_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_copies, "_PAGES_A_STEP", 1)
    monkeypatch.setattr(database_copies, "_MOST_ROUNDS", 0)
    with closing(sqlite3.connect(tmp_path / "some.db")) as db:
        db.execute("CREATE TABLE words (word TEXT)")
        db.execute("INSERT INTO words VALUES ('gull')")
        db.commit()
    await SqliteCopies(tmp_path / "some.db").copy(tmp_path / "copy")
    with closing(sqlite3.connect(tmp_path / "copy")) as copy:
        assert copy.execute("SELECT word FROM words").fetchall() == [("gull",)]


async def test_what_was_deleted_is_in_no_copy(store: Store, tmp_path: Path) -> None:
    """SQLite keeps deleted rows in free pages; a copy of a forgotten member's words would be no forgetting."""
    if not store.url.startswith("sqlite"):
        pytest.skip("a dump has rows only")
    for number in range(200):
        await say(store, f"a secret about the harbour {number}")
    await store.members.forget("ada")
    await SqliteCopies(tmp_path / "home" / "mynah.db").copy(tmp_path / "copy")
    assert b"a secret about" not in (tmp_path / "copy").read_bytes()


def test_a_damaged_database_is_not_copied(tmp_path: Path, migrated_home: Path) -> None:
    data = bytearray((migrated_home / "mynah.db").read_bytes())
    data[4096 * 3 : 4096 * 6] = b"\xaa" * (4096 * 3)
    (tmp_path / "damaged.db").write_bytes(data)
    with pytest.raises(WrongUsage, match="damaged"):
        asyncio.run(SqliteCopies(tmp_path / "damaged.db").copy(tmp_path / "copy"))
    assert [one.name for one in tmp_path.iterdir()] == ["damaged.db"]


def fake_program(folder: Path, name: str, words: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 1\n")
    (folder / name).chmod(0o755)


def test_a_missing_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WrongUsage, match=r"pg_dump is not installed.*postgresql-client"):
        PostgresPrograms(make_url("postgresql://mynah@db/mynah")).dump(tmp_path / "copy")


@pytest.mark.parametrize(
    ("words", "kind", "told"),
    [
        ("pg_dump: error: aborting because of server version mismatch", WrongUsage, "too old"),
        ("pg_dump: error: connection to server failed", MynahError, "connection to server failed"),
    ],
    ids=["too old", "failed"],
)
def test_what_a_program_says_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, kind: type[MynahError], told: str
) -> None:
    fake_program(tmp_path, "pg_dump", words)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MynahError, match=told) as caught:
        PostgresPrograms(make_url("postgresql://mynah:hush@db/mynah")).dump(tmp_path / "copy")
    assert type(caught.value) is kind
    assert "hush" not in str(caught.value)


def test_the_programs_find_the_database_in_the_environment() -> None:
    told = environment(make_url("postgresql+asyncpg://mira:h%40sh@db:5433/talk?ssl=require"))
    names = ("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGSSLMODE")
    assert [told[name] for name in names] == ["db", "5433", "mira", "h@sh", "talk", "require"]
