"""What the queue knows of a candidate, in words for people. Pure; knows no face."""

from collections import Counter
from datetime import timedelta

from storage.curation_values import Curation
from storage.governance import Feedback, LeftOut, QueueItem, RejectReason, Together
from storage.values import CandidateState, Outcome, Source, Verdict

_FAINT = 0.05
_HOW_LIKELY = ((0.25, "hardly"), (0.5, "perhaps"), (0.8, "probably"), (1.1, "almost certainly"))
_SCORES_SHOWN = 3
_LABELS = {
    "toxicity": "toxic",
    "severe_toxicity": "very toxic",
    "obscene": "obscene",
    "threat": "a threat",
    "insult": "an insult",
    "identity_attack": "an attack on who somebody is",
    "identity_hate": "an attack on who somebody is",
    "sexual_explicit": "sexual",
}
_SCREENS = {
    "toxicity": "may be",
    "personal-data": "held personal data:",
    "rules": "breaks a rule:",
    "crisis": "crisis:",
}
_SOURCES = {
    Source.MESSAGE: "a message",
    Source.SLASH: "a slash command",
    Source.CORRECTION: "a better answer by a member",
    Source.IMPORT: "an import",
}
_FEEDBACK = {
    Feedback.THANKED: "Then they said thanks.",
    Feedback.CORRECTED: "Then they said that this is wrong.",
    Feedback.ASKED_AGAIN: "Then they asked the same again.",
    Feedback.WENT_ON: "",
}
_LEFT_OUT = {
    LeftOut.OWN_WORDS: "your own words",
    LeftOut.NO_CONSENT: "no consent any more",
    LeftOut.DOUBTFUL: "the screens doubt them more than the one you saw",
    LeftOut.REFUSED: "the screens refused them",
    LeftOut.DECIDED: "decided already",
    LeftOut.CAME_LATER: "came after you looked",
}
REASONS = {
    RejectReason.WRONG: "Wrong: it is not true",
    RejectReason.HARMFUL: "Harmful: it hurts or endangers somebody",
    RejectReason.PRIVATE: "Private: it tells about a person",
    RejectReason.SPAM: "Spam, or meant to poison",
    RejectReason.OFF_TOPIC: "Off topic: not for this bot",
    RejectReason.POOR: "Poor: badly written or empty",
    RejectReason.OTHER: "Another reason, in your own words…",
}
"""What a moderator chooses from."""


def doubt_in_words(verdict: Verdict) -> str:
    """What the screens think, one finding a line."""
    scored = {f"toxicity:{name}" for name, score in verdict.scores.items() if score >= _FAINT}
    findings = [_finding(reason) for reason in verdict.reasons if reason not in scored]
    head = {
        Outcome.PASS: "Nothing found",
        Outcome.HOLD: "**Please look closely**",
        Outcome.REFUSE: "**Refused**: cannot be learnt",
    }[verdict.outcome]
    scores = sorted(verdict.scores.items(), key=lambda one: (-one[1], one[0]))[:_SCORES_SHOWN]
    telling = [f"{_how_likely(score)} {_label(name)} ({score:.0%})" for name, score in scores if score >= _FAINT]
    return "\n".join([head, *dict.fromkeys(findings), *telling])


def source_in_words(source: Source) -> str:
    """Where a candidate's words come from."""
    return _SOURCES[source]


def feedback_in_words(feedback: Feedback | None) -> str:
    """What the member said next; empty when nothing can be told."""
    return "" if feedback is None else _FEEDBACK[feedback]


def likeness_in_words(item: QueueItem) -> str:
    """How many others say nearly the same, and whether it is new."""
    count = item.near_duplicates
    if count:
        return f"{count} other{'s' if count > 1 else ''} waiting {'say' if count > 1 else 'says'} nearly the same"
    return "Nothing like it was approved yet" if item.is_novel else "Something like it was approved before"


def quorum_in_words(item: QueueItem) -> str:
    """How many have approved, and how many must; empty when one is enough."""
    return f"{len(item.approvals)} of {item.quorum} approvals" if item.quorum > 1 else ""


def decided_in_words(state: CandidateState, item: QueueItem | None = None) -> str:
    """What became of a candidate that was decided."""
    if state is CandidateState.WAITING and item is not None:
        return f"Noted: {quorum_in_words(item)}."
    return {CandidateState.APPROVED: "Approved.", CandidateState.REJECTED: "Rejected."}.get(state, "It waits again.")


def outcome_in_words(item: QueueItem, curation: Curation | None, *, may_be_learnt: bool) -> str:
    """What became of a candidate, in one sentence.

    Args:
        item: the candidate.
        curation: what the trainer decided about it; None: it has not looked yet.
        may_be_learnt: whether it is approved and everybody in it may be learnt from, now.
    """
    state = item.candidate.state
    if state is CandidateState.WAITING:
        return f"It waits for a review ({quorum_in_words(item)})." if item.quorum > 1 else "It waits for a review."
    if state is CandidateState.REJECTED:
        return "It is rejected, so it is not learnt."
    if not may_be_learnt:
        return (
            "It is approved but not learnt: somebody in it may not be learnt from now, or learning from there is off."
        )
    if curation is None:
        return "It is approved, and the next run looks at it."
    again = "" if curation.is_current else " The next run looks at it again."
    if curation.reason:
        return f"It is approved but left out: {curation.reason}.{again}"
    taken = {"train": "is learnt", "heldout": "is held out, to judge models by"}.get(curation.side, "may be learnt")
    return f"It is approved and {taken}.{again}"


def together_in_words(together: Together, verb: str) -> str:
    """How many were decided by one click, and which were not, and why."""
    count = len(together.decided)
    waits_on = sum(candidate.state is CandidateState.WAITING for candidate in together.decided)
    lines = [f"{verb} {count}." + (f" {waits_on} of them need another approval." if waits_on else "")]
    reasons = Counter(together.left_out.values())
    for reason, amount in sorted(reasons.items()):
        ids = [str(key) for key, why in together.left_out.items() if why is reason]
        named = ", ".join(ids[:5]) + (f" and {len(ids) - 5} more" if len(ids) > 5 else "")
        lines.append(f"Not {amount} ({_LEFT_OUT[reason]}): {named}.")
    return "\n".join(lines)


def left_out_in_words(reason: LeftOut) -> str:
    """Why a near-duplicate was not decided with the others."""
    return _LEFT_OUT[reason]


def span_in_words(seconds: float | None) -> str:
    """A length of time, roughly."""
    if seconds is None:
        return "-"
    span = timedelta(seconds=max(0.0, seconds))
    if span.days >= 2:
        return f"{span.days} days"
    hours = int(span.total_seconds() // 3600)
    if hours >= 2:
        return f"{hours} hours"
    minutes = int(span.total_seconds() // 60)
    return f"{minutes} minutes" if minutes != 1 else "1 minute"


def _finding(reason: str) -> str:
    screen, _, detail = reason.partition(":")
    said = _SCREENS.get(screen, f"{screen.replace('-', ' ')}:")
    return f"{said} {_label(detail)}"


def _label(name: str) -> str:
    return _LABELS.get(name, name.replace("_", " ").replace("-", " "))


def _how_likely(score: float) -> str:
    return next(words for limit, words in _HOW_LIKELY if score < limit)
