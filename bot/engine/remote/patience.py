"""How long one request waits for a server: until its deadline, or until somebody says stop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.engine.protocol import Finish


class Patience:
    """Ends whatever await is under way. Belongs to one event loop."""

    def __init__(self, deadline: float) -> None:
        """Wait until `deadline`, in the event loop's seconds."""
        self._deadline = deadline
        self._timer: asyncio.Timeout | None = None
        self.finish: Finish | None = None
        """Why it ended; None while it has not."""

    def stop(self) -> None:
        """Wait no more; the first reason stays."""
        self._note(Finish.STOPPED)
        if self._timer is not None and not self._timer.expired():
            self._timer.reschedule(asyncio.get_running_loop().time())

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """Round each await.

        Raises:
            TimeoutError: it has ended; `finish` says why.
        """
        if self.finish is not None:
            raise TimeoutError
        timer = asyncio.timeout_at(self._deadline)
        try:
            async with timer:
                self._timer = timer
                yield
        finally:
            self._timer = None
            if timer.expired():
                self._note(Finish.DEADLINE)

    def _note(self, finish: Finish) -> None:
        self.finish = self.finish or finish
