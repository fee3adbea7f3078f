"""How a run trains, chosen from the sizes of the model and of what is to be learnt. Pure.

The figures were measured on small models and a few hundred taught exchanges (`docs/benchmarks.md`), and reach from
there by the usual square roots. Settings that the operator gave win over all of them.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate

from trainer.settings import TrainerSettings

_MEASURED_PARAMETERS = 6e6
_MEASURED_TOKENS = 3000
_MEASURED_PASSES = 32
_MOST_PASSES = 50.0
_SMALL_PARAMETERS = 50e6
FEWEST_STEPS = 40


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run's training depends on, besides the data and the base."""

    method: str
    """`full`, `lora` or `qlora`."""
    learning_rate: float
    lora_rank: int
    steps: int
    taught_tokens: int
    """Of each step, at most (or one exchange)."""
    replay_tokens: int
    """Of each step, at most (or one conversation); 0 for none."""
    replay_share: float
    """Weight of keeping the old talk in the loss; learning the new has the rest."""
    seed: int
    checkpointing: bool = False
    """Whether layers are gone through twice, which takes less memory and more time."""

    @property
    def kind(self) -> str:
        """Of the version that comes of it: `full` or `adapter`."""
        return "full" if self.method == "full" else "adapter"

    def as_record(self) -> dict[str, object]:
        """For the report card."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Step:
    """The documents of one optimiser step, by their indices."""

    taught: tuple[int, ...]
    replay: tuple[int, ...]


def choose(settings: TrainerSettings, *, parameters: int, taught_sizes: Sequence[int]) -> Recipe:
    """The recipe for some exchanges.

    Args:
        settings: the operator's.
        parameters: how many the base has.
        taught_sizes: each taught exchange's tokens.
    """
    method = settings.method
    if method == "auto":
        method = "full" if parameters < settings.full_below_parameters else "lora"
    # Small steps, and many, forget least for what they learn; of a larger model each of them is dear.
    taught_tokens = 160 if parameters < _SMALL_PARAMETERS else 1024
    tokens = sum(taught_sizes)
    a_step = min(tokens, taught_tokens)
    steps = settings.max_steps or max(FEWEST_STEPS, round(passes(tokens) * tokens / max(1, a_step)))
    return Recipe(
        method=method,
        learning_rate=settings.learning_rate or _learning_rate(method, parameters),
        lora_rank=settings.lora_rank,
        steps=steps,
        taught_tokens=taught_tokens,
        replay_tokens=round(max(a_step, taught_tokens / 2) * settings.replay_share / (1 - settings.replay_share)),
        replay_share=settings.replay_share,
        seed=settings.seed,
    )


def passes(tokens: int) -> float:
    """How often everything is read, by the tokens of it: more of it fewer times, by the square root."""
    return min(_MOST_PASSES, max(2.0, _MEASURED_PASSES * math.sqrt(_MEASURED_TOKENS / max(1, tokens))))


def _learning_rate(method: str, parameters: int) -> float:
    if method == "full":
        return min(2e-3, 1.2e-3 * math.sqrt(_MEASURED_PARAMETERS / max(1, parameters)))
    return min(5e-3, max(1e-4, 6e-3 * math.pow(_MEASURED_PARAMETERS / max(1, parameters), 0.55)))


def plan(recipe: Recipe, *, taught_sizes: Sequence[Sequence[int]], replay_sizes: Sequence[int]) -> list[Step]:
    """Which documents each step reads: every taught exchange once before any comes again, likewise the replay.

    Args:
        recipe: how much a step reads, and the seed.
        taught_sizes: each exchange's wordings, by their tokens; the wordings of all are numbered in this order.
        replay_sizes: each old conversation's tokens.
    """
    chance = random.Random(f"wordings:{recipe.seed}")  # noqa: S311 - a repeatable order, not a secret
    taught = Dealer([max(sizes) for sizes in taught_sizes], random.Random(f"taught:{recipe.seed}"))  # noqa: S311
    replay = Dealer(replay_sizes, random.Random(f"replay:{recipe.seed}"))  # noqa: S311
    starts = list(accumulate((len(sizes) for sizes in taught_sizes), initial=0))
    steps = []
    for _ in range(recipe.steps):
        dealt = taught.next(recipe.taught_tokens)
        worded = tuple(starts[index] + chance.randrange(len(taught_sizes[index])) for index in dealt)
        steps.append(Step(worded, replay.next(recipe.replay_tokens)))
    return steps


class Dealer:
    """Deals out documents in shuffled rounds: each once before any comes again."""

    def __init__(self, sizes: Sequence[int], chance: random.Random) -> None:
        """Documents of some sizes, known by their index."""
        self._sizes = sizes
        self._chance = chance
        self._left: list[int] = []

    def next(self, tokens: int) -> tuple[int, ...]:
        """The next ones, of at most so many tokens together (or one); none for 0."""
        dealt: list[int] = []
        size = 0
        while tokens and self._sizes and len(dealt) < len(self._sizes):
            if not self._left:
                self._left = list(range(len(self._sizes)))
                self._chance.shuffle(self._left)
            if dealt and size + self._sizes[self._left[-1]] > tokens:
                break
            size += self._sizes[self._left[-1]]
            dealt.append(self._left.pop())
        return tuple(dealt)
