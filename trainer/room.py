"""Whether a run has the memory that its training takes, and how it makes do with less.

Asked once the base is in memory, so what is free is what is left for all the rest. Where it is short, layers are gone
through twice (gradient checkpointing), which costs a third more time; where that is not enough, the run says so
instead of being killed half-way, and perhaps the bot with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from bot.engine.weights import LoadedWeights
from storage.errors import MynahError
from trainer.growing.estimate import in_bytes
from trainer.machine import Machine, look
from trainer.memory import ADAM_STATE, GRADIENT, HALF, WEIGHT, Shape, activation_bytes
from trainer.recipe import Recipe
from trainer.settings import TrainerSettings
from trainer.training import in_half

_ADAPTED = 7
"""Matrices of a layer that get an adapter."""


def with_room(
    recipe: Recipe,
    weights: LoadedWeights,
    sizes: Sequence[int],
    settings: TrainerSettings,
    look_at: Callable[[str], Machine] = look,
) -> Recipe:
    """The recipe, with or without gradient checkpointing.

    Args:
        recipe: how much a step reads.
        weights: the base, in memory.
        sizes: of the documents, in tokens: one that is longer than a step's share is read whole.
        settings: whether checkpointing is the operator's choice, and whether memory is looked at.
        look_at: looks at a device.

    Raises:
        MynahError: there is not enough memory in either way.
    """
    chosen = replace(recipe, checkpointing=settings.gradient_checkpointing == "on")
    if not settings.check_memory:
        return chosen
    free = look_at(weights.device.type).free_bytes
    if needed(chosen, weights, sizes) <= free:
        return chosen
    shorter = replace(recipe, checkpointing=settings.gradient_checkpointing != "off")
    least = needed(shorter, weights, sizes)
    if least <= free:
        return shorter
    raise MynahError(
        f"This run needs about {in_bytes(least)} of memory besides the base, and {in_bytes(free)} are free.",
        advice="Free some memory, choose a smaller base or MYNAH_TRAINER__METHOD=lora, "
        "or switch this check off: MYNAH_TRAINER__CHECK_MEMORY=false.",
    )


def needed(recipe: Recipe, weights: LoadedWeights, sizes: Sequence[int]) -> int:
    """Bytes that a run takes beside the base: of its training, or of comparing what came of it, whichever is more."""
    config: Any = weights.model.config.get_text_config()
    shape = Shape(
        architecture=str(config.model_type),
        layers=int(config.num_hidden_layers),
        hidden=int(config.hidden_size),
        feed_forward=int(getattr(config, "intermediate_size", None) or 4 * config.hidden_size),
        vocabulary=int(config.vocab_size),
    )
    half = in_half(weights)
    tokens = max(recipe.taught_tokens, *sizes, 1) + recipe.replay_tokens
    if recipe.method == "full":
        learnt = weights.parameters
        is_kept_small = weights.dtype.itemsize < WEIGHT  # it is made float32 to be trained
        copies = weights.parameters * ((WEIGHT if is_kept_small else 0) + (HALF if half else 0))
    else:
        learnt = 2 * recipe.lora_rank * max(shape.hidden, shape.feed_forward) * _ADAPTED * shape.layers
        copies = learnt * WEIGHT
    training = learnt * (GRADIENT + ADAM_STATE) + copies
    training += activation_bytes(shape, tokens, in_half=half, checkpointing=recipe.checkpointing)
    comparing = 2 * weights.parameters * weights.dtype.itemsize  # base, champion and challenger together
    return max(training, comparing)
