"""Toxicity by a detoxify model: the worst label of the worst window of the worst reading decides.

It knows no other screen and no files. Promises: the model never sees a text longer than it can read, an empty list or
a batch of very different lengths; equal texts of a batch are read once.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.screening.subject import NOTHING_FOUND, Finding, Subject
from storage.values import Outcome


class Reader(Protocol):
    """What reads texts: a detoxify model, or the tests' word list."""

    @property
    def version(self) -> str:
        """Changes with the weights."""
        ...

    def windows(self, text: str) -> list[str]:
        """The text in overlapping pieces that the model can read whole; one piece if it is short."""
        ...

    def score(self, texts: Sequence[str]) -> list[dict[str, float]]:
        """Label to probability for each of at least one text, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which probability of each label a person must look, and from which the text is refused.

    A label that is missing never decides: it says what a text is about, not that it hurts.
    """

    hold: Mapping[str, float]
    refuse: Mapping[str, float]

    def overridden(self, hold_above: float | None, refuse_above: float | None) -> "Thresholds":
        """The same labels with the operator's own figures, where there are any."""
        refuse = self.refuse if refuse_above is None else dict.fromkeys(self.hold, refuse_above)
        return Thresholds(self.hold if hold_above is None else dict.fromkeys(self.hold, hold_above), refuse)


class Toxicity:
    """Holds from the first threshold on; from the second it refuses, and blocks the reply."""

    name = "toxicity"
    scrubs = False

    def __init__(self, reader: Reader, thresholds: Thresholds, *, characters_per_batch: int = 8192) -> None:
        """Keep the reader.

        Args:
            reader: gives the probabilities.
            thresholds: what they mean.
            characters_per_batch: bounds one forward pass, padding included.
        """
        self.reader = reader
        self._thresholds = thresholds
        self._characters_per_batch = characters_per_batch
        self.version = f"2:{reader.version}:{sorted(thresholds.hold.items())}:{sorted(thresholds.refuse.items())}"

    def examine(self, subjects: Sequence[Subject]) -> list[Finding]:
        """`toxicity:<label>` for each label that reaches a threshold, and all scores."""
        windows = [[window for form in subject.forms for window in self.reader.windows(form)] for subject in subjects]
        distinct = sorted({window for several in windows for window in several}, key=lambda text: (len(text), text))
        scores: dict[str, dict[str, float]] = {}
        for batch in self._batches(distinct):
            scores.update(zip(batch, self.reader.score(batch), strict=True))
        return [self._finding([scores[window] for window in several]) for several in windows]

    def _batches(self, by_length: list[str]) -> Iterator[list[str]]:
        start = 0
        while start < len(by_length):
            end = start + 1
            while end < len(by_length) and len(by_length[end]) * (end + 1 - start) <= self._characters_per_batch:
                end += 1
            yield by_length[start:end]
            start = end

    def _finding(self, windows: list[dict[str, float]]) -> Finding:
        if not windows:
            return NOTHING_FOUND
        worst = {label: round(max(window[label] for window in windows), 4) for label in windows[0]}
        held = _reached(worst, self._thresholds.hold)
        refused = _reached(worst, self._thresholds.refuse)
        outcome = Outcome.REFUSE if refused else Outcome.HOLD if held else Outcome.PASS
        reasons = tuple(f"toxicity:{label}" for label in dict.fromkeys((*refused, *held)))
        return Finding(outcome, reasons, worst, blocks_reply=bool(refused))


def _reached(scores: Mapping[str, float], thresholds: Mapping[str, float]) -> list[str]:
    return [label for label, score in scores.items() if score >= thresholds.get(label, 2.0)]
