"""How the processes of a group find each other."""

import subprocess
from pathlib import Path

import pytest

from trainer.spread import launching
from trainer.spread.choice import Spread

pytestmark = pytest.mark.timeout(600)  # two processes import torch, twice
TWO = Spread(2)


def test_after_a_restart_nobody_calls_the_address_of_who_died(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "MOST_RESTARTS", 1)
    usual = launching._command(TWO, tmp_path, "order")
    command = [*usual[: usual.index("trainer.spread.rank")], "tests.trainer.spread.meeting_again"]
    done = subprocess.run(
        command, env=launching._environment(TWO, threads=2), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
