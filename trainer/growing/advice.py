"""What results fall short by: settings, time or talk; told from how the loss fell, or that this cannot be told. Pure.

The question is always what twice as much would bring. A run's own curve answers it as far as its learning rate was
steady, for the fall of the rate at the end lowers the loss by itself. Runs on parts of the talk answer it better.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import pairwise
from statistics import fmean, median

from trainer.growing.power_law import Place, fit
from trainer.growing.pretraining import Point
from trainer.statistics import Interval

WORTH_NATS = 0.02
"""A lower loss than this is not worth the trouble: two hundredths of the perplexity."""
_DIVERGED_NATS = 0.15
"""A training loss that ends so far above its lowest has been thrown off."""
_FEWEST_STEADY = 5
_FIRST_SHARE = 0.1
"""Of the steady part, what is left out at its beginning: it follows another law."""
_RUN_NOISE = 0.003
"""Nats by which one run's held-out loss wobbles between neighbouring places: they are judged on the same text."""
_SEED_NOISE = 0.01
"""Nats by which runs differ for no reason but their seeds."""


class Lack(StrEnum):
    """What results fall short by."""

    SETTINGS = "settings"
    """Adjust: neither time nor talk would help much, or the run went wrong."""
    TIME = "time"
    """Train longer."""
    DATA = "data"
    """Collect more talk."""
    UNKNOWN = "unknown"
    """It cannot be told from these figures."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do next."""

    lack: Lack
    sentence: str
    longer: Interval | None = None
    """Nats a token that training twice as long on the same talk would gain."""
    more_talk: Interval | None = None
    """Likewise for twice the talk."""

    def as_record(self) -> dict[str, object]:
        """For reports."""
        return asdict(self)


def advise_run(curve: Sequence[Point], *, tokens_an_epoch: float, steady_share: float, seed: int = 1) -> Advice:
    """What one run says by its curve.

    Args:
        curve: the run's places, in order, with training and held-out loss.
        tokens_an_epoch: how much talk there is to read.
        steady_share: of the run, up to where its learning rate was steady.
        seed: of the intervals.
    """
    judged = [(point, point.heldout_loss) for point in curve if point.heldout_loss is not None]
    if not judged:
        return Advice(Lack.UNKNOWN, "Nothing was held out, so it cannot be told what would help.")
    if problem := _gone_wrong(curve):
        return Advice(Lack.SETTINGS, problem)
    if len(judged) < _FEWEST_STEADY:
        return _too_short()
    last, last_loss = judged[-1]
    epochs = last.tokens / max(1.0, tokens_an_epoch)
    lowest, lowest_loss = min(judged, key=lambda item: item[1])
    wobble = 3 * _wobble([loss for _, loss in judged])
    if epochs > 1 and last_loss - lowest_loss > max(WORTH_NATS, wobble):
        best = lowest.tokens / max(1.0, tokens_an_epoch)
        return Advice(
            Lack.DATA,
            f"After {best:.2g} readings of the talk it was learnt by heart and the held-out perplexity rose again by "
            f"{_percent(math.expm1(last_loss - lowest_loss))}. Collect more talk; until then read it {best:.2g} times.",
        )
    end = steady_share * last.tokens
    steady = [
        Place(point.tokens, loss) for point, loss in judged if _FIRST_SHARE * end <= point.tokens <= end * (1 + 1e-9)
    ]
    fitted = fit(steady, noise=_RUN_NOISE, seed=seed) if len(steady) >= _FEWEST_STEADY else None
    if fitted is None:
        return _too_short()
    gains = {Lack.TIME: fitted.gain(last.tokens, 2 * last.tokens)}
    if epochs > 1 and (talk := _by_heart(judged, tokens_an_epoch)) is not None:
        # Reading the same talk as often again brings as much learning by heart again, which eats up what time gains.
        law = gains[Lack.TIME]
        gains[Lack.TIME] = Interval(law.low - talk.high, law.mean - talk.mean, law.high)
        gains[Lack.DATA] = talk
    return _decided(gains, {Lack.TIME: "Training twice as long", Lack.DATA: "Twice the talk"})


