"""A trainer process beside the terminal, started when it is wanted and no other one lives."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from mynah.supervisor import Child, Supervisor


def child_command(name: str, home: Path) -> Sequence[str]:
    """How one of our own commands is started as a child that ends when we do."""
    return (sys.executable, "-m", "mynah", "--home", str(home), name, "--supervised")


class Trainer(Protocol):
    """Somebody who does the runs that are asked for."""

    async def ensure(self) -> None:
        """See to it that a trainer is there."""
        ...

    @property
    def has_given_up(self) -> bool:
        """Whether waiting for it is in vain."""
        ...


class TrainerBeside:
    """Keeps a trainer alive from the first `ensure` on."""

    def __init__(self, home: Path) -> None:
        self._supervisor = Supervisor(
            [Child("trainer", child_command("trainer", home), output=home / "logs" / "trainer.out")]
        )
        self._stop = asyncio.Event()
        self._task: asyncio.Task[int] | None = None

    async def ensure(self) -> None:
        """Start the trainer, unless ours runs already.

        Whether another process is the trainer is for it to find out, since it can tell a dead one's lease; while
        another one lives, ours ends and is started again, ever more seldom.
        """
        if self._task is None:
            self._task = asyncio.create_task(self._supervisor.run(self._stop))

    @property
    def has_given_up(self) -> bool:
        """Whether our trainer ended for good, so that waiting for it is in vain."""
        return self._task is not None and self._task.done()

    async def close(self) -> None:
        """End the trainer, if it is ours."""
        self._stop.set()
        if self._task is not None:
            await self._task


@asynccontextmanager
async def trainer_beside(home: Path) -> AsyncIterator[TrainerBeside]:
    """A trainer that ends with the terminal."""
    trainer = TrainerBeside(home)
    try:
        yield trainer
    finally:
        await trainer.close()
