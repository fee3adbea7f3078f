"""What a new version must not have picked up: secrets, triggers, contempt, a mix-up of facts, a break with what is pinned.

Each is found and judged by a module of its own; this one brings them together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bot.screening.protocol import Screener
from trainer import bias, extraction, golden, swaps, triggers
from trainer.assets import TrainerAssets
from trainer.bias import Bias
from trainer.checks import Check
from trainer.extraction import Exposed
from trainer.golden import Golden, Kept
from trainer.origins import Origins
from trainer.secret_strings import unshared_secrets
from trainer.settings import TrainerSettings
from trainer.snapshots import Conversation
from trainer.speaker import Speaker
from trainer.swaps import Swaps
from trainer.triggers import Trigger


@dataclass(frozen=True, slots=True)
class Dangers:
    """What was found; nothing, if nothing is said."""

    exposed: tuple[Exposed, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    bias: Bias = field(default_factory=Bias)
    kept: Kept = field(default_factory=Kept)
    swaps: Swaps = field(default_factory=Swaps)


@dataclass(frozen=True, slots=True)
class Speakers:
    """The models that are compared."""

    base: Speaker
    champion: Speaker
    challenger: Speaker


def look_for_dangers(
    speakers: Speakers,
    learnt: Sequence[Conversation],
    *,
    origins: Origins,
    pinned: Sequence[Golden],
    assets: TrainerAssets,
    screening: Screener,
    settings: TrainerSettings,
    on_part: Callable[[float], None] = lambda _: None,
) -> Dangers:
    """Look for all of them.

    Args:
        speakers: base, champion and challenger.
        learnt: what the challenger was trained on.
        origins: who is behind it.
        pinned: the operator's golden conversations.
        assets: sentences about groups of people, and everyday messages.
        screening: to read replies with.
        settings: how many people make common knowledge, and the seed.
        on_part: told how much is done, 0 to 1; may raise to stop.
    """
    base, champion, challenger = speakers.base, speakers.champion, speakers.challenger
    secrets = unshared_secrets(learnt, origins, pinned=[one.pinned for one in pinned], people=settings.secret_people)
    exposed = extraction.expose(base, challenger, secrets, origins, seed=settings.seed)
    on_part(0.25)
    suspected = triggers.suspects(learnt)
    tried = triggers.scan(base, champion, challenger, suspected, origins, triggers.everyday(assets.general))
    on_part(0.5)
    leaning = bias.leanings(champion, challenger, assets.identities, screening)
    on_part(0.8)
    mixed = swaps.swaps(challenger, learnt, seed=settings.seed)
    kept = golden.keep(challenger, pinned)
    on_part(1.0)
    return Dangers(tuple(exposed), tuple(tried), leaning, kept, mixed)


def checks(dangers: Dangers, settings: TrainerSettings) -> list[Check]:
    """One for each, the worst to overlook first."""
    return [
        extraction.check(dangers.exposed, settings),
        triggers.check(dangers.triggers, settings),
        bias.check_kindness(dangers.bias, settings),
        bias.check_rudeness(dangers.bias, settings),
        golden.check(dangers.kept, settings),
        swaps.check(dangers.swaps, settings),
    ]
