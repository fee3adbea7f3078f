"""The same suite on every database that Mynah speaks to."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from storage.settings import StoreSettings
from storage.store import Store, open_store
from storage.tables import Row
from tests.fakes.clock import FakeClock
from tests.fakes.postgres import run_statements


@pytest.fixture(scope="session")
def postgres_database(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a migrated database of this test process's own."""
    name = f"mynah_test_{os.getpid()}"
    url = make_url(postgres_server).set(database=name).render_as_string(hide_password=False)

    async def migrate() -> None:
        await run_statements(postgres_server, f"CREATE DATABASE {name}")
        async with open_store(StoreSettings(url=url), tmp_path_factory.mktemp("home"), clock=FakeClock()):
            pass

    asyncio.run(migrate())
    yield url
    asyncio.run(run_statements(postgres_server, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
async def postgres_url(postgres_database: str) -> str:
    """The URL of a database without rows."""
    await run_statements(postgres_database, f"TRUNCATE {', '.join(Row.metadata.tables)} RESTART IDENTITY CASCADE")
    return postgres_database


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreSettings]:
    """Settings of a database without tables."""
    if request.param == "sqlite":
        yield StoreSettings(url=f"sqlite:///{tmp_path}/old.db")
        return
    server = request.getfixturevalue("postgres_server")
    name = f"mynah_old_{os.getpid()}"
    asyncio.run(run_statements(server, f"CREATE DATABASE {name}"))
    yield StoreSettings(url=make_url(server).set(database=name).render_as_string(hide_password=False))
    asyncio.run(run_statements(server, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path, migrated_home: Path) -> StoreSettings:
    """Settings of a fresh, migrated database."""
    shutil.copytree(migrated_home, tmp_path / "home")
    return StoreSettings(url=request.getfixturevalue("postgres_url") if request.param == "postgresql" else None)


@pytest.fixture
async def store(settings: StoreSettings, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Store]:
    """A fresh store, once on each database."""
    async with open_store(settings, tmp_path / "home", clock=clock) as opened:
        yield opened
