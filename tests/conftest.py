"""Fixtures that every house's tests may use."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.settings import StoreSettings
from storage.store import Store, open_store
from tests.fakes.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Store]:
    """A fresh store on SQLite in the test's own folder, whose time is `clock`."""
    async with open_store(StoreSettings(), tmp_path / "home", clock=clock) as opened:
        yield opened
