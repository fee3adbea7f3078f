"""A change wakes who waits for it, in another process too; without notices, the time does."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from storage.settings import StoreSettings
from storage.store import Store, open_store
from tests.fakes.clock import FakeClock

FOREVER = 60.0


@pytest.fixture
async def other(postgres_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Store]:
    """The store of another process, on the same PostgreSQL."""
    async with open_store(StoreSettings(url=postgres_url), tmp_path / "other", clock=clock) as opened:
        yield opened


@pytest.fixture
async def ours(postgres_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Store]:
    async with open_store(StoreSettings(url=postgres_url), tmp_path / "home", clock=clock) as opened:
        yield opened


async def test_a_change_elsewhere_wakes_who_waits_for_it_and_nobody_else(ours: Store, other: Store) -> None:
    choices, runs = ours.notices.of("server_settings"), ours.notices.of("runs")
    for changes in (choices, runs):
        await changes.wait(FOREVER)  # listening has begun: everything may have changed before
    waiting = asyncio.create_task(choices.wait(FOREVER))
    unconcerned = asyncio.create_task(runs.wait(FOREVER))
    await other.runs.request("command")
    await asyncio.wait_for(unconcerned, FOREVER)
    assert not waiting.done()
    await other.server_settings.turn_learning_on("harbour", "an admin")
    await asyncio.wait_for(waiting, FOREVER)


async def test_a_change_between_two_waits_is_not_missed(ours: Store, other: Store) -> None:
    changes = ours.notices.of("runs")
    await changes.wait(FOREVER)
    heard = ours.notices.of("runs")
    await other.runs.request("command")
    await heard.wait(FOREVER)
    await asyncio.wait_for(changes.wait(FOREVER), FOREVER)


async def test_a_lost_connection_is_made_again_and_everything_may_have_changed(
    ours: Store, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.notices.AGAIN_SECONDS", 0.01)
    changes = ours.notices.of("runs")
    await changes.wait(FOREVER)
    await _end_other_connections(other)
    await asyncio.wait_for(changes.wait(FOREVER), FOREVER)
    await other.runs.request("command")
    await asyncio.wait_for(changes.wait(FOREVER), FOREVER)


async def _end_other_connections(store: Store) -> None:
    """As a restart of the server would."""
    others = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    await store.runs._execute(others)


async def test_where_nobody_tells_the_time_wakes(store: Store) -> None:
    changes = store.notices.of("runs")
    await asyncio.wait_for(changes.wait(0.01), FOREVER)


async def test_who_is_to_stop_does_not_wait(store: Store) -> None:
    stop = asyncio.Event()
    waiting = asyncio.create_task(store.notices.of("runs").wait(FOREVER, stop=stop))
    stop.set()
    await asyncio.wait_for(waiting, FOREVER)
