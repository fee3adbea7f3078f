import pytest

from storage.store import Store
from tests.bot.chat.conversing import Chat
from tests.fakes.clock import FakeClock


@pytest.fixture
def chat(store: Store, clock: FakeClock) -> Chat:
    return Chat(store, clock)
