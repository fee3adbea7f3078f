"""An engine of stock phrases, for simulations in which the replies do not matter: it loads nothing and answers at once."""

from collections.abc import AsyncIterator, Mapping, Sequence

from bot.engine.protocol import Answer, Finish, Piece, Sampling
from bot.engine.routing import ANYWHERE, SHARED, Place, Routes, version_for
from storage.errors import MynahError
from storage.values import Message

_PHRASES = ("I see.", "Tell me more about that.", "That sounds like a lot.", "How nice!", "What happened then?")


class StockPhrases:
    """An `Engine` whose answer depends on the message's length alone.

    Args:
        version: of the champion; whose words these are said to be.
    """

    def __init__(self, version: str) -> None:
        self._routes = Routes({SHARED: version})

    @property
    def version(self) -> str:
        """The shared champion."""
        return self._routes.champions[SHARED]

    @property
    def routes(self) -> Routes:
        """Who is said to answer."""
        return self._routes

    @property
    def refused(self) -> Mapping[str, MynahError]:
        """None: nothing is loaded, so nothing can be damaged."""
        return {}

    async def stream(
        self, messages: Sequence[Message], sampling: Sampling, *, member: str, request_id: str, place: Place = ANYWHERE
    ) -> AsyncIterator[Piece]:
        """One phrase, as one piece."""
        text, version = _PHRASES[len(messages[-1].text) % len(_PHRASES)], version_for(self._routes, place)
        words = len(text.split())
        yield Piece(text, Answer(text, version, Finish.END, len(messages), words, 0.0, 0.0), version)

    def stop(self, request_id: str) -> bool:
        """False: nothing runs long enough to be stopped."""
        return False

    async def set_routes(self, routes: Routes) -> None:
        """Speak in the name of these versions."""
        self._routes = routes if SHARED in routes.champions else routes.with_champion(SHARED, self.version)

    async def swap(self, version: str) -> None:
        """Speak in the name of another champion."""
        self._routes = self._routes.with_champion(SHARED, version)
