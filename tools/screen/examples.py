"""A text and what is believed about it, and the six labels in the order that the model gives them."""

from dataclasses import dataclass

LABELS = ("toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate")
Row = tuple[float, ...]
HARMLESS: Row = (0.0,) * len(LABELS)


@dataclass(frozen=True, slots=True)
class Example:
    """A text and its six weak labels, 0 to 1."""

    text: str
    labels: Row

    @property
    def is_unkind(self) -> bool:
        """Whether it should be held or refused: unkind to somebody, not merely swearing."""
        toxic, _, _, threat, insult, hate = self.labels
        return max(toxic, threat, insult, hate) > 0.5
