"""The eye on the registry: when a champion or a canary moves, the engine's routes follow.

Promises: once entered, the engine answers as the store says; whatever happens to a new version, the engine keeps serving; a version that cannot be served is logged and
audited once, and not tried again until the routes have left it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any, Self

from bot.engine.protocol import Engine
from bot.engine.routing import SHARED, Canary, Routes
from storage.errors import MynahError
from storage.store import Store

logger = logging.getLogger(__name__)

ACTOR = "engine"
"""Who the audit log says did it."""


async def stored_routes(store: Store, *, base: str | None = None) -> Routes:
    """Who should answer where, as the store says now.

    Args:
        store: has the lines, their champions and their canaries.
        base: the version that answers on a server's own line while nothing of that line does.
    """
    lines = set(await store.server_settings.lines())
    champions = await store.aliases.champions()
    canaries = await store.canaries.all_open()
    return Routes(
        {line: version for line, version in champions.items() if line in lines},  # a line that was given up keeps rows
        {canary.line: Canary(canary.version, canary.share) for canary in canaries if canary.line in lines},
        base,
        frozenset(lines - {SHARED}),
    )


class ChampionWatch:
    """Follows champions and canaries from `async with` until its end."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        *,
        routes: Callable[[], Awaitable[Routes]] | None = None,
        poll_seconds: float = 1.0,
        on_swap: Callable[[str, str], None] | None = None,
        on_refused: Callable[[str, str], None] | None = None,
    ) -> None:
        """Watch nothing yet.

        Args:
            store: where the aliases are, and the audit log.
            engine: its routes are set.
            routes: reads who should answer where. None: `stored_routes`, without a base.
            poll_seconds: how often to look at least, where the database does not tell of a change at once.
            on_swap: called with the old and the new version after each change of the shared champion.
            on_refused: called with the version and the reason when a champion or a canary cannot be served.
        """
        self._store = store
        self._engine = engine
        self._read_routes = routes or partial(stored_routes, store)
        self._poll_seconds = poll_seconds
        self._changes = store.notices.of("alias_changes", "canaries", "server_settings")
        self._on_swap = on_swap
        self._on_refused = on_refused
        self._asked: Routes | None = None
        self._told_champions: dict[str, str] = {}
        self._told_refusals: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._look_if_possible()  # whoever speaks first is answered by the right version already
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
        """Set the engine's routes now if they have moved. Called by the watch itself every `poll_seconds`."""
        wanted = await self._read_routes()
        if not wanted.versions and self._asked is None:
            return
        if not self._told_champions:
            self._told_champions.update(self._engine.routes.champions)
        if wanted != self._asked:
            await self._engine.set_routes(wanted)
            self._asked = wanted
        await self._tell_refusals(wanted)
        await self._tell_moves(wanted)

    async def _tell_moves(self, wanted: Routes) -> None:
        """Tell a line's move from one champion to another; one that only came into memory has not moved."""
        serving = self._engine.routes.champions
        for line, version in wanted.champions.items():
            before = self._told_champions.get(line)
            if version == before or serving.get(line) != version:
                continue
            if before is not None:
                await self._store.audit.record(ACTOR, "swap", version, {"from": before, **_naming(line)})
            self._told_champions[line] = version
            if before is not None and line == SHARED and self._on_swap is not None:
                self._on_swap(before, version)

    async def _tell_refusals(self, wanted: Routes) -> None:
        refused = dict(self._engine.refused)
        self._told_refusals &= refused.keys()
        for version, error in refused.items():
            if version not in self._told_refusals:
                await self._tell_refusal(version, _line(wanted, version), error)
                self._told_refusals.add(version)

    async def _tell_refusal(self, version: str, line: str, error: MynahError) -> None:
        serving = self._engine.routes.champions.get(line, self._engine.version)
        where = {"serving": serving, "error": type(error).__name__, **_naming(line)}
        logger.error("version cannot be served", extra={"model_version": version, **where}, exc_info=error)
        await self._store.audit.record(ACTOR, "swap-refused", version, {**where, "reason": error.what})
        if self._on_refused is not None:
            self._on_refused(version, str(error))

    async def _follow(self) -> None:
        while True:
            await self._changes.wait(self._poll_seconds)
            await self._look_if_possible()

    async def _look_if_possible(self) -> None:
        try:
            await self.look()
        except MynahError as error:
            logger.warning("champion not looked up", extra={"error": type(error).__name__})


def _line(routes: Routes, version: str) -> str:
    """A line that wants a version, as champion or as canary; the shared one first."""
    lines = [line for line in (SHARED, *routes.lines) if version in _versions(routes, line)]
    return lines[0] if lines else SHARED


def _versions(routes: Routes, line: str) -> set[str | None]:
    canary = routes.canaries.get(line)
    return {routes.champions.get(line), canary.version if canary else None}


def _naming(line: str) -> dict[str, Any]:
    return {} if line == SHARED else {"line": line}
