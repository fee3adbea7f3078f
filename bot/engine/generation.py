"""One model version at work: its weights, its cache and the thread that turns requests into answers, token by token.

Promises: every answer comes from this version alone; a request that was taken is always told an end (an answer or an
error), whatever happens to the thread; after `close` no thread is left. It knows no event loop: it calls back from
its thread.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from bot.engine.answer_text import AnswerText
from bot.engine.protocol import Answer, EngineFailed, Finish, Piece, Sampling
from bot.engine.rows import Rows
from bot.engine.sampler import choose_tokens
from bot.engine.weights import LoadedWeights

logger = logging.getLogger(__name__)

MOST_JOINING = 8
"""Requests that join between two tokens, so that those under way are not kept waiting."""


@dataclass(slots=True, eq=False)
class Request:
    """One answer to be made. The flags may be set from any thread; they count from the next token on."""

    sampling: Sampling
    admitted_at: float
    deadline: float
    tell: Callable[[Piece | EngineFailed], None]
    """Called from the generation's thread: pieces, of which the last carries the answer; or one error."""
    prompt: Sequence[int] = ()
    max_new_tokens: int = 1
    is_stopped: bool = False
    is_abandoned: bool = False
    """Nobody listens any more."""

    def stop(self) -> None:
        """End it with what it has."""
        self.is_stopped = True


@dataclass(slots=True, eq=False)
class _Row:
    request: Request
    text: AnswerText
    joined_at: float
    token: int = 0
    count: int = 0


@dataclass(slots=True)
class _Inbox:
    changed: threading.Condition = field(default_factory=threading.Condition)
    waiting: deque[Request] = field(default_factory=deque)
    is_closing: bool = False


class Generation:
    """A version that answers. `start` it, `submit` requests, `close` it."""

    def __init__(
        self,
        version: str,
        weights: LoadedWeights,
        make_rows: Callable[[], Rows],
        *,
        max_running: int,
        monotonic: Callable[[], float],
        seed: int,
    ) -> None:
        self.version = version
        self.weights = weights
        self._make_rows = make_rows
        self._max_running = max_running
        self._monotonic = monotonic
        self._chance = torch.Generator(device=weights.device).manual_seed(seed)
        self._inbox = _Inbox()
        self._running: list[_Row] = []
        self._joining: list[Request] = []
        self._thread: threading.Thread | None = None

    def submit(self, request: Request) -> None:
        """Take a request; its end will be told.

        Raises:
            EngineFailed: this generation is closed.
        """
        with self._inbox.changed:
            if self._inbox.is_closing:
                raise EngineFailed("I'm just going to sleep.", advice="Please try again in a minute.")
            self._inbox.waiting.append(request)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name=f"generation-{self.version}", daemon=True)
                self._thread.start()
            self._inbox.changed.notify()

    def close(self) -> None:
        """Answer what was taken, take nothing more, and wait for the thread's end. Blocks."""
        with self._inbox.changed:
            self._inbox.is_closing = True
            self._inbox.changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        with torch.inference_mode():
            while True:
                try:
                    self._serve()
                except BaseException as error:  # noqa: BLE001 - answered by telling everybody who waits
                    # Whatever it was (no memory, a device gone), people wait for an answer, and the next may succeed.
                    self._fail_all(error)
                else:
                    return

    def _serve(self) -> None:
        rows = self._make_rows()
        while self._take_in():
            self._let_go(rows)
            self._join(rows)
            self._step(rows)

    def _take_in(self) -> bool:
        """Wait for something to do, and choose who joins; False when all is done and the door closed."""
        inbox = self._inbox
        with inbox.changed:
            while not inbox.waiting and not self._running and not inbox.is_closing:
                inbox.changed.wait()
            ended = [request for request in inbox.waiting if self._ending_of(request) is not None]
            for request in ended:
                inbox.waiting.remove(request)
            free = min(MOST_JOINING, self._max_running - len(self._running))
            self._joining = [inbox.waiting.popleft() for _ in range(min(free, len(inbox.waiting)))]
        for request in ended:
            self._end(_Row(request, AnswerText(self.weights.renderer), self._monotonic()), self._ending_of(request))
        return bool(self._running or self._joining) or not inbox.is_closing

    def _let_go(self, rows: Rows) -> None:
        for index in range(len(self._running) - 1, -1, -1):
            ending = self._ending_of(self._running[index].request)
            if ending is not None:
                self._leave(rows, index, ending)

    def _join(self, rows: Rows) -> None:
        if not self._joining:
            return
        now = self._monotonic()
        scores = rows.join([request.prompt for request in self._joining])
        first = len(self._running)
        self._running += [_Row(request, AnswerText(self.weights.renderer), now) for request in self._joining]
        self._joining = []
        self._advance(rows, scores, first)

    def _step(self, rows: Rows) -> None:
        if self._running:
            self._advance(rows, rows.step([row.token for row in self._running]), 0)

    def _advance(self, rows: Rows, scores: torch.Tensor, first: int) -> None:
        """Choose the next token of the rows from `first` on, tell their new text, and let the finished ones leave."""
        newest = self._running[first:]
        tokens = choose_tokens(scores, [row.request.sampling for row in newest], self._chance)
        for row, token in zip(newest, tokens, strict=True):
            row.token, row.count = token, row.count + 1
            delta = row.text.add(token)
            if delta:
                row.request.tell(Piece(delta, model_version=self.version))
        for index in range(len(self._running) - 1, first - 1, -1):
            row = self._running[index]
            if row.text.has_ended:
                self._leave(rows, index, Finish.END)
            elif row.count >= row.request.max_new_tokens:
                self._leave(rows, index, Finish.LENGTH)

    def _leave(self, rows: Rows, index: int, finish: Finish) -> None:
        row, last = self._running[index], self._running.pop()
        if row is not last:
            self._running[index] = last
        rows.leave(index)
        self._end(row, finish)

    def _ending_of(self, request: Request) -> Finish | None:
        if request.is_stopped or request.is_abandoned:
            return Finish.STOPPED
        return Finish.DEADLINE if self._monotonic() >= request.deadline else None

    def _end(self, row: _Row, finish: Finish | None) -> None:
        request = row.request
        if request.is_abandoned:
            return
        delta, now = row.text.finish(), self._monotonic()
        answer = Answer(
            text=row.text.text,
            model_version=self.version,
            finish=finish or Finish.STOPPED,
            prompt_tokens=len(request.prompt),
            new_tokens=row.count,
            queue_seconds=row.joined_at - request.admitted_at,
            latency_seconds=now - request.admitted_at,
        )
        request.tell(Piece(delta, answer, self.version))

    def _fail_all(self, error: BaseException) -> None:
        with self._inbox.changed:
            waiting = list(self._inbox.waiting)
            self._inbox.waiting.clear()
        lost = [*[row.request for row in self._running], *self._joining, *waiting]
        self._running, self._joining = [], []
        logger.error(
            "generation failed",
            extra={"model_version": self.version, "error": type(error).__name__, "requests": len(lost)},
            exc_info=error,
        )
        for request in lost:
            request.tell(EngineFailed("Something went wrong while I was thinking.", advice="Please ask me again."))
