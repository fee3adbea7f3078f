"""Two models are compared conversation by conversation."""

import pytest

from trainer.comparison import Comparison
from trainer.evaluation import Figures, ItemScore


def compared(before: list[ItemScore], after: list[ItemScore]) -> Comparison:
    found = Comparison.of(before, after, samples=400, confidence=0.95, seed=1)
    assert found is not None
    return found


def hard_and_easy(better_by: float) -> list[ItemScore]:
    """Conversations that differ from one another far more than the two models do."""
    return [ItemScore(10.0 * (1 + item % 9) - better_by * 10, 10, item % 7, 40) for item in range(60)]


def test_a_small_gain_on_every_conversation_is_sure_though_they_differ_much() -> None:
    found = compared(hard_and_easy(0.0), hard_and_easy(0.05))

    assert found.perplexity_rise.low == pytest.approx(found.perplexity_rise.high)
    assert found.perplexity_rise.mean == pytest.approx(-0.0488, abs=1e-4)


def test_the_same_figures_against_other_conversations_would_not_be_sure() -> None:
    found = compared(hard_and_easy(0.0), hard_and_easy(0.05)[::-1])

    assert found.perplexity_rise.low < 0 < found.perplexity_rise.high


def test_the_mean_is_that_of_all_tokens_not_of_conversations() -> None:
    before = [ItemScore(10.0, 10, 5, 40), ItemScore(1000.0, 1000, 500, 4000)]
    after = [ItemScore(20.0, 10, 0, 40), ItemScore(900.0, 1000, 600, 4000)]
    found = compared(before, after)

    assert found.perplexity_rise.mean == pytest.approx(Figures.of(after).perplexity / Figures.of(before).perplexity - 1)
    assert found.accuracy_gain.mean == pytest.approx(95 / 1010)


def test_one_conversation_cannot_make_many_sure() -> None:
    before = [ItemScore(10.0, 10, 5, 40)] * 20
    after = [ItemScore(1.0, 10, 9, 40), *[ItemScore(10.1, 10, 5, 40)] * 19]
    found = compared(before, after)

    assert found.perplexity_rise.mean < 0 < found.perplexity_rise.high


def test_nothing_to_compare_gives_nothing() -> None:
    assert Comparison.of([], [], samples=100, confidence=0.95, seed=1) is None
    assert Comparison.of([ItemScore(0, 0, 0, 0)], [ItemScore(0, 0, 0, 0)], samples=100, confidence=0.9, seed=1) is None
