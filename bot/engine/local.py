"""The engine that answers on this machine: behind the door, the generations of the versions that the routes choose.

Promise: closing leaves no thread and no task. How tokens are made is the generation's to know.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from bot.engine.door import FleetEngine
from bot.engine.fleet import Fleet, SwapReport
from bot.engine.generation import Generation, Request
from bot.engine.opening import open_generation
from bot.engine.protocol import Answer, EngineFailed, Piece, Sampling
from bot.engine.weights import LoadedWeights
from bot.settings import EngineSettings
from bot.tracing import NO_TRACER, Tracer
from storage.registry import ModelRegistry
from storage.values import Message


class LocalEngine(FleetEngine[Generation]):
    """An `Engine` on this machine's own processor. Made by `open_local_engine`; belongs to one event loop."""

    def __init__(
        self,
        registry: ModelRegistry,
        settings: EngineSettings,
        first: Generation,
        *,
        monotonic: Callable[[], float],
        tracer: Tracer = NO_TRACER,
    ) -> None:
        fleet: Fleet[Generation] = Fleet(
            lambda version: open_generation(registry, version, settings, monotonic),
            first,
            max_versions=settings.max_versions,
            patience_seconds=settings.deadline_seconds,
            monotonic=monotonic,
        )
        super().__init__(registry, settings, fleet, tracer)
        self._monotonic = monotonic

    @property
    def in_memory(self) -> int:
        """How many versions are in memory, those that finish their last answers included."""
        return self._fleet.in_memory

    @property
    def weights(self) -> LoadedWeights:
        """The shared champion's weights; to look at, not to change."""
        return self._fleet.shared.weights

    @property
    def last_swap(self) -> SwapReport | None:
        """The newest change of the shared champion; None before the first."""
        return self._fleet.last_swap

    async def _answered(
        self, served: Generation, messages: Sequence[Message], sampling: Sampling, request_id: str
    ) -> AsyncGenerator[Piece, None]:
        told: asyncio.Queue[Piece | EngineFailed] = asyncio.Queue()
        now = self._monotonic()
        deadline = now + self._settings.deadline_seconds
        request = Request(sampling, now, deadline, _teller(asyncio.get_running_loop(), told))
        self._requests[request_id] = request
        try:
            weights = served.weights
            room, request.max_new_tokens = weights.room(
                sampling.max_new_tokens, context_tokens=self._settings.context_tokens
            )
            request.prompt = await asyncio.to_thread(weights.renderer.prompt, messages, max_tokens=room)
            served.submit(request)
            answer: Answer | None = None
            while answer is None:
                piece = await _next_piece(told)
                answer = piece.answer
                yield piece
        finally:
            request.is_abandoned = True


@asynccontextmanager
async def open_local_engine(
    registry: ModelRegistry,
    version: str,
    settings: EngineSettings,
    *,
    monotonic: Callable[[], float] = time.monotonic,
    tracer: Tracer = NO_TRACER,
) -> AsyncIterator[LocalEngine]:
    """An engine that serves a version (or what an alias points to), closed at the end.

    Sets the process's number of torch threads.

    Raises:
        ModelDamaged, UnsafeModel, UnknownModel: the version cannot be served.
        WrongUsage: the device is not there.
        EngineFailed: it does not answer.
    """
    row = await registry.resolve(version)
    first = [await open_generation(registry, row.version, settings, monotonic)]
    # No name here keeps the first generation alive.
    engine = LocalEngine(registry, settings, first.pop(), monotonic=monotonic, tracer=tracer)
    try:
        yield engine
    finally:
        await engine.close()


def _teller(
    loop: asyncio.AbstractEventLoop, told: "asyncio.Queue[Piece | EngineFailed]"
) -> Callable[[Piece | EngineFailed], None]:
    def tell(piece: Piece | EngineFailed) -> None:
        if not loop.is_closed():  # a program that was torn down listens no more
            loop.call_soon_threadsafe(told.put_nowait, piece)

    return tell


async def _next_piece(told: "asyncio.Queue[Piece | EngineFailed]") -> Piece:
    """The next piece; what has gathered meanwhile comes as one, for a slow reader."""
    delta = ""
    while True:
        piece = await told.get()
        if isinstance(piece, EngineFailed):
            raise piece
        delta += piece.delta
        if piece.answer is not None or told.empty():
            return Piece(delta, piece.answer, piece.model_version)
