"""Processes of ours that are kept alive as their supervisor would, and can be killed at any moment."""

import asyncio
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

AGAIN_SECONDS = 1.0


class Kept:
    """One process, started again whenever it ends.

    Args:
        command: what to start.
        environment: all of its variables.
        output: where what it says goes.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], output: Path) -> None:
        self._command = command
        self._environment = environment
        self._output = output
        self._process: Process | None = None
        self._is_meant = False
        self.died = 0
        """How often it ended by itself."""

    async def keep(self) -> None:
        """Start it, again and again, until cancelled; it is ended then."""
        while True:
            with self._output.open("ab") as output:
                process = await asyncio.create_subprocess_exec(
                    *self._command, env=self._environment, stdout=output, stderr=output
                )
            self._process = process
            try:
                await process.wait()
            except asyncio.CancelledError:
                process.terminate()
                await process.wait()
                raise
            self.died += not self._is_meant
            self._is_meant = False
            await asyncio.sleep(AGAIN_SECONDS)

    def end(self, how: signal.Signals) -> None:
        """Let it end: `SIGKILL` as a crash, `SIGTERM` as a rolling restart."""
        if self._process is not None and self._process.returncode is None:
            self._is_meant = True
            self._process.send_signal(how)


@asynccontextmanager
async def kept(processes: Sequence[Kept]) -> AsyncIterator[None]:
    """The processes, until the block ends."""
    keeping = [asyncio.create_task(one.keep()) for one in processes]
    try:
        yield
    finally:
        for task in keeping:
            task.cancel()
        await asyncio.gather(*keeping, return_exceptions=True)
