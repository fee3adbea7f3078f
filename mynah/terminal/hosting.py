"""An event loop in a thread of its own, so that the main thread can wait for the keyboard.

Reading a line blocks, and only the main thread can be interrupted by Ctrl-C: so the main thread reads, and everything
else lives in the loop. What is opened stays open in one task there, from entering to leaving.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, suppress
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Hosted(Generic[T]):
    """An asynchronous context, opened in the background and kept open while the `with` block runs."""

    def __init__(self, opening: Callable[[], AbstractAsyncContextManager[T]]) -> None:
        self._opening = opening
        self._opened: Future[T] = Future()
        self._loop: Future[asyncio.AbstractEventLoop] = Future()
        self._leave = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="mynah-loop", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(RuntimeError):  # opening failed, and the loop is closed already
            self._loop.result().call_soon_threadsafe(self._leave.set)
        self._thread.join()
        if kind is None and self.has_failed:
            self._opened.result()  # nobody has asked for what could not be opened

    @property
    def is_open(self) -> bool:
        """Whether `value` answers at once."""
        return self._opened.done()

    @property
    def has_failed(self) -> bool:
        """Whether opening raised an error, so that there is nothing to go on with."""
        return self._opened.done() and not self._opened.cancelled() and self._opened.exception() is not None

    @property
    def value(self) -> T:
        """What was opened; waits for it, and raises what opening raised."""
        return self._opened.result()

    def call(self, work: Coroutine[Any, Any, R]) -> R:
        """Run work in the loop and wait for it. A Ctrl-C meanwhile cancels it."""
        future = self.begin(work)
        try:
            return future.result()
        except KeyboardInterrupt:
            future.cancel()
            raise

    def begin(self, work: Coroutine[Any, Any, R]) -> Future[R]:
        """Run work in the loop without waiting for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop.result())

    def _run(self) -> None:
        asyncio.run(self._host())

    async def _host(self) -> None:
        self._loop.set_result(asyncio.get_running_loop())
        leave = asyncio.ensure_future(self._leave.wait())
        opening = asyncio.ensure_future(self._keep_open())
        await asyncio.wait({leave, opening}, return_when=asyncio.FIRST_COMPLETED)
        if not self._opened.done():
            opening.cancel()
        await asyncio.wait({opening})
        leave.cancel()

    async def _keep_open(self) -> None:
        try:
            async with self._opening() as value:
                self._opened.set_result(value)
                await self._leave.wait()
        except asyncio.CancelledError:
            if not self._opened.done():
                self._opened.cancel()
            raise
        except BaseException as error:
            if self._opened.done():
                raise
            self._opened.set_exception(error)
