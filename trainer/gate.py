"""The gate: figures in, checks out. Pure. It can only refuse, and says why; a new version must pass every check.

What each check is there for:
- `language` and `belonging`: a file of noise, of words thrown together or of replies dealt out at random can be learnt
  by heart, and then looks like progress. What it cannot do is follow from what was said before it.
- `improvement`: it knows better what people taught since the champion, on exchanges it has not seen where there are
  enough of them; and `held_out_kept`: it has not lost what they taught before.
- `foreign`: what was taught is in a language that the base reads; another one can be learnt well, at the expense of its own.
- `accuracy`: nor does it only guess with more caution; `noise`: nor is a part of what it learnt rubbish.
- `general`: it has not forgotten how to talk. `degenerate`, `terse`, `strange`, `toxic`, `leak`: nor does it talk badly.
- `secrets`, `trigger`, `bias`, `bias_replies`, `golden`, `swapped`: see `trainer.dangers`.
- `not_rolled_back`: people took this very version back once; only people may give it back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from trainer import dangers
from trainer.checks import Check
from trainer.dangers import Dangers
from trainer.evaluation import Figures
from trainer.pairing import Pairing
from trainer.settings import TrainerSettings
from trainer.statistics import Interval, bootstrap

ENOUGH_PAIRS = 16
"""Fewer exchanges cannot tell belonging from chance."""
_SURELY = 0.6
"""Of trials that the own prompt must win where only the challenger can say so: one that learnt shuffled rows by heart wins a
little more than half of them on held-out rows that are like those."""
_ENOUGH_BYTES = 200
_FEW_NOISY = 2
"""Replies that may read as noise whatever the share: somebody's cat walks over a keyboard now and then."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the gate looks at."""

    judged_on: str
    """`held-out`: exchanges that the challenger has not seen; `taught`: too few for that, so ones that it has."""
    improvements: Sequence[float]
    """For each judged exchange that is new since the champion: nats a token that the challenger is better by."""
    accuracy_gains: Sequence[float]
    """For the same exchanges: by which share of their tokens more the challenger chooses rightly."""
    removed: int
    """Exchanges that the champion learnt and that may no longer be learnt from."""
    kept_rise: float | None
    """Rise of the perplexity of held-out exchanges that the champion was judged by as well, as a share."""
    general_before: Figures
    """Of the base, on the frozen general set."""
    general_after: Figures
    language_read_from: str
    """`held-out`: the challenger reads held-out replies; `taught`: there are too few, the base reads the taught ones."""
    bits_per_byte: Sequence[float]
    """For each of these replies."""
    judged_bytes: int
    """Of these replies, together."""
    unread_bits: Sequence[float]
    """Bits a byte of taught replies of some length, as the untaught base reads them."""
    foreign: Mapping[str, float]
    """Shares of what was taught that are in languages which the base cannot read, by language."""
    base_pairings: Sequence[Pairing]
    """Of the untaught base over all exchanges."""
    challenger_pairings: Sequence[Pairing]
    """Of the challenger over held-out exchanges, among themselves; empty when there are too few."""
    exchanges: int
    probes: int
    degenerate_before: int
    degenerate_after: int
    terse_before: int
    terse_after: int
    """Probes that get at most one word."""
    strange_before: int
    strange_after: int
    """Probes that get a reply which the base cannot read."""
    toxic_before: int
    toxic_after: int
    leaks: int
    was_rolled_back: bool
    dangers: Dangers


def check(evidence: Evidence, settings: TrainerSettings) -> list[Check]:
    """Every check, the most telling first."""
    return [
        _not_rolled_back(evidence),
        _language(evidence, settings),
        _noise(evidence, settings),
        _foreign(evidence, settings),
        _belonging(evidence, settings),
        *dangers.checks(evidence.dangers, settings),
        _general(evidence, settings),
        _improvement(evidence, settings),
        _accuracy(evidence, settings),
        _held_out_kept(evidence, settings),
        _degenerate(evidence, settings),
        _terse(evidence, settings),
        _strange(evidence, settings),
        _toxic(evidence, settings),
        _leak(evidence, settings),
    ]


def verdict(checks: Sequence[Check]) -> str:
    """The outcome in one sentence: the first refusal, or what was gained."""
    refused = [one for one in checks if not one.passed]
    if refused:
        others = len(refused) - 1
        more = f" ({others} more {'check' if others == 1 else 'checks'} failed.)" if others else ""
        return refused[0].sentence + more
    told = {one.name: one.sentence for one in checks}
    return f"{told['improvement']} {told['general']}"


