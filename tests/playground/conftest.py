from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.store import Store
from tests.fakes.clock import FakeClock
from tests.playground.town import BotInTown, Town, mynah_in, open_town


@pytest.fixture
async def town() -> AsyncIterator[Town]:
    """A stand-in in which nobody is."""
    async with open_town() as opened:
        yield opened


@pytest.fixture
async def mynah(town: Town, store: Store, clock: FakeClock, tmp_path: Path) -> AsyncIterator[BotInTown]:
    """The real bot in the town."""
    async with mynah_in(town, store, clock, tmp_path / "home") as bot:
        yield bot
