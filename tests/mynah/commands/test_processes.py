"""`mynah run` with a token: the processes it keeps, and how they end."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from mynah.commands.processes import run_processes
from mynah.invocation import Invocation

ENDS = "import sys; sys.exit(int(sys.argv[1]))"
STAYS = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text('here'); time.sleep(600)"


@pytest.fixture
def invocation(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invocation:
    """Whose bot ends at once because of its settings, and whose trainer stays."""

    def child_command(name: str, _: Path) -> tuple[str, ...]:
        said = (ENDS, "2") if name == "bot" else (STAYS, str(tmp_path / "trainer"))
        return (sys.executable, "-S", "-c", *said)

    async def ensured(_: object) -> None:
        pass

    monkeypatch.setattr("mynah.terminal.trainer_beside.child_command", child_command)
    monkeypatch.setattr("mynah.world.ensure_champion", ensured)
    return Invocation(home=home)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 2), (signal.SIGINT, 130)])
async def test_a_signal_ends_all_and_the_exit_code_tells_how(
    invocation: Invocation, tmp_path: Path, caplog: pytest.LogCaptureFixture, number: signal.Signals, code: int
) -> None:
    running = asyncio.create_task(run_processes(invocation))
    while not (tmp_path / "trainer").exists() or "ended for good" not in caplog.text:  # noqa: ASYNC110 - looks at other processes
        await asyncio.sleep(0.01)
    assert not running.done()  # a bot with wrong settings does not end the trainer
    os.kill(os.getpid(), number)
    assert await running == code
