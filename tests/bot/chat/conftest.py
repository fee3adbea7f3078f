import pytest

from storage.store import Store
from tests.bot.chat.conversing import SERVER, Chat
from tests.fakes.clock import FakeClock


@pytest.fixture
async def store(store: Store) -> Store:
    """A store whose server's admin turned learning on."""
    await store.server_settings.turn_learning_on(SERVER, "admin")
    return store


@pytest.fixture
def chat(store: Store, clock: FakeClock) -> Chat:
    return Chat(store, clock)
