"""An owner for work that outlives the event that began it: cancelled and awaited when its cog goes."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager


class Tasks:
    """The running tasks of one cog."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()

    def start(self, work: Coroutine[object, object, None], *, name: str) -> None:
        """Run something that reports its own failures."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @contextmanager
    def this_one(self) -> Iterator[None]:
        """Own the current task (discord.py runs every event in one, and forgets it) for as long as it is inside."""
        task = asyncio.current_task()
        if task is None:  # pragma: no cover - there always is one
            raise RuntimeError("no task is running")
        self._tasks.add(task)
        try:
            yield
        finally:
            self._tasks.discard(task)

    async def close(self) -> None:
        """Cancel and await what still runs."""
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
