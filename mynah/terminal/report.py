"""The report card of a run, as a few lines for a terminal."""

from storage.values import Run, RunState

VERDICTS = {
    RunState.PROMOTED: "Promoted",
    RunState.REFUSED: "Refused by the gate",
    RunState.FAILED: "The run failed",
    RunState.CANCELLED: "The run was cancelled",
}


def report_lines(run: Run) -> list[str]:
    """The verdict."""
    verdict = VERDICTS.get(run.state, run.state.value)
    return [f"{verdict}: {run.note}" if run.note else f"{verdict}."]
