"""Several processes, and readers, on a database that is migrated meanwhile."""

import asyncio
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from storage.errors import DatabaseBusy
from storage.migrations import HEAD
from storage.settings import StoreSettings
from storage.store import database_of, open_store
from tests.fakes.clock import FakeClock
from tests.storage.old_database import OLD_ROWS, moved

OPEN = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from storage.settings import StoreSettings
from storage.store import open_store

async def main():
    settings = StoreSettings(url=sys.argv[1], busy_timeout_seconds=120)
    print("ready", flush=True)
    sys.stdin.readline()
    async with open_store(settings, Path(sys.argv[2]), clock=lambda: datetime.now(UTC)) as store:
        await store.audit.record("a", "started", "c")

asyncio.run(main())
"""


def run_at_once(command: list[str], times: int) -> list[int]:
    """The exit codes of processes that go on together once each has said that it is ready."""
    started = [subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True) for _ in range(times)]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in started:
        process.communicate(timeout=240)
    return [process.returncode for process in started]


async def stored_revision(settings: StoreSettings, home: Path) -> str | None:
    database = database_of(settings, home)
    found: str | None = await database.read(
        lambda session: session.scalar(text("SELECT version_num FROM alembic_version"))
    )
    await database.close()
    return found


async def test_processes_that_migrate_at_once_do_it_once_and_all_go_on(
    empty: StoreSettings, tmp_path: Path, clock: FakeClock
) -> None:
    await moved(empty, tmp_path, "0001", OLD_ROWS)
    command = [sys.executable, "-W", "error", "-c", OPEN, str(empty.url), str(tmp_path)]
    assert await asyncio.to_thread(run_at_once, command, 3) == [0, 0, 0]
    assert await stored_revision(empty, tmp_path) == HEAD
    async with open_store(empty, tmp_path, clock=clock) as store:
        assert len(await store.audit.latest(action="started")) == 3
        assert [one.id for one in await store.candidates.near_duplicates(1)] == [2]


@pytest.mark.parametrize("empty", ["postgresql"], indirect=True)
async def test_a_migration_that_a_reader_holds_up_gives_up_whole_and_goes_through_later(
    empty: StoreSettings, tmp_path: Path, clock: FakeClock
) -> None:
    await moved(empty, tmp_path, "0001", OLD_ROWS)
    impatient = empty.model_copy(update={"busy_timeout_seconds": 0.1})
    reader = create_async_engine(str(empty.url))
    async with reader.connect() as reading:
        await reading.execute(text("SELECT count(*) FROM candidates"))  # its lock lasts as long as its transaction
        with pytest.raises(DatabaseBusy):
            async with open_store(impatient, tmp_path, clock=clock):
                pass
        assert await stored_revision(empty, tmp_path) == "0001"
    await reader.dispose()
    async with open_store(impatient, tmp_path, clock=clock) as store:
        assert [one.id for one in await store.candidates.learnable()] == [1]
    assert await stored_revision(empty, tmp_path) == HEAD