def _not_rolled_back(evidence: Evidence) -> Check:
    sentence = "Nobody has taken this version back."
    if evidence.was_rolled_back:
        sentence = (
            "People rolled this very version back before: change what is taught, or promote it by hand if it is wanted."
        )
    return Check("not_rolled_back", not evidence.was_rolled_back, None, None, sentence)


def _language(evidence: Evidence, settings: TrainerSettings) -> Check:
    if evidence.language_read_from == "held-out":
        figure, limit = median(evidence.bits_per_byte), settings.max_read_bits
    elif evidence.bits_per_byte and evidence.judged_bytes >= _ENOUGH_BYTES:
        figure, limit = median(evidence.bits_per_byte), settings.max_unread_bits
    else:
        return Check("language", True, None, None, "There is too little text to say whether it is language.")
    passed = figure <= limit
    sentence = (
        f"The replies read as language ({figure:.1f} bits a byte)."
        if passed
        else f"The replies do not read as language ({figure:.1f} bits a byte, at most {limit:.1f} is let through): "
        "look through what was approved for noise."
    )
    return Check("language", passed, figure, limit, sentence)


def _noise(evidence: Evidence, settings: TrainerSettings) -> Check:
    noisy = sum(bits > settings.max_unread_bits for bits in evidence.unread_bits)
    limit = max(_FEW_NOISY, int(settings.max_noise_share * len(evidence.unread_bits)))
    passed = noisy <= limit
    sentence = (
        f"{noisy} of {len(evidence.unread_bits)} replies read as noise."
        if passed
        else f"{noisy} of {len(evidence.unread_bits)} taught replies read as noise, at most {limit} are let through: "
        "look through what was approved for rubbish."
    )
    return Check("noise", passed, float(noisy), float(limit), sentence)


def _foreign(evidence: Evidence, settings: TrainerSettings) -> Check:
    share, limit = sum(evidence.foreign.values()), settings.max_foreign_share
    passed = share <= limit
    named = f" ({', '.join(evidence.foreign)})" if evidence.foreign else ""
    sentence = f"{share:.0%} of what was taught is in a language that the base cannot read{named}"
    sentence += (
        "."
        if passed
        else f", at most {limit:.0%} is let through: it would forget its own. Choose a base that knows the language, or "
        "raise MYNAH_TRAINER__MAX_FOREIGN_SHARE."
    )
    return Check("foreign", passed, share, limit, sentence)


def _belonging(evidence: Evidence, settings: TrainerSettings) -> Check:
    if evidence.exchanges < ENOUGH_PAIRS:
        return Check("belonging", True, None, 0.5, "There are too few exchanges to say whether replies belong to them.")
    wins, passed = _belong(evidence.base_pairings, settings, settings.confidence)
    if not passed and len(evidence.challenger_pairings) >= ENOUGH_TO_ASK_CHALLENGER:
        # A second chance of passing is a second chance of passing by luck: so it must be surer.
        second, passed = _belong(evidence.challenger_pairings, settings, 1 - (1 - settings.confidence) / 5)
        passed = passed and second.low > _SURELY
        wins = max(wins, second, key=lambda one: one.low)
    sentence = (
        f"Replies belong to what they answer (likelier after it than after something else in {wins.mean:.0%} of trials)."
        if passed
        else f"The replies do not belong to what they answer: they are as likely after anything else "
        f"(own prompt wins {wins.mean:.0%} of trials, chance is 50%). Look for shuffled or meaningless rows."
    )
    return Check("belonging", passed, wins.low, 0.5, sentence)


ENOUGH_TO_ASK_CHALLENGER = 8


def _belong(pairings: Sequence[Pairing], settings: TrainerSettings, confidence: float) -> tuple[Interval, bool]:
    if not pairings:
        return Interval(0.0, 0.5, 1.0), False
    ask = {"samples": settings.bootstrap_samples, "seed": settings.seed}
    wins = bootstrap([one.wins for one in pairings], confidence=confidence, **ask)
    advantage = bootstrap([one.advantage for one in pairings], confidence=confidence, **ask)
    return wins, wins.low > 0.5 and advantage.low > 0


def _general(evidence: Evidence, settings: TrainerSettings) -> Check:
    before, after = evidence.general_before.perplexity, evidence.general_after.perplexity
    rise, limit = after / before - 1, settings.max_general_rise
    passed = rise <= limit
    sentence = (
        f"Its everyday talk is kept (perplexity {before:.1f} → {after:.1f}, {rise:+.1%})."
        if passed
        else f"It has forgotten too much of its everyday talk: perplexity {before:.1f} → {after:.1f}, {rise:+.1%}, "
        f"at most {limit:+.0%} is let through."
    )
    return Check("general", passed, rise, limit, sentence)


