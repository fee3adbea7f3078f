"""What an engine does, and the values that go in and come out. Tensors stop behind this page."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from bot.engine.routing import ANYWHERE, Place, Routes
from storage.errors import MynahError, Refused
from storage.values import Message


class EngineBusy(Refused):
    """The queue is full, or this member has too many requests waiting."""


class PromptTooLong(Refused):
    """The newest message alone is longer than the model can read."""


class EngineFailed(MynahError):
    """The engine could not answer."""


class EngineAway(EngineFailed):
    """The model server cannot be reached now; later it may."""


class Finish(StrEnum):
    """Why an answer ended."""

    END = "end"
    LENGTH = "length"
    STOPPED = "stopped"
    DEADLINE = "deadline"


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to choose tokens."""

    temperature: float = 0.3
    """0 is greedy."""
    top_p: float = 0.95
    top_k: int = 50
    max_new_tokens: int = 96


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer."""

    text: str
    model_version: str
    finish: Finish
    prompt_tokens: int
    new_tokens: int
    queue_seconds: float
    latency_seconds: float
    """From admission to the last token, the queue included."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a streamed answer; the last one carries the answer."""

    delta: str
    """New text; joined, the deltas are the answer's text."""
    answer: Answer | None = None
    model_version: str = ""
    """Who says it: known from the first piece on, also when the answer is broken off."""


class Engine(Protocol):
    """Streams an answer for some turns, on the version pinned when the request began."""

    @property
    def version(self) -> str:
        """The shared champion: who answers where no other version was chosen."""
        ...

    @property
    def routes(self) -> Routes:
        """Who answers now."""
        ...

    @property
    def refused(self) -> Mapping[str, MynahError]:
        """The versions of the wanted routes that cannot be served, and why; others answer in their place."""
        ...

    def stream(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        *,
        member: str,
        request_id: str,
        place: Place = ANYWHERE,
    ) -> AsyncIterator[Piece]:
        """Answer the last user message. Oldest messages are left out until the rest fits the context.

        Closing the iterator (or cancelling its task) stops the request.

        Args:
            messages: the conversation, which ends with what is to be answered.
            sampling: how to choose tokens.
            member: who asks, for the limits.
            request_id: names the request for `stop`.
            place: chooses the version.

        Raises:
            EngineBusy: not admitted.
            PromptTooLong: the last message alone does not fit.
            EngineFailed: it could not be answered.
        """
        ...

    def stop(self, request_id: str) -> bool:
        """End a request with what it has (`Finish.STOPPED`); False if it is not running."""
        ...

    async def set_routes(self, routes: Routes) -> None:
        """Let these versions answer new requests; those in flight finish where they began.

        Returns when all that fits is in memory. What cannot be served is in `refused`, and who answered its line goes
        on. Routes without a shared champion leave the one there is.

        Raises:
            DatabaseBusy, EngineAway: a version could not be looked up, or the model server is not there. Try again.
        """
        ...

    async def swap(self, version: str) -> None:
        """Make a version the shared champion; all other routes stay.

        Raises:
            ModelDamaged, UnsafeModel, UnknownModel, EngineFailed: the old one keeps serving.
        """
        ...
