"""Child processes that are kept alive: started, restarted when they crash, ended together.

Promises: a child that dies takes no other with it; one that ends because of wrong settings (exit code 2) is not
started again; when the supervisor stops, every child is told (SIGTERM) and, after a grace period, made (SIGKILL) to
end. Children run in sessions of their own, so that a Ctrl-C meant for a conversation does not reach them.
"""

import asyncio
import logging
import os
import signal
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

logger = logging.getLogger(__name__)

DONE = 0
WRONG_SETTINGS = 2


@dataclass(frozen=True, slots=True)
class Child:
    """One process to keep alive."""

    name: str
    command: Sequence[str]
    output: Path | None = None
    """Where its standard output and error go; None: where ours go."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Put over our own environment."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before a restart: longer each time, and short again after a good while."""

    first_seconds: float = 1.0
    factor: float = 2.0
    longest_seconds: float = 60.0
    healthy_seconds: float = 60.0
    """A child that lived this long had no trouble starting: the next wait is the first one again."""

    def delay(self, crashes: int) -> float:
        """Seconds to wait after the `crashes`th quick death in a row, counted from 1."""
        return min(self.longest_seconds, self.first_seconds * self.factor ** min(crashes - 1, 32))


class Supervisor:
    """Keeps children alive until it is told to stop."""

    def __init__(
        self, children: Sequence[Child], *, backoff: Backoff | None = None, grace_seconds: float = 8.0
    ) -> None:
        self._children = children
        self._backoff = backoff or Backoff()
        self._grace_seconds = grace_seconds
        self.exit_codes: dict[str, int] = {}
        """Of the children that ended for good."""

    async def run(self, stop: asyncio.Event) -> int:
        """Keep the children alive until `stop` is set or all have ended for good; the worst exit code of those."""
        await asyncio.gather(*(self._keep(child, stop) for child in self._children))
        return max(self.exit_codes.values(), default=0)

    async def _keep(self, child: Child, stop: asyncio.Event) -> None:
        crashes = 0
        while not stop.is_set():
            began = asyncio.get_running_loop().time()
            code = await self._live(child, stop)
            if stop.is_set():
                return
            if code in (DONE, WRONG_SETTINGS):
                self.exit_codes[child.name] = code
                logger.warning("child ended for good", extra={"child": child.name, "exit_code": code})
                return
            lived = asyncio.get_running_loop().time() - began
            crashes = 1 if lived >= self._backoff.healthy_seconds else crashes + 1
            delay = self._backoff.delay(crashes)
            logger.warning(
                "child crashed, starting it again",
                extra={"child": child.name, "exit_code": code, "lived_seconds": round(lived, 1), "in_seconds": delay},
            )
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), delay)

    async def _live(self, child: Child, stop: asyncio.Event) -> int:
        """One life of a child; its exit code, negative for a signal."""
        process = await _start(child)
        logger.info("child started", extra={"child": child.name, "child_pid": process.pid})
        ended = asyncio.ensure_future(process.wait())
        stopped = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            if not ended.done():
                await asyncio.shield(_end(process, self._grace_seconds))
        return await ended


async def _start(child: Child) -> Process:
    environment = {**os.environ, **child.environment}
    if child.output is None:
        return await asyncio.create_subprocess_exec(
            *child.command, stdin=DEVNULL, start_new_session=True, env=environment
        )
    child.output.parent.mkdir(parents=True, exist_ok=True)
    with child.output.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *child.command, stdin=DEVNULL, stdout=output, stderr=output, start_new_session=True, env=environment
        )


async def _end(process: Process, grace_seconds: float) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), grace_seconds)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
