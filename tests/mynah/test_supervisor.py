"""The supervisor, with real child processes."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from mynah.supervisor import Backoff, Child, Supervisor

SOON = Backoff(first_seconds=0.01, factor=1.0)


def child(name: str, code: str, *arguments: object) -> Child:
    return Child(name, (sys.executable, "-S", "-c", code, *(str(argument) for argument in arguments)))


COUNTS = "import sys; open(sys.argv[1], 'a').write('x'); sys.exit(int(sys.argv[2]))"
STAYS = "import sys, time; open(sys.argv[1], 'a').write('x'); time.sleep(600)"
IGNORES_TERM = (
    "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "open(sys.argv[1], 'a').write('x'); time.sleep(600)"
)


async def until(path: Path, lives: int) -> None:
    while not path.exists() or len(path.read_text()) < lives:  # noqa: ASYNC110, ASYNC240 - looks at another process
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(("crashes", "seconds"), [(1, 1.0), (2, 2.0), (3, 4.0), (20, 60.0), (5000, 60.0)])
def test_each_crash_doubles_the_wait_up_to_the_longest(crashes: int, seconds: float) -> None:
    assert Backoff().delay(crashes) == seconds


async def test_a_child_that_crashes_is_started_again(tmp_path: Path) -> None:
    stop = asyncio.Event()
    supervisor = Supervisor([child("crasher", COUNTS, tmp_path / "lives", 1)], backoff=SOON)
    running = asyncio.create_task(supervisor.run(stop))
    await until(tmp_path / "lives", 3)
    stop.set()
    assert await running == 0


async def test_a_child_with_wrong_settings_is_not_started_again(tmp_path: Path) -> None:
    supervisor = Supervisor([child("misled", COUNTS, tmp_path / "lives", 2)], backoff=SOON)
    assert await supervisor.run(asyncio.Event()) == 2
    assert (tmp_path / "lives").read_text() == "x"


async def test_a_child_that_is_done_is_not_started_again(tmp_path: Path) -> None:
    supervisor = Supervisor([child("done", COUNTS, tmp_path / "lives", 0)], backoff=SOON)
    assert await supervisor.run(asyncio.Event()) == 0
    assert supervisor.exit_codes == {"done": 0}
    assert (tmp_path / "lives").read_text() == "x"


async def test_a_crashing_child_takes_no_other_with_it(tmp_path: Path) -> None:
    stop = asyncio.Event()
    supervisor = Supervisor(
        [child("crasher", COUNTS, tmp_path / "crashes", 1), child("steady", STAYS, tmp_path / "steady")], backoff=SOON
    )
    running = asyncio.create_task(supervisor.run(stop))
    await until(tmp_path / "steady", 1)
    await until(tmp_path / "crashes", 4)
    assert (tmp_path / "steady").read_text() == "x"
    stop.set()
    await running


async def test_stopping_ends_all_also_one_that_will_not_listen(tmp_path: Path) -> None:
    stop = asyncio.Event()
    supervisor = Supervisor(
        [child("polite", STAYS, tmp_path / "polite"), child("deaf", IGNORES_TERM, tmp_path / "deaf")],
        grace_seconds=0.2,
    )
    running = asyncio.create_task(supervisor.run(stop))
    await until(tmp_path / "polite", 1)
    await until(tmp_path / "deaf", 1)
    stop.set()
    await running  # returns only when both processes are gone


async def test_cancelling_the_supervisor_ends_its_children(tmp_path: Path) -> None:
    code = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid()) + ' '); time.sleep(600)"
    running = asyncio.create_task(
        Supervisor([child("steady", code, tmp_path / "pid")], grace_seconds=1).run(asyncio.Event())
    )
    await until(tmp_path / "pid", 2)
    pid = int((tmp_path / "pid").read_text())
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_child_killed_by_a_signal_is_started_again(tmp_path: Path) -> None:
    code = f"import os, signal, sys; open(sys.argv[1], 'a').write('x'); os.kill(os.getpid(), {int(signal.SIGKILL)})"
    stop = asyncio.Event()
    running = asyncio.create_task(Supervisor([child("victim", code, tmp_path / "lives")], backoff=SOON).run(stop))
    await until(tmp_path / "lives", 2)
    stop.set()
    await running


async def test_output_goes_to_the_file_it_was_given(tmp_path: Path) -> None:
    talker = Child("talker", (sys.executable, "-S", "-c", "print('last words')"), output=tmp_path / "logs" / "out")
    await Supervisor([talker]).run(asyncio.Event())
    assert (tmp_path / "logs" / "out").read_text() == "last words\n"