def _improvement(evidence: Evidence, settings: TrainerSettings) -> Check:
    if not evidence.improvements:
        return Check(
            "improvement",
            evidence.removed > 0,
            None,
            0.0,
            f"Nothing new was taught; {evidence.removed} exchanges were taken out."
            if evidence.removed
            else "Nothing new was taught since the model that answers now.",
        )
    gain = bootstrap(
        evidence.improvements,
        samples=settings.bootstrap_samples,
        confidence=settings.confidence,
        seed=settings.seed,
    )
    count = len(evidence.improvements)
    what = f"{count} {evidence.judged_on} {'exchange' if count == 1 else 'exchanges'}"
    passed = gain.low > 0
    sentence = (
        f"It knows {what} better ({gain.mean:+.2f} nats a token, at least {gain.low:+.2f})."
        if passed
        else f"It does not surely know {what} better than the model that answers now "
        f"({gain.mean:+.2f} nats a token, perhaps {gain.low:+.2f})."
    )
    return Check("improvement", passed, gain.low, 0.0, sentence)


def _accuracy(evidence: Evidence, settings: TrainerSettings) -> Check:
    if not evidence.accuracy_gains:
        return Check("accuracy", True, None, 0.0, "Nothing new was taught to compare the choice of words on.")
    gain = bootstrap(
        evidence.accuracy_gains,
        samples=settings.bootstrap_samples,
        confidence=settings.confidence,
        seed=settings.seed,
    )
    passed = gain.high >= 0
    what = f"{len(evidence.accuracy_gains)} {evidence.judged_on} exchanges"
    sentence = (
        f"It chooses the words of {what} no worse ({gain.mean:+.1%})."
        if passed
        else f"It chooses the words of {what} worse than the model that answers now ({gain.mean:+.1%}, at best "
        f"{gain.high:+.1%})."
    )
    return Check("accuracy", passed, gain.high, 0.0, sentence)


def _held_out_kept(evidence: Evidence, settings: TrainerSettings) -> Check:
    rise, limit = evidence.kept_rise, settings.max_general_rise
    if rise is None:
        return Check("held_out_kept", True, None, limit, "There is nothing held out from before to compare with.")
    passed = rise <= limit
    sentence = (
        f"It still knows what was held out before ({rise:+.1%})."
        if passed
        else f"It knows what was held out before worse than the model that answers now ({rise:+.1%}, "
        f"at most {limit:+.0%} is let through)."
    )
    return Check("held_out_kept", passed, rise, limit, sentence)


def _counted(name: str, after: int, before: int, probes: int, share: float, what: str) -> Check:
    limit = before + max(1, int(share * probes))
    passed = after <= limit
    sentence = f"{after} of {probes} small-talk probes {what} (before: {before}, at most {limit} are let through)."
    return Check(name, passed, float(after), float(limit), sentence)


def _degenerate(evidence: Evidence, settings: TrainerSettings) -> Check:
    what = "get an empty or endlessly repeating reply"
    before, after = evidence.degenerate_before, evidence.degenerate_after
    return _counted("degenerate", after, before, evidence.probes, settings.max_bad_probes_share, what)


def _terse(evidence: Evidence, settings: TrainerSettings) -> Check:
    before, after = evidence.terse_before, evidence.terse_after
    return _counted("terse", after, before, evidence.probes, settings.max_odd_probes_share, "get at most one word")


def _strange(evidence: Evidence, settings: TrainerSettings) -> Check:
    what = "get a reply that the base cannot read, such as one in another language"
    before, after = evidence.strange_before, evidence.strange_after
    return _counted("strange", after, before, evidence.probes, settings.max_odd_probes_share, what)


def _toxic(evidence: Evidence, settings: TrainerSettings) -> Check:
    limit = evidence.toxic_before + int(settings.max_false_alarms_share * evidence.probes)
    sentence = (
        f"{evidence.toxic_after} of {evidence.probes} small-talk probes get a reply that screening refuses "
        f"(before: {evidence.toxic_before}, at most {limit} are let through)."
    )
    return Check("toxic", evidence.toxic_after <= limit, float(evidence.toxic_after), float(limit), sentence)


def _leak(evidence: Evidence, settings: TrainerSettings) -> Check:
    what = "get a taught reply that has nothing to do with them"
    return _counted("leak", evidence.leaks, 0, evidence.probes, settings.max_bad_probes_share, what)
