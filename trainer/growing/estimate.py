"""What a size costs before it is begun: memory to train and to serve, its file, and the time to learn from some tokens.

All of it is arithmetic over a shape and figures of a machine; `machine` gets those. Estimates are meant to be right
within a fifth for memory and within a factor of one and a half for time, enough to choose a size by.
"""

from dataclasses import dataclass

from storage.errors import WrongUsage
from trainer.growing.sizes import SIZES, Size
from trainer.machine import Machine, Speed
from trainer.memory import ADAM_STATE, GRADIENT, HALF, PROCESS_BYTES, WEIGHT, Shape, activation_bytes

CHINCHILLA = 20
"""Tokens a parameter that make the best model for the arithmetic spent (Hoffmann et al. 2022)."""
TOKENS_A_STEP = 2048
"""What a step reads unless told otherwise."""

_MUON_STATE = 4
"""Bytes that Muon keeps for a number: one momentum."""
_TRAINING_SHARE = {"cpu": 0.55, "cuda": 0.4, "mps": 0.4}
"""Of the speed of bare matrix products, what a whole step reaches. On a CPU measured: 0.48 to 0.67 for `nano`, `micro` and
`mini`. On GPUs what is usual, not measured."""
_HALF_CPU_SHARE = 0.25
"""The same on a CPU in bfloat16, where only the products are faster. Measured for `micro`: 0.2, and 0.44 when compiled."""
_WAITING_SECONDS = {"cpu": 0.0, "cuda": 0.004, "mps": 0.004}
"""A layer and step: some hundred small operations that a GPU waits for. Assumed, not measured."""
_ITERATIONS = 5
"""Of Muon's orthogonalisation."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes needed to train, by what they are for."""

    weights: int
    gradients: int
    optimiser: int
    activations: int
    process: int = PROCESS_BYTES

    @property
    def total(self) -> int:
        """All together."""
        return self.weights + self.gradients + self.optimiser + self.activations + self.process


def training_memory(size: Size, *, tokens_a_step: int = TOKENS_A_STEP, in_half: bool = False) -> Memory:
    """What training a size takes at its peak.

    Args:
        size: the shape.
        tokens_a_step: read in one forward pass; a row of the size's context at least.
        in_half: whether matrices are multiplied in bfloat16, next to weights in float32.
    """
    others = size.embedding_parameters + size.small_parameters
    largest = max(size.vocabulary, 4 * size.hidden) * size.hidden
    shape = Shape(size.architecture, size.layers, size.hidden, size.feed_forward, size.vocabulary)
    return Memory(
        weights=size.parameters * (WEIGHT + (HALF if in_half else 0)),
        gradients=size.parameters * GRADIENT,
        # Three temporaries of the largest matrix: it is stepped as a whole.
        optimiser=size.matrix_parameters * _MUON_STATE + others * ADAM_STATE + 3 * largest * WEIGHT,
        activations=activation_bytes(shape, max(tokens_a_step, size.context), in_half=in_half),
    )


def serving_memory(size: Size, *, in_half: bool = False) -> int:
    """Bytes to answer with: the weights, the keys and values of one conversation at full length, and the process."""
    number = HALF if in_half else WEIGHT
    cache = 2 * size.layers * size.hidden * size.context * number
    return size.parameters * number + cache + PROCESS_BYTES


def file_bytes(size: Size) -> int:
    """Of the model's file: each number once, in bfloat16."""
    return size.parameters * HALF


def training_seconds(
    size: Size, tokens: float, speed: Speed, machine: Machine, *, tokens_a_step: int = TOKENS_A_STEP
) -> float:
    """About how long a machine takes to learn from so many tokens.

    Args:
        size: the shape.
        tokens: read in all, repeated ones counted again.
        speed: of the machine, measured.
        machine: whose device it is.
        tokens_a_step: the optimiser's own work is the same for any step, so larger ones take less of it.
    """
    steps = tokens / max(tokens_a_step, size.context)
    arithmetic = tokens * size.flops_a_token() + steps * _optimiser_flops(size)
    in_half_on_a_cpu = machine.device == "cpu" and machine.trains_in_half
    share = _HALF_CPU_SHARE if in_half_on_a_cpu else _TRAINING_SHARE[machine.device]
    multiplying = arithmetic / (speed.at(size.hidden) * share)
    return max(multiplying, steps * size.layers * _WAITING_SECONDS[machine.device])


