"""Who is in the community, when they come, and what each will do about their words. Pure; the same for a seed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mynah.simulation.order import Order, Poison

NAMES = (
    "Mira", "Joel", "Noor", "Ravi", "Ada", "Tomas", "Lena", "Yuki", "Omar", "Ines", "Kofi", "Vera", "Sami", "Petra",
    "Dmitri", "Aoife", "Luis", "Hana", "Emil", "Zola", "Bram", "Freya", "Nils", "Amara", "Jonas", "Kaia", "Theo", "Suri",
)  # fmt: skip
_LATE = 3
"""Every so many-th member comes on a later day: newcomers are what quarantine is for."""


class Habit(StrEnum):
    """What a member does about being learnt from."""

    AGREES = "agrees"
    NEVER_SAYS = "never says"
    REFUSES = "says no"
    WITHDRAWS = "takes the yes back"
    FORGETS = "asks to be forgotten"
    DELETES = "deletes messages"


HABITS = (
    Habit.AGREES, Habit.NEVER_SAYS, Habit.AGREES, Habit.WITHDRAWS, Habit.AGREES,
    Habit.FORGETS, Habit.AGREES, Habit.REFUSES, Habit.AGREES, Habit.DELETES,
)  # fmt: skip
"""In the order in which members get them: also a small community has somebody who does not agree."""


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who talks."""

    name: str
    seat: int
    """Whose dialogues are theirs."""
    habit: Habit
    arrives: int
    """The day, from 1."""
    acts: int
    """The day on which they take their yes back or ask to be forgotten."""


@dataclass(frozen=True, slots=True)
class Troll:
    """Somebody who wants the bot to learn something else."""

    name: str
    poison: Poison
    arrives: int


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody."""

    members: tuple[Member, ...]
    trolls: tuple[Troll, ...]
    moderators: tuple[str, ...]


def cast(order: Order) -> Cast:
    """The people of a simulation."""
    chance = random.Random(f"people:{order.seed}")  # noqa: S311 - a repeatable story, not a secret
    names = _names(order.members, chance)
    habits = [HABITS[number % len(HABITS)] for number in range(order.members)]
    members = [
        Member(
            name=names[seat],
            seat=seat,
            habit=habit,
            arrives=min(order.rounds, 1 + (habit is Habit.AGREES and seat % _LATE == _LATE - 1)),
            acts=min(order.rounds, chance.randint(2, max(2, order.rounds))),
        )
        for seat, habit in enumerate(habits)
    ]
    kinds = [kind for kind in Poison if kind is not Poison.MIXED]
    trolls = [
        Troll(
            name=f"troll {number + 1}",
            poison=kinds[number % len(kinds)] if order.poison is Poison.MIXED else order.poison,
            arrives=min(order.rounds, 1 + number % 2),
        )
        for number in range(order.trolls)
    ]
    return Cast(tuple(members), tuple(trolls), tuple(f"moderator {number + 1}" for number in range(order.moderators)))


def _names(count: int, chance: random.Random) -> Sequence[str]:
    shuffled = chance.sample(NAMES, len(NAMES))
    return [
        shuffled[number % len(NAMES)] + ("" if number < len(NAMES) else f" {number // len(NAMES) + 1}")
        for number in range(count)
    ]
