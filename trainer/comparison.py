"""Two models on the same conversations: how much better or worse one is, and how sure that is. Pure.

Conversations are drawn anew in pairs, so that what is easy or hard for both falls out; all tokens of a conversation
come or go together, since they are not independent of one another.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial

from trainer.evaluation import ItemScore
from trainer.statistics import Interval, bootstrap_ratios


@dataclass(frozen=True, slots=True)
class Comparison:
    """The second model against the first."""

    perplexity_rise: Interval
    """As a share: -0.1 is a perplexity that is a tenth lower."""
    accuracy_gain: Interval
    """Of token accuracy, as a difference of shares."""

    @classmethod
    def of(
        cls, before: Sequence[ItemScore], after: Sequence[ItemScore], *, samples: int, confidence: float, seed: int
    ) -> "Comparison | None":
        """Compare; None without any token.

        Args:
            before: the first model's figures of each conversation.
            after: the second's, of the same ones in the same order.
            samples: resamplings.
            confidence: of each side of an interval.
            seed: of the resampling.
        """
        tokens = [float(score.tokens) for score in before]
        if not sum(tokens):
            return None
        draw = partial(bootstrap_ratios, weights=tokens, samples=samples, confidence=confidence, seed=seed)
        nats = [a.nats - b.nats for b, a in zip(before, after, strict=True)]
        correct = [float(a.correct - b.correct) for b, a in zip(before, after, strict=True)]
        return cls(draw(nats).exponential(), draw(correct))

    def as_record(self) -> dict[str, object]:
        """For the report card: `perplexity_rise` and `accuracy_gain`, each with `low`, `mean` and `high`."""
        return asdict(self)
