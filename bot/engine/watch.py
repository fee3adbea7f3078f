"""The eye on the registry: when the champion moves, the engine is swapped to it.

Promise: whatever happens to a new champion, the engine keeps serving; a champion that cannot be served is logged and
audited once, and not tried again until it moves.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from bot.engine.protocol import Engine
from storage.errors import MynahError
from storage.store import Store
from storage.values import Alias

logger = logging.getLogger(__name__)

ACTOR = "engine"
"""Who the audit log says did it."""


class ChampionWatch:
    """Follows the champion from `async with` until its end."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        *,
        poll_seconds: float = 1.0,
        on_swap: Callable[[str, str], None] | None = None,
        on_refused: Callable[[str, str], None] | None = None,
    ) -> None:
        """Watch nothing yet.

        Args:
            store: where the aliases are.
            engine: is swapped.
            poll_seconds: how often to look.
            on_swap: called with the old and the new version after each swap.
            on_refused: called with the version and the reason when a champion cannot be served.
        """
        self._store = store
        self._engine = engine
        self._poll_seconds = poll_seconds
        self._on_swap = on_swap
        self._on_refused = on_refused
        self._refused: str | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.get_running_loop().create_task(self._follow(), name="champion-watch")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def look(self) -> None:
        """Swap now if the champion has moved. Called by the watch itself every `poll_seconds`."""
        champion = await self._store.aliases.current(Alias.CHAMPION)
        serving = self._engine.version
        if champion is None or champion == self._refused:
            return
        if champion == serving:
            self._refused = None
            return
        try:
            await self._engine.swap(champion)
        except MynahError as error:
            self._refused = champion
            await self._tell_refusal(champion, serving, error)
            return
        self._refused = None
        await self._store.audit.record(ACTOR, "swap", champion, {"from": serving})
        if self._on_swap is not None:
            self._on_swap(serving, champion)

    async def _tell_refusal(self, champion: str, serving: str, error: MynahError) -> None:
        logger.error(
            "champion cannot be served",
            extra={"model_version": champion, "serving": serving, "error": type(error).__name__},
        )
        details = {"serving": serving, "error": type(error).__name__, "reason": error.what}
        await self._store.audit.record(ACTOR, "swap-refused", champion, details)
        if self._on_refused is not None:
            self._on_refused(champion, str(error))

    async def _follow(self) -> None:
        while True:
            try:
                await self.look()
            except MynahError as error:
                logger.warning("champion not looked up", extra={"error": type(error).__name__})
            await asyncio.sleep(self._poll_seconds)
