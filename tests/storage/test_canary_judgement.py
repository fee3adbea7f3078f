import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.canary_judgement import CanaryRules, Judgement, difference, judge, wilson
from storage.governance import Evidence

RULES = CanaryRules()


def seen(answers: int = 0, screened: int = 0, up: int = 0, down: int = 0) -> Evidence:
    return Evidence("v", answers, screened // 2, screened - screened // 2, up, down)


@st.composite
def evidence(draw: st.DrawFn, *, most: int = 3000) -> Evidence:
    answers = draw(st.integers(0, most))
    screened = draw(st.integers(0, answers))
    up = draw(st.integers(0, answers))
    return seen(answers, screened, up, draw(st.integers(0, answers - up)))


@pytest.mark.parametrize(
    ("canary", "champion", "expected"),
    [
        (seen(), seen(), Judgement.WAIT),
        (seen(19, 19), seen(1000), Judgement.WAIT),
        (seen(100, 40), seen(400, 8), Judgement.WORSE),
        (seen(100, 2, 2, 18), seen(400, 8, 90, 10), Judgement.WORSE),
        (seen(100, 2, 0, 9), seen(400, 8, 90, 10), Judgement.WAIT),
        (seen(100, 2, 18, 2), seen(400, 8, 90, 10), Judgement.AS_GOOD),
        (seen(100, 2, 15, 5), seen(400, 8, 90, 10), Judgement.WAIT),
        (seen(100, 6, 18, 2), seen(400, 8, 90, 10), Judgement.WAIT),
        (seen(499), seen(5000), Judgement.WAIT),
        (seen(500), seen(5000), Judgement.AS_GOOD),
        (seen(5000, 0, 500), seen(), Judgement.WAIT),
    ],
    ids=[
        "nothing seen",
        "too few answers to revert",
        "the screens stop it",
        "members dislike it",
        "too few votes to revert",
        "as good",
        "liked less, perhaps by chance",
        "stopped more, perhaps by chance",
        "too few votes",
        "nobody votes",
        "no champion to compare with",
    ],
)
def test_the_evidence_decides(canary: Evidence, champion: Evidence, expected: Judgement) -> None:
    judged = judge(canary, champion)
    assert judged.judgement is expected
    assert judged.why.endswith(".")


@given(evidence(), evidence())
def test_a_canary_is_never_worse_than_itself_nor_both_worse_and_better(one: Evidence, other: Evidence) -> None:
    assert judge(one, one).judgement is not Judgement.WORSE
    if judge(one, other).judgement is Judgement.WORSE and judge(other, one).judgement is Judgement.WORSE:
        low, high = difference((one.held + one.refused, one.answers), (other.held + other.refused, other.answers))
        assert low > 0 or high < 0  # one is worse by votes, so the other by what the screens stopped


@given(evidence(most=19), evidence(most=9))
def test_nothing_is_decided_on_little(canary: Evidence, champion: Evidence) -> None:
    assert judge(canary, champion).judgement is Judgement.WAIT


@given(evidence(), evidence())
def test_what_is_promoted_was_seen_enough_and_is_no_worse_by_more_than_the_tolerance(
    canary: Evidence, champion: Evidence
) -> None:
    if judge(canary, champion).judgement is Judgement.AS_GOOD:
        assert min(canary.answers, champion.answers) >= RULES.answers_to_promote
        screened = (canary.held + canary.refused) / canary.answers
        assert screened <= (champion.held + champion.refused) / champion.answers + RULES.screened_tolerance


@given(evidence(), evidence())
def test_more_screened_answers_never_help(canary: Evidence, champion: Evidence) -> None:
    order = [Judgement.WORSE, Judgement.WAIT, Judgement.AS_GOOD]
    if canary.answers > canary.held + canary.refused:
        worse = replace(canary, held=canary.held + 1)
        assert order.index(judge(worse, champion).judgement) <= order.index(judge(canary, champion).judgement)


@given(st.integers(0, 500).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_the_interval_holds_the_share(counts: tuple[int, int]) -> None:
    low, high = wilson(*counts)
    assert 0 <= low <= high <= 1
    if counts[1]:
        assert low - 1e-9 <= counts[0] / counts[1] <= high + 1e-9


def test_an_equal_canary_is_seldom_reverted_however_often_one_looks_and_a_bad_one_nearly_always() -> None:
    """A look at every tenth answer, up to 600 of each, with a tenth of the answers voted on."""

    def reverted(chance: random.Random, screened: float, liked: float) -> bool:
        canary, champion = [0] * 4, [0] * 4
        for answer in range(600):
            for counts, stopped, good in ((canary, screened, liked), (champion, 0.05, 0.8)):
                counts[0] += 1
                counts[1] += chance.random() < stopped
                if chance.random() < 0.1:
                    counts[2 if chance.random() < good else 3] += 1
            if answer % 10 == 0 and judge(seen(*canary), seen(*champion)).judgement is Judgement.WORSE:
                return True
        return False

    chance = random.Random(7)
    assert sum(reverted(chance, 0.05, 0.8) for _ in range(200)) <= 20
    assert sum(reverted(chance, 0.20, 0.8) for _ in range(50)) >= 48
    assert sum(reverted(chance, 0.05, 0.3) for _ in range(50)) >= 45
