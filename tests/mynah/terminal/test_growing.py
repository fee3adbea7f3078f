"""Answers and runs as they grow, where nobody looks at a terminal."""

import pytest
from rich.console import Console as RichConsole

from mynah.terminal.growing import RunSteps
from storage.values import Run, RunState
from tests.mynah.terminal.test_report import NOW


def test_each_step_of_a_run_is_a_line_of_its_own_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    states = [RunState.REQUESTED, RunState.TRAINING, RunState.TRAINING, RunState.GATING, RunState.PROMOTED]
    with RunSteps(RichConsole(), is_live=False) as steps:
        for number, state in enumerate(states):
            steps.show(Run(1, state, "", number / 4, "", None, None, None, False, NOW, NOW, None))
    told = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert told == [["0%", "waiting for the trainer"], ["25%", "training"], ["75%", "deciding whether it is better"]]
