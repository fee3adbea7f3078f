"""The engine that answers on this machine: one door for everybody, and behind it the versions that the routes choose.

Promises: an answer comes from one version only, the one that was chosen when its request began; a change of routes
either succeeds for a line or leaves who answered there; closing leaves no thread and no task. How versions come and go
is the fleet's to know, how tokens are made the generation's.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from bot.engine.admission import Admission
from bot.engine.fleet import Fleet, SwapReport
from bot.engine.generation import Generation, Request
from bot.engine.opening import open_generation
from bot.engine.protocol import Answer, EngineFailed, Piece, Sampling
from bot.engine.routing import ANYWHERE, Place, Routes
from bot.engine.weights import LoadedWeights
from bot.settings import EngineSettings
from storage.errors import MynahError
from storage.registry import ModelRegistry
from storage.values import Message


class LocalEngine:
    """An `Engine` on this machine's own processor. Made by `open_local_engine`; belongs to one event loop."""

    def __init__(
        self, registry: ModelRegistry, settings: EngineSettings, first: Generation, *, monotonic: Callable[[], float]
    ) -> None:
        self._registry = registry
        self._settings = settings
        self._monotonic = monotonic
        self._fleet: Fleet[Generation] = Fleet(
            lambda version: open_generation(registry, version, settings, monotonic),
            first,
            max_versions=settings.max_versions,
            patience_seconds=settings.deadline_seconds,
            monotonic=monotonic,
        )
        self._admission = Admission.of(settings)
        self._requests: dict[str, Request] = {}

    @property
    def version(self) -> str:
        """The shared champion."""
        return self._fleet.shared.version

    @property
    def routes(self) -> Routes:
        """Who answers now; all of these versions are in memory."""
        return self._fleet.routes

    @property
    def refused(self) -> Mapping[str, MynahError]:
        """The wanted versions that cannot be served, and why."""
        return self._fleet.refused

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

    async def stream(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        *,
        member: str,
        request_id: str,
        place: Place = ANYWHERE,
    ) -> AsyncIterator[Piece]:
        """Answer the last message on the version that answers now at a place; see `Engine.stream`.

        Raises:
            EngineBusy: not admitted.
            PromptTooLong: the last message alone does not fit.
            WrongUsage: there is nothing to answer, or a request of this id is being answered.
            EngineFailed: it could not be answered.
        """
        with self._admission.place(member, request_id), self._fleet.held(place) as generation:
            told: asyncio.Queue[Piece | EngineFailed] = asyncio.Queue()
            now = self._monotonic()
            deadline = now + self._settings.deadline_seconds
            request = Request(sampling, now, deadline, _teller(asyncio.get_running_loop(), told))
            self._requests[request_id] = request
            try:
                weights = generation.weights
                room, request.max_new_tokens = weights.room(
                    sampling.max_new_tokens, context_tokens=self._settings.context_tokens
                )
                request.prompt = await asyncio.to_thread(weights.renderer.prompt, messages, max_tokens=room)
                generation.submit(request)
                answer: Answer | None = None
                while answer is None:
                    piece = await _next_piece(told)
                    answer = piece.answer
                    yield piece
            finally:
                request.is_abandoned = True
                del self._requests[request_id]

    def stop(self, request_id: str) -> bool:
        """End a request with what it has; False if it is not running."""
        request = self._requests.get(request_id)
        if request is None:
            return False
        request.is_stopped = True
        return True

    async def set_routes(self, routes: Routes) -> None:
        """Let these versions answer new requests, see `Engine.set_routes`.

        Raises:
            DatabaseBusy: a version could not be looked up. Try again.
        """
        await self._fleet.set_routes(routes)

    async def swap(self, version: str) -> None:
        """Make a version the shared champion; those in flight finish on the old one.

        Args:
            version: a version's name, the beginning of one, or an alias.

        Raises:
            ModelDamaged, UnsafeModel, UnknownModel, EngineFailed: the old one keeps serving.
        """
        row = await self._registry.resolve(version)
        await self._fleet.swap(row.version)

    async def close(self) -> None:
        """End what is in flight with what it has, and wait for every thread."""
        for request in self._requests.values():
            request.is_stopped = True
        await self._fleet.close()


@asynccontextmanager
async def open_local_engine(
    registry: ModelRegistry,
    version: str,
    settings: EngineSettings,
    *,
    monotonic: Callable[[], float] = time.monotonic,
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
    engine = LocalEngine(registry, settings, first.pop(), monotonic=monotonic)  # no name here keeps it alive
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
