"""Which versions are in memory, and which of them answers: what the routes want, brought about beside the answering.

Promises: at every place some version answers, whatever becomes of the others (only where the routes ask for the base on
servers' own lines, and the base itself cannot be loaded, nobody does); a version answers only after it was
verified, loaded and proved; what the routes end stops answering new requests at once; a version that cannot be served
is tried once, and again only after the routes have left it. It does not know how tokens are made.
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic

from bot.engine.protocol import EngineAway, EngineFailed
from bot.engine.routing import SHARED, Place, Routes, attainable, by_need, line_of, reachable, version_for
from bot.engine.versions import AnyServing, LoadedVersions
from storage.errors import DatabaseBusy, MynahError

logger = logging.getLogger(__name__)

KEEPS_PLACE_SECONDS = 300.0
"""A line that answered within this time is not put out of memory for another, so that lines that do not all fit do not
push each other out with every message."""


@dataclass(frozen=True, slots=True)
class SwapReport:
    """How long the newest change of the shared champion took."""

    from_version: str
    to_version: str
    load_seconds: float
    """Verifying, loading and proving, while the old version served."""
    pointer_seconds: float
    """Moving new requests over."""


class Fleet(Generic[AnyServing]):
    """The versions that answer, and the routes to them. Belongs to one event loop."""

    def __init__(
        self,
        open_generation: Callable[[str], Awaitable[AnyServing]],
        first: AnyServing,
        *,
        max_versions: int,
        patience_seconds: float,
        monotonic: Callable[[], float],
    ) -> None:
        """Begin with one version, which answers everybody.

        Args:
            open_generation: verifies, loads and proves a version.
            first: the shared champion.
            max_versions: in memory at once; one more while it is loaded.
            patience_seconds: how long an answer may take; old versions surely drain in this time.
            monotonic: seconds.
        """
        self._max_versions = max_versions
        self._monotonic = monotonic
        self._versions = LoadedVersions(
            open_generation, first, limit=max_versions, patience_seconds=patience_seconds, monotonic=monotonic
        )
        self._wanted = self._routes = Routes({SHARED: first.version})
        self._refused: dict[str, MynahError] = {}
        self._used: dict[str, float] = {}
        self._changing = asyncio.Lock()
        self._settling: asyncio.Task[None] | None = None
        self._is_closed = False
        self.last_swap: SwapReport | None = None

    @property
    def routes(self) -> Routes:
        """Who answers now."""
        return self._routes

    @property
    def refused(self) -> Mapping[str, MynahError]:
        """The wanted versions that cannot be served, and why."""
        canary = self._wanted.canaries.get(SHARED)
        if canary is None or canary.version not in self._by_need()[self._max_versions :]:
            return MappingProxyType(self._refused)
        # Lines wait for their turn, but the shared champion and the base give their places to nobody.
        advice = f"Set MYNAH_ENGINE__MAX_VERSIONS to more than {self._max_versions}."
        return {
            **self._refused,
            canary.version: EngineFailed("There is no room in memory for a canary.", advice=advice),
        }

    @property
    def in_memory(self) -> int:
        """How many versions are in memory, those that drain included."""
        return self._versions.in_memory

    @property
    def shared(self) -> AnyServing:
        """The shared champion."""
        return self._versions.generation(self._routes.champions[SHARED])

    @contextmanager
    def held(self, place: Place) -> Iterator[AnyServing]:
        """The generation that answers at a place, kept until the end of the `with`, whatever changes meanwhile.

        Raises:
            EngineFailed: the base should answer here and is not in memory.
        """
        self._used[line_of(self._wanted, place)] = self._monotonic()
        if version_for(self._wanted, place) not in self._versions.loaded:
            self._settle_beside()
        version = version_for(self._routes, place)
        if version not in self._versions.loaded:
            raise EngineFailed("I'm not ready to talk here yet.", advice="Please try again in a minute.")
        with self._versions.held(version) as generation:
            yield generation

    async def set_routes(self, routes: Routes) -> None:
        """Want these routes: at once as far as the versions are in memory, then load what is missing and fits.

        Without a shared champion in them, today's stays. A version that cannot be served goes to `refused`. Lines
        that do not fit are loaded when somebody speaks there and another line has been silent for a while.

        Raises:
            DatabaseBusy, EngineAway: a version could not be looked up, or no model server is there; what was moved so
                far stays. Try again.
        """
        wanted = routes if SHARED in routes.champions else routes.with_champion(SHARED, self.shared.version)
        self._wanted = wanted
        self._refused = {name: error for name, error in self._refused.items() if name in wanted.versions}
        self._used = {line: at for line, at in self._used.items() if line in {SHARED, *wanted.lines}}
        self._move()
        async with self._changing:
            await self._settle()
        self._tell_what_does_not_fit()

    async def swap(self, version: str) -> None:
        """Make a version the shared champion.

        Raises:
            MynahError: it cannot be served; nothing has changed.
        """
        async with self._changing:
            if version == self._routes.champions[SHARED] == self._wanted.champions[SHARED]:
                return
            await self._versions.load(version)
            self._refused.pop(version, None)
            self._wanted = self._wanted.with_champion(SHARED, version)
            self._move()

    async def close(self) -> None:
        """Lend nothing more, and wait for every thread and task."""
        self._is_closed = True
        await self._versions.close()
        async with self._changing:
            pass
        if self._settling is not None:
            await self._settling

    def _settle_beside(self) -> None:
        """Load what somebody asked for, while the request that asked is answered by what there is."""
        is_under_way = self._settling is not None and not self._settling.done()
        if not is_under_way and self._missing() is not None:
            self._settling = asyncio.get_running_loop().create_task(self._settle_quietly(), name="engine-settling")

    async def _settle_quietly(self) -> None:
        try:
            async with self._changing:
                await self._settle()
        except (DatabaseBusy, EngineAway) as error:  # the next request asks again
            logger.warning("version not loaded", extra={"error": type(error).__name__})

    async def _settle(self) -> None:
        while (version := self._missing()) is not None:
            try:
                await self._versions.load(version)
            except (DatabaseBusy, EngineAway):
                raise
            except MynahError as error:
                self._refuse(version, error)
            self._move()

    def _missing(self) -> str | None:
        """The most needed version that is not in memory and has a place there."""
        if self._is_closed:
            return None
        kept = self._by_need()[: self._max_versions]
        return next((version for version in kept if version not in self._versions.loaded), None)

    def _by_need(self) -> list[str]:
        return by_need(attainable(self._wanted, self._routes, self._refused), self._lines_by_need())

    def _lines_by_need(self) -> list[str]:
        """Those in memory that answered lately, then the others; of each the newest use first."""
        now = self._monotonic()

        def need(line: str) -> tuple[bool, float]:
            used = self._used.get(line, -math.inf)
            is_there = line in self._routes.champions or line in self._routes.canaries
            return not (is_there and now - used < KEEPS_PLACE_SECONDS), -used

        return sorted(self._wanted.lines, key=need)

    def _move(self) -> None:
        """Let answer what is wanted and in memory, as many as may stay, and free the rest."""
        old = self._routes
        routes = reachable(self._wanted, old, self._versions.loaded)
        order = dict.fromkeys([routes.champions[SHARED], *self._by_need()])
        rank = {version: at for at, version in enumerate(order)}
        present = [version for version in self._versions.loaded if version in routes.versions]
        staying = sorted(present, key=lambda version: rank.get(version, math.inf))[: self._max_versions]
        routes = reachable(self._wanted, routes, staying)
        before = time.perf_counter()
        self._routes = routes
        pointer_seconds = time.perf_counter() - before
        for version in [*self._versions.loaded]:
            if version not in staying:
                self._versions.retire(version)
        self._tell_moves(old, routes, pointer_seconds)

    def _tell_moves(self, old: Routes, new: Routes, pointer_seconds: float) -> None:
        for line in dict.fromkeys([*old.champions, *new.champions]):
            before, after = old.champions.get(line), new.champions.get(line)
            if before != after:
                logger.info("swapped", extra={"line": line, "from": before, "to": after})
                if line == SHARED and before is not None and after is not None:
                    load_seconds = self._versions.load_seconds(after)
                    self.last_swap = SwapReport(before, after, load_seconds, pointer_seconds)
        for line in dict.fromkeys([*old.canaries, *new.canaries]):
            canary = new.canaries.get(line)
            if old.canaries.get(line) != canary:
                details = {"to": canary and canary.version, "share": canary and canary.share}
                logger.info("canary moved", extra={"line": line, **details})

    def _refuse(self, version: str, error: MynahError) -> None:
        if version in self._wanted.versions and not self._is_closed:
            self._refused[version] = error

    def _tell_what_does_not_fit(self) -> None:
        waiting = self._by_need()[self._max_versions :]
        if waiting:
            extra = {"versions": len(waiting), "max_versions": self._max_versions}
            logger.warning("not all versions fit", extra=extra)
