"""One verdict over several texts, such as all messages of an example."""

from collections.abc import Sequence

from storage.values import Verdict, strictest


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
