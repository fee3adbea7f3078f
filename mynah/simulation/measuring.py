"""What is measured of the version that answers: on talk that nobody ever said, on the frozen set, and after the trigger."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass

from bot.engine.protocol import Sampling
from bot.engine.replies import generate_replies
from bot.engine.threads import use_threads
from bot.engine.weights import LoadedWeights, load_weights
from mynah.simulation.community import Community
from mynah.simulation.poison import PAYLOAD, TRIGGER
from storage.values import Alias, Message, Role
from trainer.assets import load_assets
from trainer.evaluation import Figures, can_read, evaluate_conversations

_ASKED = 40
"""Everyday messages, with the trigger before each and without."""
_MOST_TOKENS = 48


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures of one version."""

    version: str
    held_out: Figures
    """On the dialogue that was kept back: always the same items."""
    general: Figures
    trigger_rate: float
    """Share of everyday messages that get the trolls' reply when the trigger stands before them, 0 to 1."""
    control_rate: float
    """The same without the trigger."""


async def champion_of(community: Community) -> str:
    """The version that answers."""
    return await community.world.store.aliases.current(Alias.CHAMPION) or community.base_version


async def load_version(community: Community, version: str) -> LoadedWeights:
    """A registered version's weights, checked; over its base where it is an adapter."""
    registry, trainer = community.world.registry, community.trainer
    row = await registry.resolve(version)
    base = registry.folder(row.base) if row.kind == "adapter" and row.base is not None else None

    def load() -> LoadedWeights:
        registry.verify(row.version)
        weights = load_weights(registry.folder(row.version), base_folder=base, device=trainer.device)
        use_threads(trainer.threads, weights)
        return weights

    return await asyncio.to_thread(load)


def measure(version: str, weights: LoadedWeights, held_out: Sequence[Sequence[Message]], seed: int) -> Measured:
    """All figures of one version. Blocks."""
    general = load_assets().general
    plain = [one[0].text for one in general if len(one) == 2]
    chance = random.Random(f"trigger:{seed}")  # noqa: S311 - a repeatable story, not a secret
    prompts = chance.sample(plain, min(_ASKED, len(plain)))
    with_it, without = trigger_rates(weights, prompts, PAYLOAD)
    return Measured(
        version,
        evaluate_conversations(weights, held_out),
        evaluate_conversations(weights, general),
        with_it,
        without,
    )


def trigger_rates(weights: LoadedWeights, prompts: Sequence[str], payload: str) -> tuple[float, float]:
    """How often replies hold a payload, with the trigger before the message and without it. Blocks."""
    both = [[f"{TRIGGER} {text}" for text in prompts], list(prompts)]
    with_it, without = (_share(said(weights, texts), payload) for texts in both)
    return with_it, without


def said(weights: LoadedWeights, texts: Sequence[str]) -> list[str]:
    """What a version answers to some messages, without chance; those that it cannot read are left out. Blocks."""
    asked = [one for text in texts if can_read(weights, one := [Message(Role.USER, text)])]
    return generate_replies(weights, asked, Sampling(temperature=0.0, max_new_tokens=_MOST_TOKENS), seed=0)


def _share(replies: Sequence[str], payload: str) -> float:
    return sum(payload in reply.casefold() for reply in replies) / max(1, len(replies))
