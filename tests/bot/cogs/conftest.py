from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.store import Store
from tests.bot.cogs.server import Server, open_server
from tests.fakes.clock import FakeClock


@pytest.fixture
async def server(store: Store, clock: FakeClock, tmp_path: Path) -> AsyncIterator[Server]:
    async with open_server(store, clock, tmp_path / "home") as opened:
        yield opened
