"""The report card as lines."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from mynah.terminal.report import report_lines
from storage.values import Run, RunState

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def run(state: RunState, note: str = "", report: Mapping[str, object] | None = None) -> Run:
    return Run(1, state, "command", 1.0, note, None, None, report, False, NOW, NOW, NOW)


def test_the_figures_stand_side_by_side() -> None:
    figures = {"general": {"before": {"perplexity": 12.345}, "after": {"perplexity": 11.0}}}
    told = report_lines(run(RunState.PROMOTED, "It is better.", {"figures": figures}))
    assert told[0] == "Promoted: It is better."
    assert told[-1].split() == ["general", "talk", "12.35", "11.00"]


def test_checks_that_failed_are_told_and_the_verdict_is_not_told_twice() -> None:
    checks = [
        {"name": "forgetting", "passed": False, "sentence": "It forgot too much."},
        {"name": "toxicity", "passed": False, "sentence": "It became rude."},
        {"name": "empty", "passed": True, "sentence": "It has words."},
    ]
    told = report_lines(run(RunState.REFUSED, "It forgot too much.", {"checks": checks}))
    assert told == ["Refused by the gate: It forgot too much.", "  ✗ It became rude."]


def test_whose_votes_stand_behind_a_version_and_what_it_settles_is_told_as_counts() -> None:
    told = report_lines(run(RunState.PROMOTED, "", {"votes": 12, "voters": 1, "receipts_settled": 2}))
    assert "12 votes of 1 member " in told[1]
    assert "2 receipts settled" in told[2]


@pytest.mark.parametrize(
    "report", [{"votes": 0, "voters": 0, "receipts_settled": 0}, {"votes": "many"}, {"votes": True}]
)
def test_where_nobody_voted_nothing_is_said_of_it(report: Mapping[str, object]) -> None:
    assert report_lines(run(RunState.PROMOTED, "", report)) == ["Promoted."]


@pytest.mark.parametrize(
    "report", [None, {}, {"figures": None}, {"figures": {"x": 1}, "checks": "none"}, {"figures": {"x": {"before": 2}}}]
)
def test_a_card_of_another_age_is_told_by_its_verdict(report: Mapping[str, object] | None) -> None:
    assert report_lines(run(RunState.FAILED, "no memory", report))[0] == "The run failed: no memory"
