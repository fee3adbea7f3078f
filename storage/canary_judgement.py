"""Whether a canary is worse than the champion, as good, or not yet to be told. Pure: counts in, a judgement out.

Two things are compared: the share of answers that the screens held or refused, and the share of votes that are 👍.
Worse means that Newcombe's interval for the difference of two shares (from Wilson's interval of each; Newcombe 1998,
method 10) lies wholly on the wrong side. The interval is wide (99 %) because the question is asked again and again.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from storage.governance import Evidence


class Judgement(StrEnum):
    """What the evidence says."""

    WAIT = "wait"
    WORSE = "worse"
    """To be reverted."""
    AS_GOOD = "as-good"
    """As good or better: to be promoted."""


@dataclass(frozen=True, slots=True)
class CanaryRules:
    """How much evidence is enough, and for what."""

    answers_to_revert: int = 20
    """Answers of each before screen rates may speak against the canary."""
    votes_to_revert: int = 10
    """Votes on each before votes may."""
    answers_to_promote: int = 100
    """Answers of each before anything may speak for it."""
    votes_to_promote: int = 10
    """Votes on each, unless there are `answers_without_votes`: some servers do not vote."""
    answers_without_votes: int = 500
    screened_tolerance: float = 0.02
    """How much higher the canary's share of screened answers may be and still count as equal."""
    votes_tolerance: float = 0.05
    """How much lower its share of 👍 may be."""
    z: float = 2.576
    """Standard deviations of the interval: 99 %."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A judgement, why, and the figures that it stands on."""

    judgement: Judgement
    why: str
    """One sentence for people."""
    figures: dict[str, float]


def judge(canary: Evidence, champion: Evidence, rules: CanaryRules | None = None) -> Judged:
    """Compare what was seen of both."""
    rules = rules or CanaryRules()
    figures = _figures(canary, champion)
    screened = (canary.held + canary.refused, canary.answers), (champion.held + champion.refused, champion.answers)
    liked = (canary.votes_up, _votes(canary)), (champion.votes_up, _votes(champion))
    answers, votes = min(canary.answers, champion.answers), min(_votes(canary), _votes(champion))
    if answers >= rules.answers_to_revert and difference(*screened, z=rules.z)[0] > 0:
        why = f"The screens stop more of its answers: {_of(screened[0])} against {_of(screened[1])}."
        return Judged(Judgement.WORSE, why, figures)
    if votes >= rules.votes_to_revert and difference(*liked, z=rules.z)[1] < 0:
        return Judged(Judgement.WORSE, f"Members like it less: {_of(liked[0])} 👍 against {_of(liked[1])}.", figures)
    if answers < rules.answers_to_promote:
        why = f"Too few answers yet to tell: {canary.answers} and {champion.answers} of {rules.answers_to_promote}."
        return Judged(Judgement.WAIT, why, figures)
    if share(*screened[0]) > share(*screened[1]) + rules.screened_tolerance:
        why = "More of its answers are stopped by the screens, but that may still be chance."
        return Judged(Judgement.WAIT, why, figures)
    if votes < rules.votes_to_promote:
        if answers < rules.answers_without_votes:
            why = f"Too few votes yet to tell: {_votes(canary)} and {_votes(champion)} of {rules.votes_to_promote}."
            return Judged(Judgement.WAIT, why, figures)
        why = f"No worse by the screens in {canary.answers} answers; there are too few votes to tell by them."
        return Judged(Judgement.AS_GOOD, why, figures)
    if share(*liked[0]) < share(*liked[1]) - rules.votes_tolerance:
        return Judged(Judgement.WAIT, "It is liked less so far, but that may still be chance.", figures)
    why = f"As good or better: {_of(liked[0])} 👍 against {_of(liked[1])}, and the screens stop no more of it."
    return Judged(Judgement.AS_GOOD, why, figures)


def share(some: int, of: int) -> float:
    """A share; 0 of nothing."""
    return some / of if of else 0.0


def wilson(some: int, of: int, z: float = 2.576) -> tuple[float, float]:
    """Wilson's interval of a share: lowest and highest, 0 to 1; all of it for nothing."""
    if of == 0:
        return 0.0, 1.0
    rate, square = some / of, z * z
    middle = (rate + square / (2 * of)) / (1 + square / of)
    half = z * math.sqrt(rate * (1 - rate) / of + square / (4 * of * of)) / (1 + square / of)
    return max(0.0, middle - half), min(1.0, middle + half)


def difference(first: tuple[int, int], second: tuple[int, int], *, z: float = 2.576) -> tuple[float, float]:
    """Newcombe's interval of the first share less the second: lowest and highest, -1 to 1."""
    (one, other), (lows, highs) = (
        (share(*first), share(*second)),
        zip(wilson(*first, z), wilson(*second, z), strict=True),
    )
    down = math.hypot(one - lows[0], highs[1] - other)
    up = math.hypot(highs[0] - one, other - lows[1])
    return one - other - down, one - other + up


def _votes(evidence: Evidence) -> int:
    return evidence.votes_up + evidence.votes_down


def _of(counts: tuple[int, int]) -> str:
    return f"{share(*counts):.0%} of {counts[1]}"


def _figures(canary: Evidence, champion: Evidence) -> dict[str, float]:
    figures: dict[str, float] = {}
    for name, seen in (("canary", canary), ("champion", champion)):
        figures[f"{name}_answers"] = seen.answers
        figures[f"{name}_screened"] = seen.held + seen.refused
        figures[f"{name}_votes_up"] = seen.votes_up
        figures[f"{name}_votes_down"] = seen.votes_down
    return figures
