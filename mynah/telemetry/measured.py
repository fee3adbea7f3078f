"""Engine, screening and chat with a stopwatch beside them: the same answers, and figures of them."""

import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from bot.chat.service import ChatService
from bot.chat.values import Incoming, ReplyUpdate
from bot.engine.protocol import Engine, EngineBusy, Piece, PromptTooLong, Sampling
from bot.engine.routing import ANYWHERE, Place, Routes
from bot.screening.protocol import Screener
from mynah.telemetry.figures import Figures
from storage.errors import MynahError
from storage.values import Message, Verdict

Monotonic = Callable[[], float]


class MeasuredEngine:
    """An `Engine` that counts what it is asked."""

    def __init__(self, engine: Engine, figures: Figures) -> None:
        self._engine = engine
        self._figures = figures

    @property
    def version(self) -> str:
        """The shared champion."""
        return self._engine.version

    @property
    def routes(self) -> Routes:
        """Who answers now."""
        return self._engine.routes

    @property
    def refused(self) -> Mapping[str, MynahError]:
        """The wanted versions that cannot be served, and why."""
        return self._engine.refused

    async def stream(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        *,
        member: str,
        request_id: str,
        place: Place = ANYWHERE,
    ) -> AsyncGenerator[Piece, None]:
        """What the engine says."""
        with self._figures.in_engine.track_inprogress():
            pieces = self._engine.stream(messages, sampling, member=member, request_id=request_id, place=place)
            try:
                async for piece in pieces:
                    if piece.answer is not None:
                        self._figures.engine_waits.observe(piece.answer.queue_seconds)
                        self._figures.tokens.labels("prompt").inc(piece.answer.prompt_tokens)
                        self._figures.tokens.labels("answer").inc(piece.answer.new_tokens)
                    yield piece
            except MynahError as error:
                self._figures.engine_refusals.labels(_reason(error)).inc()
                raise
            finally:
                if isinstance(pieces, AsyncGenerator):
                    await pieces.aclose()

    def stop(self, request_id: str) -> bool:
        """End a request with what it has."""
        return self._engine.stop(request_id)

    async def set_routes(self, routes: Routes) -> None:
        """Let these versions answer."""
        await self._engine.set_routes(routes)

    async def swap(self, version: str) -> None:
        """Make a version the shared champion."""
        await self._engine.swap(version)


def _reason(error: MynahError) -> str:
    if isinstance(error, EngineBusy):
        return "busy"
    return "too-long" if isinstance(error, PromptTooLong) else "failed"


class MeasuredScreening:
    """A `Screener` that counts its verdicts."""

    def __init__(self, screening: Screener, figures: Figures, monotonic: Monotonic = time.monotonic) -> None:
        self._screening = screening
        self._figures = figures
        self._monotonic = monotonic

    @property
    def version(self) -> str:
        """Of the screening that is measured."""
        return self._screening.version

    def screen(self, texts: Sequence[str]) -> list[Verdict]:
        """A verdict for each text. Blocks."""
        began = self._monotonic()
        return self._counted(self._screening.screen(texts), began)

    async def check(self, texts: Sequence[str]) -> list[Verdict]:
        """A verdict for each text, without holding up the event loop."""
        began = self._monotonic()
        return self._counted(await self._screening.check(texts), began)

    def _counted(self, verdicts: list[Verdict], began: float) -> list[Verdict]:
        each = (self._monotonic() - began) / max(len(verdicts), 1)
        for verdict in verdicts:
            # A reason is `screen:detail`; the screen alone is a short list.
            screen = verdict.reasons[0].partition(":")[0] if verdict.reasons else "none"
            self._figures.verdicts.labels(verdict.outcome.value, screen).inc()
            self._figures.screening.observe(each)
        return verdicts


class MeasuredChat(ChatService):
    """A `ChatService` that counts its replies and how long people waited for them."""

    def __init__(self, *, figures: Figures, monotonic: Monotonic = time.monotonic, **parts: Any) -> None:
        super().__init__(monotonic=monotonic, **parts)
        self._figures = figures
        self._now = monotonic

    async def answer(self, incoming: Incoming) -> AsyncGenerator[ReplyUpdate, None]:
        """Stream a reply to a message, as every chat does."""
        began = self._now()
        has_words = False
        async with aclosing(super().answer(incoming)) as updates:
            async for update in updates:
                if not has_words:
                    has_words = True
                    self._figures.first_words.observe(self._now() - began)
                if update.reply is not None:
                    self._figures.whole_replies.observe(self._now() - began)
                    self._figures.replies.labels(update.reply.kind.value).inc()
                yield update
