from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from storage.store import Store
from tests.bot.cogs.request_bodies import Requests, watched
from tests.bot.cogs.server import Server, open_server
from tests.fakes.clock import FakeClock


@pytest.fixture(autouse=True)
def requests(monkeypatch: pytest.MonkeyPatch) -> Iterator[Requests]:
    """Whatever the bot sends in a test must be what Discord takes."""
    noted = watched(monkeypatch)
    yield noted
    assert noted.broken() == []


@pytest.fixture
async def server(store: Store, clock: FakeClock, tmp_path: Path) -> AsyncIterator[Server]:
    async with open_server(store, clock, tmp_path / "home") as opened:
        yield opened
