"""How a process that stays is asked to end: by a signal, or by the end of the process that started it."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

logger = logging.getLogger(__name__)

PARENT_SECONDS = 1.0
"""How often a supervised process looks whether its supervisor lives."""


class Stop:
    """Set when the process is asked to end, with the signal that asked."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.signal: signal.Signals | None = None

    def ask(self, by: signal.Signals | None = None) -> None:
        """Ask the process to end."""
        logger.info("stopping", extra={"signal": by.name if by else "parent gone"})
        self.signal = by
        self.event.set()


@asynccontextmanager
async def stop_on_signals(*, supervised: bool = False) -> AsyncIterator[Stop]:
    """SIGINT and SIGTERM, and the end of the supervisor, as one event."""
    stop = Stop()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.ask, number)
    watching = asyncio.create_task(_watch_parent(stop)) if supervised else None
    try:
        yield stop
    finally:
        if watching is not None:
            watching.cancel()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def _watch_parent(stop: Stop) -> None:
    parent = os.getppid()
    while os.getppid() == parent:  # noqa: ASYNC110 - nothing tells a process that its parent is gone
        await asyncio.sleep(PARENT_SECONDS)
    stop.ask()
