"""The replicas: servers of the same model, which of them is asked next, and which are well."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager

from bot.engine.protocol import EngineAway
from bot.engine.remote.breaker import Breaker
from bot.engine.remote.errors import TooSlow
from bot.engine.remote.server import ListedModel, ModelServer


class Replica:
    """One server: what it is called to do, and how it does. Belongs to one event loop."""

    def __init__(self, server: ModelServer, monotonic: Callable[[], float]) -> None:
        self.server = server
        self.breaker = Breaker(monotonic)
        self.names: dict[str, str] = {}
        """The versions that it answers with, and under which name."""
        self.in_flight = 0
        self.is_away = False
        """Whether it could not be reached when it was last looked at."""

    @property
    def may_be_asked(self) -> bool:
        """Whether it is there and well, as far as we know."""
        return not self.is_away and self.breaker.allows()

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Round one request; whether it succeeded or failed is for the asker to say."""
        self.in_flight += 1
        self.breaker.begin()
        try:
            yield
        finally:
            self.in_flight -= 1
            self.breaker.left()

    async def look(self) -> dict[str, ListedModel]:
        """What it has now. One that is back after an absence has a closed breaker.

        Raises:
            EngineFailed: it does not say.
        """
        try:
            models = await self.server.models()
        except EngineAway as error:
            self.is_away = not isinstance(error, TooSlow)
            raise
        if self.is_away:
            self.is_away = False
            self.breaker.succeeded()
        return models


def least_busy(replicas: Sequence[Replica], version: str, tried: Collection[Replica]) -> Replica:
    """The one to ask: it has the version, is well, and has the least to do; one that was tried only if it is alone.

    Raises:
        EngineAway: there is none.
    """
    able = [replica for replica in replicas if version in replica.names and replica.may_be_asked]
    fresh = [replica for replica in able if replica not in tried]
    if not able:
        raise EngineAway("No model server can answer now.", advice="Please try again in a minute.")
    return min(fresh or able, key=lambda replica: replica.in_flight)
