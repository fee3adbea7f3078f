"""The report card of a run, as a few lines for a terminal.

The trainer documents the card's fields (`trainer.report.RunReport.as_json`); a run without a card, or with one of
another age, is told by its verdict alone.
"""

from collections.abc import Iterator, Mapping

from storage.values import Run, RunState

VERDICTS = {
    RunState.PROMOTED: "Promoted",
    RunState.REFUSED: "Refused by the gate",
    RunState.FAILED: "The run failed",
    RunState.CANCELLED: "The run was cancelled",
}
SETS = {
    "taught": "what was taught",
    "heldout": "held-out talk",
    "general": "general talk",
}


def report_lines(run: Run) -> list[str]:
    """The verdict, the figures before and after, and the checks that were not passed."""
    verdict = VERDICTS.get(run.state, run.state.value)
    lines = [f"{verdict}: {run.note}" if run.note else f"{verdict}."]
    report = run.report or {}
    return [*lines, *_figures(report.get("figures")), *_failed(report.get("checks"), run.note)]


def _figures(figures: object) -> Iterator[str]:
    if not isinstance(figures, Mapping) or not figures:
        return
    yield f"  {'':<16} {'before':>8} {'after':>8}   perplexity: lower is better"
    for name, pair in figures.items():
        if isinstance(pair, Mapping):
            before, after = (_perplexity(pair.get(side)) for side in ("before", "after"))
            yield f"  {SETS.get(name, str(name)):<16} {before:>8} {after:>8}"


def _perplexity(side: object) -> str:
    value = side.get("perplexity") if isinstance(side, Mapping) else None
    return f"{value:.2f}" if isinstance(value, int | float) else "-"


def _failed(checks: object, note: str) -> Iterator[str]:
    for check in checks if isinstance(checks, list | tuple) else ():
        if isinstance(check, Mapping) and check.get("passed") is False and check.get("sentence") not in (None, note):
            yield f"  ✗ {check['sentence']}"