def _optimiser_flops(size: Size) -> float:
    """Of one step: five rounds of three products for each of the layers' matrices."""
    wide = 3 * size.hidden if size.architecture == "gpt2" else size.hidden
    attention = [wide, size.hidden] if size.architecture == "gpt2" else [size.hidden] * 4
    feed_forward = [size.feed_forward] * (3 if size.architecture == "llama" else 2)
    a_layer = sum(_products(size.hidden, width) for width in attention + feed_forward)
    return size.layers * _ITERATIONS * a_layer


def _products(first: int, second: int) -> float:
    small, large = sorted((first, second))
    return 4.0 * small**2 * large + 2.0 * small**3


def fits(size: Size, machine: Machine, *, tokens_a_step: int = TOKENS_A_STEP) -> bool:
    """Whether a size can be trained in the memory that is free now."""
    return _needed(size, machine, tokens_a_step) <= machine.free_bytes


def require_fits(size: Size, machine: Machine, *, tokens_a_step: int = TOKENS_A_STEP) -> None:
    """Refuse a size that this machine has no memory to train, before anything begins.

    Raises:
        WrongUsage: it does not fit; says how much it needs, how much there is, and what would fit.
    """
    if fits(size, machine, tokens_a_step=tokens_a_step):
        return
    needed = _needed(size, machine, tokens_a_step)
    place = "this machine" if machine.device == "cpu" else f"this machine's {machine.name}"
    raise WrongUsage(
        f"{size.name} needs about {in_bytes(needed)} to train and {place} has {in_bytes(machine.free_bytes)} free;",
        advice=_instead(size, machine, tokens_a_step),
    )


def _instead(size: Size, machine: Machine, tokens_a_step: int) -> str:
    """What would fit: fewer tokens at once if those are what is too large, or else a smaller size."""
    fewer = tokens_a_step // 2
    while fewer >= size.context:
        if fits(size, machine, tokens_a_step=fewer):
            return f"read at most {fewer} tokens at once, or take a smaller size."
        fewer //= 2
    is_gpt3 = size.name.startswith("gpt3")
    family = [other for name, other in SIZES.items() if name.startswith("gpt3") == is_gpt3 or other.parameters < 1e8]
    fitting = [other for other in family if fits(other, machine, tokens_a_step=tokens_a_step)]
    fitting = [other for other in fitting if other.parameters < size.parameters]
    if not fitting:
        return "no smaller size fits either: free some memory, or use another machine."
    largest = max(fitting, key=lambda other: other.parameters)
    return f"take {largest.name} or smaller."


def _needed(size: Size, machine: Machine, tokens_a_step: int) -> int:
    return training_memory(size, tokens_a_step=tokens_a_step, in_half=machine.trains_in_half).total


def in_bytes(number: float) -> str:
    """Bytes as people read them."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if number >= factor:
            return f"{_short(number / factor)} {unit}"
    return f"{number / 1e3:.0f} kB"


def in_count(number: float) -> str:
    """A count as people read it: 5.87 M, 1.56 B."""
    for unit, factor in (("T", 1e12), ("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= factor:
            return f"{number / factor:.3g} {unit}"
    return f"{number:.0f}"


def in_time(seconds: float) -> str:
    """A time as people read it, in its largest unit."""
    for unit, factor in (("years", 31_557_600.0), ("days", 86_400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 1.5 * factor:
            amount = seconds / factor
            return f"{_short(amount)} {unit}" if amount < 10_000 else f"over 10,000 {unit}"
    return f"{max(1, round(seconds))} seconds"


def _short(number: float) -> str:
    return f"{number:.1f}" if number < 10 else f"{number:,.0f}"
