"""What holds in one server right now: its admins' choices over the process's settings.

Choices are read again after a second, so that `/config` works at once and a busy channel does not read for every word.
Whether something may be learnt is never answered from memory. It knows no face.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.screening.protocol import Screener
from bot.screening.verdicts import stricter
from bot.settings import ChatSettings
from storage.errors import MynahError
from storage.server_settings import ServerSettings
from storage.store import Store
from storage.values import Source, Verdict

logger = logging.getLogger(__name__)

TERMINAL = "terminal"
"""The server's name under which the operator's own talk is stored; nobody else speaks there, so no admin turns it on."""
_FRESH_SECONDS = 1.0
_REMEMBERED = 10_000
"""Servers; a bot in more of them reads a little more often."""


@dataclass(frozen=True, slots=True)
class Here:
    """How to talk in one server."""

    persona: str
    messages_per_minute: int
    crisis_text: str
    screening: Screener


class Servers:
    """Answers what holds in a server.

    Args:
        store: where choices are kept.
        screening: the process's own.
        chat: what holds where a server chose nothing.
        crisis_text: likewise.
        may_learn_in: the operator's master switch, for a server.
        monotonic: seconds; says when choices are read again.
    """

    def __init__(
        self,
        store: Store,
        screening: Screener,
        chat: ChatSettings,
        crisis_text: str,
        may_learn_in: Callable[[str], bool],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._screening = screening
        self._chat = chat
        self._crisis_text = crisis_text
        self._may_learn_in = may_learn_in
        self._monotonic = monotonic
        self._known: dict[str, tuple[float, ServerSettings]] = {}

    async def settings(self, server: str) -> ServerSettings:
        """A server's choices, at most a second old.

        Raises:
            DatabaseBusy: they cannot be read now.
        """
        now = self._monotonic()
        known = self._known.get(server)
        if known is not None and now - known[0] < _FRESH_SECONDS:
            return known[1]
        settings = await self._store.server_settings.get(server)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[server] = (now, settings)
        return settings

    def changed(self, server: str) -> None:
        """A server chose something else just now: read it again."""
        self._known.pop(server, None)

    async def here(self, server: str) -> Here:
        """How to talk in a server. While the choices cannot be read, the last that were known hold: a person is heard."""
        try:
            settings = await self.settings(server)
        except MynahError as error:
            logger.warning("choices of a server not read", extra={"server": server, "error": type(error).__name__})
            settings = self._known[server][1] if server in self._known else ServerSettings()
        return Here(
            persona=self._chat.persona if settings.persona is None else settings.persona,
            messages_per_minute=settings.messages_per_minute or self._chat.messages_per_minute,
            crisis_text=settings.crisis_text or self._crisis_text,
            screening=_for_server(self._screening, settings),
        )

    async def may_learn(self, server: str, source: Source | None = None) -> bool:
        """Whether anything (or anything of one source) of a server may be learnt, as it is stored at this moment.

        Two yeses are needed: the operator's for the process, and an admin's for the server, who confirmed what the
        face's own rules demand. In the terminal the operator is the admin.

        Raises:
            DatabaseBusy: it cannot be read now.
        """
        if not self._may_learn_in(server):
            return False
        settings = await self._store.server_settings.get(server)
        is_on = settings.learning_on or server == TERMINAL
        return is_on and (source is None or source in settings.sources)

    def operator_permits(self, server: str) -> bool:
        """The operator's own switch, without which no admin's choice counts."""
        return self._may_learn_in(server)


@dataclass(frozen=True, slots=True)
class _StricterScreening:
    """A screener with a server's own figures on top."""

    inner: Screener
    hold_above: float | None
    refuse_above: float | None

    @property
    def version(self) -> str:
        """Changes with the figures too."""
        return f"{self.inner.version}:{self.hold_above}:{self.refuse_above}"

    def screen(self, texts: Sequence[str]) -> list[Verdict]:
        """A verdict for each text. Blocks."""
        return [self._stricter(verdict) for verdict in self.inner.screen(texts)]

    async def check(self, texts: Sequence[str]) -> list[Verdict]:
        """A verdict for each text, without holding up the event loop."""
        return [self._stricter(verdict) for verdict in await self.inner.check(texts)]

    def _stricter(self, verdict: Verdict) -> Verdict:
        return stricter(verdict, hold_above=self.hold_above, refuse_above=self.refuse_above)


def _for_server(screening: Screener, settings: ServerSettings) -> Screener:
    if settings.hold_above is None and settings.refuse_above is None:
        return screening
    return _StricterScreening(screening, settings.hold_above, settings.refuse_above)
