"""The door of an engine: who is let in, which version answers, and how a request is stopped.

Promises: an answer comes from one version only, the one that was chosen when its request began; a change of routes
either succeeds for a line or leaves who answered there. How versions come and go is the fleet's to know, how an answer
is made the engine's behind the door.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Generic, Protocol

from bot.engine.admission import Admission
from bot.engine.fleet import Fleet
from bot.engine.protocol import Piece, Sampling
from bot.engine.routing import ANYWHERE, Place, Routes
from bot.engine.versions import AnyServing
from bot.settings import EngineSettings
from bot.tracing import NO_TRACER, Span, Tracer
from storage.errors import MynahError
from storage.registry import ModelRegistry
from storage.values import Message


class Stoppable(Protocol):
    """A request under way."""

    def stop(self) -> None:
        """End it with what it has."""
        ...


class FleetEngine(ABC, Generic[AnyServing]):
    """An `Engine` but for how an answer is made. Belongs to one event loop."""

    def __init__(
        self, registry: ModelRegistry, settings: EngineSettings, fleet: Fleet[AnyServing], tracer: Tracer = NO_TRACER
    ) -> None:
        """Open the door.

        Args:
            registry: knows the versions.
            settings: limits.
            fleet: the versions that answer.
            tracer: writes down how long answers take.
        """
        self._registry = registry
        self._settings = settings
        self._fleet = fleet
        self._tracer = tracer
        self._admission = Admission.of(settings)
        self._requests: dict[str, Stoppable] = {}

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
        with self._admission.place(member, request_id), self._fleet.held(place) as served:
            answered = self._answered(served, messages, sampling, request_id)
            traced = self._tracer.streamed("generation", answered, _noted, request=request_id, version=served.version)
            try:
                async with aclosing(traced) as pieces:
                    async for piece in pieces:
                        yield piece
            finally:
                self._requests.pop(request_id, None)

    @abstractmethod
    def _answered(
        self, served: AnyServing, messages: Sequence[Message], sampling: Sampling, request_id: str
    ) -> AsyncGenerator[Piece, None]:
        """The pieces of an admitted answer of one version; puts the request in `_requests`, where `stop` finds it."""

    def stop(self, request_id: str) -> bool:
        """End a request with what it has; False if it is not running."""
        request = self._requests.get(request_id)
        if request is None:
            return False
        request.stop()
        return True

    async def set_routes(self, routes: Routes) -> None:
        """Let these versions answer new requests, see `Engine.set_routes`.

        Raises:
            DatabaseBusy, EngineAway: a version could not be looked up, or no model server is there. Try again.
        """
        await self._fleet.set_routes(routes)

    async def swap(self, version: str) -> None:
        """Make a version the shared champion; those in flight finish on the old one.

        Args:
            version: a version's name, the beginning of one, or an alias.

        Raises:
            Refused, ModelDamaged, UnsafeModel, UnknownModel, EngineFailed: the old one keeps serving.
        """
        row = await self._registry.resolve(version)
        await self._fleet.swap(row.version)

    async def close(self) -> None:
        """End what is in flight with what it has, free every version, and wait for every thread."""
        for request in self._requests.values():
            request.stop()
        await self._fleet.close()


def _noted(span: Span, piece: Piece) -> None:
    if (answer := piece.answer) is not None:
        span.note(
            finish=answer.finish.value,
            prompt_tokens=answer.prompt_tokens,
            new_tokens=answer.new_tokens,
            queue_seconds=answer.queue_seconds,
        )
