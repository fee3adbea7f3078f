"""Fixtures that every house's tests may use."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from storage.settings import StoreSettings
from storage.store import Store, open_store
from tests.fakes.clock import FakeClock
from tests.fakes.postgres import programs_are_here, temporary_postgres


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def migrated_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder with an empty database at the newest migration: copied, since migrating each time is slow."""
    home = tmp_path_factory.mktemp("migrated") / "home"

    async def migrate() -> None:
        async with open_store(StoreSettings(), home, clock=FakeClock()):
            pass

    asyncio.run(migrate())
    return home


@pytest.fixture
async def store(tmp_path: Path, clock: FakeClock, migrated_home: Path) -> AsyncIterator[Store]:
    """A fresh store on SQLite in the test's own folder, whose time is `clock`."""
    shutil.copytree(migrated_home, tmp_path / "home")
    async with open_store(StoreSettings(), tmp_path / "home", clock=clock) as opened:
        yield opened


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server: the one that is named, or a temporary one where its programs are."""
    named = os.environ.get("MYNAH_TEST_POSTGRES_URL")
    if named:
        yield named
    elif programs_are_here():
        with temporary_postgres() as url:
            yield url
    else:
        pytest.skip(
            "no PostgreSQL: install Debian's package postgresql, "
            "or set MYNAH_TEST_POSTGRES_URL=postgresql+asyncpg://USER@HOST/DB (its user may create databases)"
        )
