"""What a sweep looks for: the settings of a run that may differ, between which bounds, and what each run of it came to."""

import math
from dataclasses import asdict, dataclass
from enum import StrEnum

from trainer.growing.pretraining import Plan

_USUAL = Plan(steps=1)
_RATES = (0.004, 0.08)
"""Of Muon: a fifth and four times the usual."""
_DECAYS = (0.2, 0.4, 0.6, 0.8, 1.0)
_BATCHES = (0.25, 0.5, 1, 2, 4)
"""Times the usual tokens a step."""
_EPOCH_SHARES = (0.25, 0.5, 1.0)
_WORTH_REPEATING = 1.5
"""Readings from which on fewer of them may be better: below, more is."""
FEWEST_STEPS = 60
"""Of a run at the usual tokens a step: a third is warm-up, and a rate must have time to show itself."""
_EVALUATIONS = (4, 10)
_TOKENS_AN_EVALUATION = 100_000


@dataclass(frozen=True, slots=True)
class Settings:
    """What may differ between runs; the names are those of `mynah pretrain`."""

    learning_rate: float
    """Of Muon; the other rates keep their usual share of it."""
    tokens_a_step: int
    decay: float
    epochs: float

    def plan(self, *, tokens_an_epoch: int, seed: int) -> Plan:
        """The run with these settings."""
        tokens = self.epochs * tokens_an_epoch
        return Plan(
            steps=max(1, math.ceil(tokens / self.tokens_a_step)),
            tokens_a_step=self.tokens_a_step,
            matrix_rate=self.learning_rate,
            other_rate=self.learning_rate * _USUAL.other_rate / _USUAL.matrix_rate,
            decay_share=self.decay,
            evaluations=evaluations(tokens),
            seed=seed,
        )


@dataclass(frozen=True, slots=True)
class Space:
    """The settings to search in, and those that a search begins with."""

    usual: Settings
    learning_rates: tuple[float, float]
    """Lowest and highest; between them by factors."""
    tokens_a_step: tuple[int, ...]
    decays: tuple[float, ...]
    epochs: tuple[float, ...]

    def as_record(self) -> dict[str, object]:
        """For reports."""
        return asdict(self)


class TrialState(StrEnum):
    """How a run of a sweep ended."""

    DONE = "done"
    STOPPED = "stopped"
    """Early: others were better at the same place."""
    DIVERGED = "diverged"
    """Its loss was no number any more."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of a sweep."""

    number: int
    settings: Settings
    state: TrialState
    heldout_loss: float | None
    """The last one taken, in nats a token."""
    tokens: int
    """Read until its end."""
    seconds: float

    @property
    def perplexity(self) -> float | None:
        """On held-out talk, when it ended."""
        return None if self.heldout_loss is None else math.exp(min(self.heldout_loss, 50.0))


def usual_batch(width: int) -> int:
    """The usual tokens a step, in whole rows of a width."""
    return max(1, _USUAL.tokens_a_step // width) * width


def space(*, tokens: float, tokens_an_epoch: int, width: int, most_at_once: int) -> Space:
    """What to search in.

    Args:
        tokens: that the longest run reads.
        tokens_an_epoch: how much talk there is.
        width: of a row, in tokens.
        most_at_once: tokens a step that this machine's memory allows.
    """
    usual = usual_batch(width)
    batches = {int(times * usual) // width * width for times in _BATCHES}
    fitting = {batch for batch in batches if width <= batch <= most_at_once and tokens / batch >= FEWEST_STEPS / 2}
    epochs = tokens / tokens_an_epoch
    shares = _EPOCH_SHARES if epochs > _WORTH_REPEATING else (1.0,)
    return Space(
        usual=Settings(_USUAL.matrix_rate, usual, _USUAL.decay_share, _rounded(epochs)),
        learning_rates=_RATES,
        tokens_a_step=tuple(sorted(fitting | {usual})),
        decays=_DECAYS,
        epochs=tuple(_rounded(share * epochs) for share in shares),
    )


def evaluations(tokens: float) -> int:
    """How often a run of so many tokens is judged on its way: each costs about what learning 5,000 tokens does."""
    fewest, most = _EVALUATIONS
    return round(min(most, max(fewest, tokens / _TOKENS_AN_EVALUATION)))


def _rounded(epochs: float) -> float:
    """To three digits: what a person can type again."""
    return float(f"{epochs:.3g}")
