import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fakes.postgres import program, programs_are_here

_KEEPER = """
import signal
from pathlib import Path
from tests.fakes.postgres import restartable_postgres

with restartable_postgres() as server:
    folder = server.url.rpartition("=")[2]
    print(folder, Path(folder, "data", "postmaster.pid").read_text().split()[0], flush=True)
    signal.pause()
"""


def install(folder: Path, name: str) -> str:
    folder.mkdir(parents=True)
    made = folder / name
    made.touch(mode=0o755)
    return str(made)


def test_the_programs_of_the_newest_version_that_debian_installed_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    install(tmp_path / "9" / "bin", "initdb")
    newest = install(tmp_path / "15" / "bin", "initdb")
    (tmp_path / "16" / "bin").mkdir(parents=True)
    install(tmp_path / "common" / "bin", "initdb")
    assert program("initdb", tmp_path) == newest
    assert program("pg_ctl", tmp_path) is None


def test_a_program_on_the_path_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = install(tmp_path / "own", "initdb")
    install(tmp_path / "15" / "bin", "initdb")
    monkeypatch.setenv("PATH", str(tmp_path / "own"))
    assert program("initdb", tmp_path) == own


@pytest.mark.skipif(not programs_are_here(), reason="no PostgreSQL is installed")
@pytest.mark.parametrize("signal", ["KILL", "TERM"])
def test_a_server_does_not_outlive_the_process_that_started_it(signal: str) -> None:
    keeper = subprocess.Popen([sys.executable, "-c", _KEEPER], stdout=subprocess.PIPE, text=True)
    assert keeper.stdout is not None
    with keeper, keeper.stdout:
        folder, pid = keeper.stdout.readline().split()
        assert _runs(int(pid))
        subprocess.run(["kill", f"-{signal}", str(keeper.pid)], check=True)
    for _ in range(300):
        if not _runs(int(pid)) and not Path(folder).exists():
            return
        time.sleep(0.1)
    pytest.fail("the server is still there")


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
