"""Whether a version wears: its last days against those before. Pure: figures in, measures out.

A measure is worse when it worsened by at least what the settings allow, and chance does not explain it (an interval at
99 %, because the question is asked every day). Where either side is small it says "too few to say", never "fine".
"""

import math
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import reduce
from operator import add

from storage.canary_judgement import difference, share
from storage.monitoring_values import DayCounts, Measure, MonitoredDay, State, Surprise
from trainer.drift import Drift
from trainer.settings import TrainerSettings

_Z = 2.576
"""Standard deviations of an interval at 99 %."""


def measures(
    days: Sequence[MonitoredDay], last: date, drift: Drift | None, settings: TrainerSettings
) -> tuple[Measure, ...]:
    """What the days of one version say.

    Args:
        days: of that version, in any order.
        last: the newest day; the `monitor_days` up to it are the recent ones.
        drift: of members' talk in these days from what the version learnt; None: too few words, or it learnt from none.
        settings: how much is enough, and how much worse is too much.
    """
    first = last - timedelta(days=settings.monitor_days - 1)
    recent = [day for day in days if first <= day.day <= last]
    earlier = [day for day in days if day.day < first]
    now, before = _sum(recent), _sum(earlier)

    def shares(name: str, what: str, of: Callable[[DayCounts], tuple[int, int]], limit: float) -> Measure:
        return _share_measure(name, what, of(now), of(before), limit, settings.monitor_min_events)

    return (
        shares("votes", "votes that are 👎", lambda one: (one.votes_down, one.votes), settings.max_votes_fall),
        shares(
            "next_words",
            "answers after which members said no or asked again",
            lambda one: (one.corrected + one.asked_again, one.listened_to),
            settings.max_unhappy_rise,
        ),
        shares(
            "screened_in",
            "messages that the screens held or refused",
            lambda one: (one.asked_held + one.asked_refused, one.asked),
            settings.max_screened_rise,
        ),
        shares(
            "screened_out",
            "answers that the screens held or refused",
            lambda one: (one.held + one.refused, one.answers),
            settings.max_screened_rise,
        ),
        _surprise(_surprises(recent), _surprises(earlier), settings),
        _drift(drift, settings),
    )


def _sum(days: Sequence[MonitoredDay]) -> DayCounts:
    return reduce(add, (day.counts for day in days), DayCounts())


def _surprises(days: Sequence[MonitoredDay]) -> Surprise | None:
    known = [day.surprise for day in days if day.surprise is not None]
    return reduce(add, known) if known else None


def _share_measure(
    name: str, what: str, now: tuple[int, int], before: tuple[int, int], limit: float, enough: int
) -> Measure:
    recent, earlier = (share(*one) if one[1] else None for one in (now, before))
    if min(now[1], before[1]) < enough:
        why = f"Too few to say: {what}, {now[0]} of {now[1]} lately and {before[0]} of {before[1]} before."
        return Measure(name, State.TOO_FEW, why, recent, earlier, limit=limit)
    low, high = difference(now, before, z=_Z)
    rise = share(*now) - share(*before)
    said = f"{what}: {share(*now):.1%} of {now[1]} lately, {share(*before):.1%} of {before[1]} before"
    sentence = f"{said[0].upper()}{said[1:]} (a rise of {_points(low)} to {_points(high)} points)."
    return Measure(name, _state(rise, low, limit), sentence, recent, earlier, rise, low, high, limit)


def _surprise(now: Surprise | None, before: Surprise | None, settings: TrainerSettings) -> Measure:
    name, limit = "perplexity", settings.max_surprise_rise
    if now is None or before is None or min(now.items, before.items) < settings.monitor_min_exchanges:
        counts = [0 if one is None else one.items for one in (now, before)]
        why = f"Too few to say: perplexity on new approved exchanges, {counts[0]} lately and {counts[1]} before."
        recent, earlier = (None if one is None else _perplexity(one) for one in (now, before))
        return Measure(name, State.TOO_FEW, why, recent, earlier, limit=limit)
    error = math.sqrt(_variance(now) / now.items + _variance(before) / before.items)
    gap = now.loss_sum / now.items - before.loss_sum / before.items
    low, rise, high = (math.expm1(min(value, 50.0)) for value in (gap - _Z * error, gap, gap + _Z * error))
    sentence = (
        f"Perplexity on new approved exchanges: {_perplexity(now):.1f} lately, {_perplexity(before):.1f} before "
        f"(an exchange changed by {low:+.0%} to {high:+.0%})."
    )
    state = _state(rise, low, limit)
    return Measure(name, state, sentence, _perplexity(now), _perplexity(before), rise, low, high, limit)


def _drift(found: Drift | None, settings: TrainerSettings) -> Measure:
    name, limit = "drift", settings.max_drift
    if found is None:
        return Measure(name, State.TOO_FEW, "Too few to say: how far talk is from what the model learnt.", limit=limit)
    sentence = (
        f"Talk is {max(0.0, found.excess):.2f} bits from what the model learnt "
        f"({found.divergence:.2f}, of which chance explains {found.by_chance:.2f})."
    )
    state = _state(found.excess, found.sure_excess, limit)
    return Measure(
        name, state, sentence, found.divergence, found.by_chance, found.excess, found.sure_excess, limit=limit
    )


def _state(worsening: float, low: float, limit: float) -> State:
    return State.WORSE if worsening >= limit and low > 0 else State.STEADY


def _perplexity(of: Surprise) -> float:
    return math.exp(min(of.nats / max(1, of.tokens), 50.0))


def _variance(of: Surprise) -> float:
    mean = of.loss_sum / of.items
    return max(0.0, of.loss_squares / of.items - mean * mean) * of.items / max(1, of.items - 1)


def _points(value: float) -> str:
    return f"{100 * value:+.1f}"
