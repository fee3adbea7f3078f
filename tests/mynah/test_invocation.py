import asyncio
import inspect
import signal

import pytest

from mynah.invocation import run


async def hello() -> str:
    return "hello"


def test_the_work_is_run_to_its_end() -> None:
    assert run(hello()) == "hello"


def test_a_ctrl_c_while_the_event_loop_is_built_waits_until_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    built = asyncio.new_event_loop
    loops: list[asyncio.AbstractEventLoop] = []

    def interrupted() -> asyncio.AbstractEventLoop:
        signal.raise_signal(signal.SIGINT)
        loops.append(built())
        return loops[-1]

    monkeypatch.setattr(asyncio, "new_event_loop", interrupted)
    before = signal.getsignal(signal.SIGINT)
    work = hello()
    with pytest.raises(KeyboardInterrupt):
        run(work)
    assert [loop.is_closed() for loop in loops] == [True]
    assert inspect.getcoroutinestate(work) == inspect.CORO_CLOSED  # or Python would complain that nobody awaited it
    assert signal.getsignal(signal.SIGINT) is before
