"""What an engine does, and the values that go in and come out. Tensors stop behind this page."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from storage.errors import MynahError, Refused
from storage.values import Message


class EngineBusy(Refused):
    """The queue is full, or this member has too many requests waiting."""


class PromptTooLong(Refused):
    """The newest message alone is longer than the model can read."""


class EngineFailed(MynahError):
    """The engine could not answer."""


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


class Engine(Protocol):
    """Streams an answer for some turns, on the version pinned when the request began."""

    @property
    def version(self) -> str:
        """The version that new requests get."""
        ...

    def stream(
        self, messages: Sequence[Message], sampling: Sampling, *, member: str, request_id: str
    ) -> AsyncIterator[Piece]:
        """Answer the last user message. Oldest messages are left out until the rest fits the context.

        Closing the iterator (or cancelling its task) stops the request.

        Raises:
            EngineBusy: not admitted.
            PromptTooLong: the last message alone does not fit.
            EngineFailed: it could not be answered.
        """
        ...

    def stop(self, request_id: str) -> bool:
        """End a request with what it has (`Finish.STOPPED`); False if it is not running."""
        ...

    async def swap(self, version: str) -> None:
        """Serve another version to new requests; those in flight finish on the old one.

        Raises:
            ModelDamaged, UnsafeModel, UnknownModel, EngineFailed: the old one keeps serving.
        """
        ...
