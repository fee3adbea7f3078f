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
    """The verdict, the figures before and after, the checks that were not passed, and whom the new version serves."""
    verdict = VERDICTS.get(run.state, run.state.value)
    lines = [f"{verdict}: {run.note}" if run.note else f"{verdict}."]
    report = run.report or {}
    return [*lines, *_figures(report.get("figures")), *_failed(report.get("checks"), run.note), *_thanks(report)]


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


def _thanks(report: Mapping[str, object]) -> Iterator[str]:
    votes, voters, settled = (_count(report.get(name)) for name in ("votes", "voters", "receipts_settled"))
    if votes:
        members = "1 member" if voters == 1 else f"{voters} members"
        yield f"  {'1 vote' if votes == 1 else f'{votes} votes'} of {members} stand behind what it learnt."
    if settled:
        receipts = "1 receipt" if settled == 1 else f"{settled} receipts"
        yield f"  {receipts} settled: nothing that answers has learnt from these forgotten members."


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
