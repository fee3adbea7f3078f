"""A version is called worse only by more than is allowed and more than chance explains."""

from datetime import UTC, date, datetime, timedelta

import pytest

from storage.monitoring_values import DayCounts, Measure, MonitoredDay, State, Surprise
from trainer.drift import Drift
from trainer.settings import TrainerSettings
from trainer.wear import measures

LAST = date(2026, 5, 30)
SETTINGS = TrainerSettings()


def days(recent: DayCounts, earlier: DayCounts, *surprises: Surprise | None) -> list[MonitoredDay]:
    """One recent day and one from before."""
    at = datetime(2026, 5, 31, tzinfo=UTC)
    known = surprises or (None, None)
    return [
        MonitoredDay("", "v", LAST - timedelta(days=back), counts, at, surprise)
        for back, counts, surprise in ((0, recent, known[0]), (SETTINGS.monitor_days, earlier, known[1]))
    ]


def measure(name: str, some: list[MonitoredDay], drift: Drift | None = None) -> Measure:
    return next(one for one in measures(some, LAST, drift, SETTINGS) if one.name == name)


WORSE = [
    ("votes", DayCounts(votes_up=40, votes_down=60), DayCounts(votes_up=80, votes_down=20)),
    ("next_words", DayCounts(corrected=30, asked_again=20, left=50), DayCounts(thanked=50, left=50)),
    ("screened_in", DayCounts(asked=200, asked_refused=40), DayCounts(asked=200, asked_held=2)),
    ("screened_out", DayCounts(answers=200, held=20, refused=20), DayCounts(answers=200, held=2)),
]


@pytest.mark.parametrize(("name", "bad", "good"), WORSE, ids=[name for name, _, _ in WORSE])
def test_a_share_that_rose_is_worse_and_one_that_fell_is_not(name: str, bad: DayCounts, good: DayCounts) -> None:
    found = measure(name, days(bad, good))
    assert found.state is State.WORSE
    assert found.low is not None
    assert found.low > 0
    assert measure(name, days(good, bad)).state is State.STEADY
    assert measure(name, days(bad, bad)).state is State.STEADY


def test_few_votes_say_nothing_however_bad() -> None:
    few = DayCounts(votes_down=SETTINGS.monitor_min_events - 1)
    found = measure("votes", days(few, DayCounts(votes_up=500)))
    assert found.state is State.TOO_FEW
    assert "Too few to say" in found.sentence
    assert found.worsening is None


def test_a_rise_that_chance_explains_is_steady() -> None:
    bad, good = DayCounts(votes_up=38, votes_down=12), DayCounts(votes_up=43, votes_down=7)
    found = measure("votes", days(bad, good))
    assert found.worsening == pytest.approx(0.1)
    assert found.state is State.STEADY


def test_a_sure_rise_within_what_is_allowed_is_steady() -> None:
    bad, good = DayCounts(asked=90_000, asked_held=3_600), DayCounts(asked=90_000)
    found = measure("screened_in", days(bad, good))
    assert found.low is not None
    assert found.low > 0
    assert found.state is State.STEADY


def surprise(items: int, loss: float, spread: float = 0.1) -> Surprise:
    """Exchanges of ten tokens, with losses round a mean."""
    squares = items * (loss * loss + spread * spread)
    return Surprise(items, items * 10, items * 10 * loss, items * loss, squares)


def test_perplexity_that_rose_is_worse() -> None:
    found = measure("perplexity", days(DayCounts(), DayCounts(), surprise(40, 3.0), surprise(40, 2.0)))
    assert found.state is State.WORSE
    assert found.worsening == pytest.approx(1.718, abs=0.01)
    assert measure("perplexity", days(DayCounts(), DayCounts(), surprise(40, 2.0), surprise(40, 2.0))).state is (
        State.STEADY
    )


@pytest.mark.parametrize("now", [None, surprise(2, 9.0), surprise(SETTINGS.monitor_min_exchanges - 1, 9.0)])
def test_perplexity_on_little_says_nothing(now: Surprise | None) -> None:
    found = measure("perplexity", days(DayCounts(), DayCounts(), now, surprise(400, 2.0)))
    assert found.state is State.TOO_FEW


def test_perplexity_that_scatters_is_steady() -> None:
    some = days(DayCounts(), DayCounts(), surprise(20, 2.5, spread=3.0), surprise(20, 2.0, spread=3.0))
    assert measure("perplexity", some).state is State.STEADY


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (None, State.TOO_FEW),
        (Drift(0.6, 0.2, 0.25), State.WORSE),
        (Drift(0.26, 0.2, 0.25), State.STEADY),
        (Drift(0.4, 0.2, 0.45), State.STEADY),
    ],
    ids=["unknown", "far", "within-the-limit", "chance"],
)
def test_drift_is_worse_where_it_is_far_and_sure(found: Drift | None, state: State) -> None:
    assert measure("drift", days(DayCounts(), DayCounts()), found).state is state


def test_days_of_the_future_and_far_past_are_told_apart() -> None:
    at = datetime(2026, 5, 31, tzinfo=UTC)
    some = [
        MonitoredDay("", "v", LAST + timedelta(days=1), DayCounts(votes_down=500), at),
        *days(DayCounts(votes_up=100), DayCounts(votes_up=100)),
    ]
    assert measure("votes", some).recent == 0
