"""The versions in memory, each a generation of its own, and how many requests hold on to each.

Promises: a generation is closed and freed as soon as it is retired and nobody holds it; while one is loaded, no more
than the limit are in memory beside it. It knows no routes.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from bot.engine.protocol import EngineFailed

logger = logging.getLogger(__name__)


class Serving(Protocol):
    """A version that can answer: a generation on this machine, or what a server has."""

    @property
    def version(self) -> str:
        """Its name."""
        ...

    def close(self) -> None:
        """Free it. Blocks; called once, in a thread."""
        ...


AnyServing = TypeVar("AnyServing", bound=Serving)


@dataclass(slots=True, eq=False)
class _Held(Generic[AnyServing]):
    """A generation, and how many requests hold on to it."""

    generation: AnyServing
    load_seconds: float
    holders: int = 0
    is_retired: bool = False


class LoadedVersions(Generic[AnyServing]):
    """Loads, lends and frees generations. Belongs to one event loop."""

    def __init__(
        self,
        open_generation: Callable[[str], Awaitable[AnyServing]],
        first: AnyServing,
        *,
        limit: int,
        patience_seconds: float,
        monotonic: Callable[[], float],
    ) -> None:
        """Begin with one version.

        Args:
            open_generation: verifies, loads and proves a version.
            first: is in memory already.
            limit: generations in memory (those that drain included) beside the one that is being loaded.
            patience_seconds: how long to wait for old ones to drain before loading nevertheless.
            monotonic: seconds.
        """
        self._open = open_generation
        self._limit = limit
        self._patience_seconds = patience_seconds
        self._monotonic = monotonic
        self._loaded = {first.version: _Held(first, 0.0)}
        self._draining: set[_Held[AnyServing]] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._freed = asyncio.Event()
        self._is_closed = False

    @property
    def loaded(self) -> Collection[str]:
        """The versions that can be lent."""
        return self._loaded.keys()

    @property
    def in_memory(self) -> int:
        """How many generations there are, those that drain included."""
        return len(self._loaded) + len(self._draining)

    def generation(self, version: str) -> AnyServing:
        """A loaded version's generation."""
        return self._loaded[version].generation

    def load_seconds(self, version: str) -> float:
        """How long a loaded version took to verify, load and prove."""
        return self._loaded[version].load_seconds

    async def load(self, version: str) -> None:
        """Have a version in memory. One at a time: the caller sees to that.

        Raises:
            MynahError: it cannot be served; nothing has changed.
        """
        if version in self._loaded:
            return
        await self._wait_for_room()
        begun = self._monotonic()
        generation = await self._open(version)
        if self._is_closed:
            generation.close()
            raise EngineFailed("I'm just going to sleep.", advice="Please try again in a minute.")
        self._loaded[version] = _Held(generation, self._monotonic() - begun)

    @contextmanager
    def held(self, version: str) -> Iterator[AnyServing]:
        """A loaded version's generation, kept until the end of the `with`, also when it is retired meanwhile."""
        held = self._loaded[version]
        held.holders += 1
        try:
            yield held.generation
        finally:
            held.holders -= 1
            if held.is_retired and not held.holders and not self._is_closed:
                self._free(held)

    def retire(self, version: str) -> None:
        """Lend a version no more, and free it when its last holder lets go."""
        held = self._loaded.pop(version)
        held.is_retired = True
        self._draining.add(held)
        if not held.holders:
            self._free(held)

    async def close(self) -> None:
        """Lend nothing more, answer what was taken, and wait for every thread."""
        self._is_closed = True
        self._freed.set()
        everyone = [*self._loaded.values(), *self._draining]
        await asyncio.gather(*(asyncio.to_thread(held.generation.close) for held in everyone))
        while self._closing:
            await asyncio.gather(*self._closing)
        self._draining.clear()

    async def _wait_for_room(self) -> None:
        try:
            async with asyncio.timeout(self._patience_seconds):
                while self.in_memory > self._limit and not self._is_closed:
                    self._freed.clear()
                    await self._freed.wait()
        except TimeoutError:
            # Somebody does not let go, though every answer has its deadline: better too much memory than the wrong model.
            logger.warning("old versions linger", extra={"draining": len(self._draining), "limit": self._limit})

    def _free(self, held: _Held[AnyServing]) -> None:
        """Close a generation that nobody holds: its thread ends, and with it the last reference to its weights."""
        task = asyncio.get_running_loop().create_task(self._close_one(held))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _close_one(self, held: _Held[AnyServing]) -> None:
        await asyncio.to_thread(held.generation.close)
        self._draining.discard(held)
        self._freed.set()