def advise_parts(places: Sequence[Place], *, shorter_loss: float, seed: int = 1) -> Advice:
    """What runs on parts of the talk say.

    Args:
        places: how many tokens of talk a run could read, and its held-out loss in the end; each read its talk
            equally often. Three parts at least, the largest of them all the talk.
        shorter_loss: the held-out loss of a run on all the talk that took half as long.
        seed: of the intervals.
    """
    fitted = fit(places, noise=_SEED_NOISE, seed=seed)
    if fitted is None or not math.isfinite(shorter_loss):
        return _too_short()
    whole = fitted.places[-1]
    both = fitted.gain(whole.tokens, 2 * whole.tokens)
    # The next doubling gains less than the last one did, by the law's own exponent.
    longer = max(0.0, (shorter_loss - whole.loss) * 2**-fitted.law.exponent)
    noise = 2 * _SEED_NOISE
    gains = {
        Lack.TIME: Interval(longer - noise, longer, longer + noise),
        Lack.DATA: Interval(both.low - longer, max(0.0, both.mean - longer), both.high - longer),
    }
    if both.mean >= WORTH_NATS and both.low > 0 and gains[Lack.DATA].mean >= gains[Lack.TIME].mean:
        # That twice the talk, read as often, helps is sure, though its share apart from the time is less so.
        gains[Lack.DATA] = Interval(max(gains[Lack.DATA].low, 1e-6), both.mean, both.high)
    return _decided(gains, {Lack.TIME: "Training twice as long", Lack.DATA: "Twice the talk, read as often,"})


def _decided(gains: Mapping[Lack, Interval], means: Mapping[Lack, str]) -> Advice:
    """The larger gain, if it is worth it and sure."""
    lack, gain = max(gains.items(), key=lambda item: item[1].mean)
    longer, talk = gains.get(Lack.TIME), gains.get(Lack.DATA)
    told = f"{means[lack]} would lower the held-out perplexity by about {_lower(gain)}"
    if gain.mean >= WORTH_NATS and gain.low > 0:
        what = "Train longer" if lack == Lack.TIME else "Collect more talk"
        return Advice(lack, f"{what}: {told[0].lower()}{told[1:]}.", longer, talk)
    if all(each.high < 2 * WORTH_NATS for each in gains.values()):
        return Advice(
            Lack.SETTINGS,
            f"{told}: neither time nor talk is what is missing. Take a larger size, or try other settings (mynah sweep).",
            longer,
            talk,
        )
    return Advice(Lack.UNKNOWN, f"{told}, which is too unsure to advise by. A longer run will tell.", longer, talk)


def _gone_wrong(curve: Sequence[Point]) -> str:
    """What is wrong with a run whose loss did not fall; empty if nothing is."""
    losses = [point.loss for point in curve]
    if not all(math.isfinite(loss) for loss in losses):
        return "The loss is no number any more: the learning rate is too high. Try half of it."
    if losses[-1] - min(losses) > _DIVERGED_NATS:
        return (
            f"The training loss rose by {losses[-1] - min(losses):.2f} from its lowest: the learning rate is too high. "
            "Try half of it."
        )
    return ""


def _by_heart(judged: Sequence[tuple[Point, float]], tokens_an_epoch: float) -> Interval | None:
    """What twice the talk would gain: half of how much worse unseen talk has become than seen talk.

    The two may differ from the start, as they need not be of the same kind; what counts is how the difference grew since
    the talk was first read. It shrinks about as the talk grows, but nobody knows exactly: so between a quarter and all.
    """
    # A place's training loss is a mean since the place before, so it is compared with the mean of both held-out losses.
    differences = [
        (point.tokens, (before_loss + loss) / 2 - point.loss) for (_, before_loss), (point, loss) in pairwise(judged)
    ]
    first = [one for tokens, one in differences if 0.3 * tokens_an_epoch <= tokens <= tokens_an_epoch]
    before = median(first or [differences[0][1]])
    grown = fmean(one for _, one in differences[-2:]) - before
    wobble = _wobble([one for _, one in differences])
    return Interval((grown - 2 * wobble) / 4, grown / 2, grown) if grown > 0 else None


def _wobble(values: Sequence[float]) -> float:
    """How far neighbouring values differ beside their trend: the standard deviation of one."""
    bends = [left - 2 * middle + right for left, middle, right in zip(values, values[1:], values[2:], strict=False)]
    return median(abs(bend) for bend in bends) / (0.6745 * math.sqrt(6)) if bends else 0.0


def _too_short() -> Advice:
    return Advice(
        Lack.UNKNOWN, "The run was too short to tell whether time or talk is what is missing. A longer run will tell."
    )


def _lower(gain: Interval) -> str:
    """A gain in nats as what it means for perplexity: a share, and between which it lies."""
    low, mean, high = (_percent(-math.expm1(-max(0.0, part))) for part in (gain.low, gain.mean, gain.high))
    return f"{mean} ({low} to {high})"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.995 else "100 %"
