"""The event loop in its own thread: what is opened there, and how it ends."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import CancelledError
from contextlib import asynccontextmanager

import pytest

from mynah.terminal.hosting import Hosted
from storage.errors import MynahError


def test_what_is_opened_is_entered_and_left_in_one_task() -> None:
    tasks: list[asyncio.Task[object] | None] = []

    @asynccontextmanager
    async def opening() -> AsyncIterator[str]:
        tasks.append(asyncio.current_task())
        yield "open"
        tasks.append(asyncio.current_task())

    with Hosted(opening) as hosted:
        assert hosted.value == "open"
    assert len(tasks) == 2
    assert tasks[0] is tasks[1]


@asynccontextmanager
async def broken() -> AsyncIterator[str]:
    raise MynahError("no room")
    yield


def test_an_error_of_opening_is_raised_to_who_asks() -> None:
    with pytest.raises(MynahError, match="no room"), Hosted(broken) as hosted:
        _ = hosted.value


def test_an_error_of_opening_is_raised_at_the_end_if_nobody_asked() -> None:
    def leave_when_open() -> None:
        with Hosted(broken) as hosted:
            while not hosted.is_open:
                pass

    with pytest.raises(MynahError, match="no room"):
        leave_when_open()


def test_leaving_before_it_is_open_cancels_the_opening() -> None:
    cancelled = False

    @asynccontextmanager
    async def slow() -> AsyncIterator[str]:
        nonlocal cancelled
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            cancelled = True
            raise
        yield "never"

    with Hosted(slow):
        pass
    assert cancelled


def test_a_ctrl_c_while_waiting_cancels_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def opening() -> AsyncIterator[None]:
        yield

    async def work() -> None:
        await asyncio.sleep(600)

    with Hosted(opening) as hosted:
        future = hosted.begin(work())

        def interrupted() -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(hosted, "begin", lambda coroutine: (coroutine.close(), future)[1])
        monkeypatch.setattr(future, "result", interrupted)
        with pytest.raises(KeyboardInterrupt):
            hosted.call(work())
        monkeypatch.undo()
        with pytest.raises(CancelledError):
            future.result()
