"""How far a run is, from its threads to its row, and the wish to stop, from its row and its process to its threads."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from enum import StrEnum
from typing import Any, TypeVar

from bot.tracing import NO_TRACER, Tracer
from storage.errors import MynahError
from storage.store import Store
from storage.values import Run, RunState

logger = logging.getLogger(__name__)

T = TypeVar("T")
_TELL_SECONDS = 0.5

SPANS = {
    RunState.CURATING: (0.0, 0.04),
    RunState.BUILDING: (0.04, 0.08),
    RunState.TRAINING: (0.08, 0.75),
    RunState.EVALUATING: (0.75, 0.95),
    RunState.GATING: (0.95, 0.97),
    RunState.PUBLISHING: (0.97, 1.0),
}
"""Where each state begins and ends, of the whole run."""


class Why(StrEnum):
    """Why a run stops before its end."""

    CANCELLED = "cancelled"
    """Somebody asked for it: the run is over."""
    STOPPING = "stopping"
    """The process ends: the run goes on later."""
    LOST = "lost"
    """Another process took over: nothing more may be written."""


class Interrupted(Exception):
    """The run stops here."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


class Progress:
    """One run's progress. `tell` and `check` may be called from any thread, the rest only from the event loop."""

    def __init__(
        self,
        store: Store,
        run: Run,
        on_progress: Callable[[Run], None] | None,
        stop: asyncio.Event | None,
        look_at_chat: Callable[[], Awaitable[bool]] | None = None,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        """Follow a run.

        Args:
            store: where its row is.
            run: as it is now.
            on_progress: told when the row changes.
            stop: set when the process ends.
            look_at_chat: says whether chat is busy; None: nobody wants to know.
            tracer: writes down how long each state took.
        """
        self._look_at_chat = look_at_chat
        self._store = store
        self._on_progress = on_progress
        self._stop = stop
        self._why: Why | None = None
        self._told: tuple[float, str] | None = None
        self._fraction = 0.0
        self.chat_is_busy = False
        self._tracer = tracer
        self._stage = ExitStack()
        self.run = run

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """Keep the row and the wish to stop up to date while the body runs."""
        following = asyncio.create_task(self._follow(), name=f"run-{self.run.id}-progress")
        with self._tracer.span("run", run=self.run.id) as span:
            try:
                with self._stage:
                    yield
            finally:
                span.note(outcome=self.run.state.value, version=self.run.version)
                following.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await following

    async def enter(self, state: RunState, note: str, **facts: Any) -> None:
        """Move the run to a state.

        Raises:
            Interrupted: it shall stop.
        """
        await self._look()
        self.check()
        self._told, self._fraction = None, 0.0
        self._stage.close()
        self._stage.enter_context(self._tracer.span(state.value, run=self.run.id))
        start = SPANS[state][0] if state in SPANS else None
        self._show(await self._store.runs.advance(self.run.id, state, progress=start, note=note, **facts))

    async def end(self, state: RunState, note: str, **facts: Any) -> Run:
        """Give the run its outcome."""
        self._told = None
        self._show(await self._store.runs.advance(self.run.id, state, progress=1.0, note=note, **facts))
        return self.run

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Do heavy work beside the event loop. If we are cancelled, the work is told to stop and waited for."""
        task = asyncio.create_task(asyncio.to_thread(work))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self._why = Why.LOST
            await asyncio.wait([task])
            if not task.cancelled():
                task.exception()
            raise

    def tell(self, fraction: float, note: str) -> None:
        """Say how far the run's state is, 0 to 1."""
        self._fraction = fraction
        self._told = (fraction, note)

    def say(self, note: str) -> None:
        """Say what the run does, without getting any further."""
        self._told = (self._fraction, note)

    def check(self) -> None:
        """Raise if the run shall stop.

        Raises:
            Interrupted: it shall.
        """
        if self._why is not None:
            raise Interrupted(self._why)

    @property
    def why(self) -> Why | None:
        """Why the run shall stop; None while it shall not."""
        return self._why

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(_TELL_SECONDS)
            try:
                await self._look()
                if self._look_at_chat is not None:
                    self.chat_is_busy = await self._look_at_chat()
                told, self._told = self._told, None
                state = self.run.state
                if told is not None and state in SPANS:
                    start, end = SPANS[state]
                    place = start + (end - start) * min(1.0, max(0.0, told[0]))
                    self._show(await self._store.runs.advance(self.run.id, state, progress=place, note=told[1]))
            except MynahError as error:  # a busy database must not end a training
                logger.warning("progress not written", extra={"run": self.run.id, "error": type(error).__name__})

    async def _look(self) -> None:
        if self._why is not None:
            return
        if self._stop is not None and self._stop.is_set():
            self._why = Why.STOPPING
            return
        run = await self._store.runs.get(self.run.id)
        if run is not None and run.cancel_requested:
            self._why = Why.CANCELLED

    def _show(self, run: Run) -> None:
        self.run = run
        if self._on_progress is not None:
            self._on_progress(run)
