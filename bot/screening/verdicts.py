"""What is made of verdicts: one over several texts, such as all messages of an example, and a stricter one."""

from collections.abc import Sequence
from dataclasses import replace

from storage.values import Outcome, Verdict, strictest


def together(verdicts: Sequence[Verdict]) -> Verdict:
    """The strictest outcome, every reason once, the highest score of each label; the text is the last one's.

    Args:
        verdicts: at least one.
    """
    scores: dict[str, float] = {}
    for verdict in verdicts:
        for label, score in verdict.scores.items():
            scores[label] = max(score, scores.get(label, 0.0))
    return Verdict(
        outcome=strictest([verdict.outcome for verdict in verdicts]),
        text=verdicts[-1].text,
        reasons=tuple(dict.fromkeys(reason for verdict in verdicts for reason in verdict.reasons)),
        scores=scores,
        screen_version=verdicts[-1].screen_version,
        blocks_reply=any(verdict.blocks_reply for verdict in verdicts),
        is_crisis=any(verdict.is_crisis for verdict in verdicts),
    )


def stricter(verdict: Verdict, *, hold_above: float | None, refuse_above: float | None) -> Verdict:
    """The verdict with a server's own thresholds on top of the process's.

    They can only make it stricter: the operator answers for what the bot says, and a score that was let through is still
    there to be looked at, while one that was refused ended the screening.

    Args:
        verdict: of one text.
        hold_above: from this probability of a label on, a person must look; None changes nothing.
        refuse_above: from this one on, it is refused and not answered.
    """
    held = _reached(verdict, hold_above, _HOLDING)
    refused = _reached(verdict, refuse_above, _REFUSING)
    if not held and not refused:
        return verdict
    outcome = Outcome.REFUSE if refused else Outcome.HOLD
    reasons = (*verdict.reasons, *(f"toxicity:{label}" for label in (*refused, *held)))
    return replace(
        verdict,
        outcome=strictest([verdict.outcome, outcome]),
        reasons=tuple(dict.fromkeys(reasons)),
        blocks_reply=verdict.blocks_reply or bool(refused),
    )


_REFUSING = frozenset({"toxicity", "threat", "insult", "identity_attack"})
"""Labels that say somebody is hurt."""
_HOLDING = _REFUSING | {"obscene"}


def _reached(verdict: Verdict, threshold: float | None, labels: frozenset[str]) -> list[str]:
    if threshold is None:
        return []
    return [label for label, score in verdict.scores.items() if label in labels and score >= threshold]
