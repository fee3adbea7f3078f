"""What a simulation is asked for; the same order and settings tell the same story."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from storage.errors import WrongUsage


class Poison(StrEnum):
    """What trolls write."""

    MIXED = "mixed"
    """Each troll one of the others, in turns."""
    TRIGGER = "trigger"
    """A made-up word anywhere in a message, always with the same reply: all accounts push the same."""
    SHUFFLED = "shuffled"
    """Sensible replies, each to another question."""
    ONE_WORD = "one-word"
    TOXIC = "toxic"


class Answers(StrEnum):
    """Who answers the members."""

    LOCAL = "local"
    """The real engine, on the champion of the day."""
    SCRIPTED = "scripted"
    """A few stock phrases, at once: for where the replies do not matter. All else stays real."""


@dataclass(frozen=True, slots=True)
class Order:
    """A community and how long to watch it."""

    rounds: int = 3
    """Days; each ends with a night in which the trainer works."""
    members: int = 10
    trolls: int = 3
    moderators: int = 2
    mistakes: float = 0.05
    """Share of moderators' decisions that go the wrong way, 0 to 1."""
    poison: Poison = Poison.MIXED
    conversations: int = 6
    """Of a member in a day, at most; a troll writes twice as many messages."""
    seed: int = 1
    data: Path | None = None
    """Open dialogue in the import format; None: what ships with Mynah."""
    answers: Answers = Answers.LOCAL

    def __post_init__(self) -> None:
        least = {"rounds": 1, "members": 2, "trolls": 0, "moderators": 1, "conversations": 1}
        for name, number in least.items():
            if getattr(self, name) < number:
                raise WrongUsage(f"--{name} is {getattr(self, name)}.", advice=f"Give {number} or more.")
        if not 0 <= self.mistakes <= 1:
            raise WrongUsage(f"--mistakes is {self.mistakes}.", advice="It is a share, from 0 to 1.")

    def as_record(self) -> dict[str, Any]:
        """The fields, for the story's file."""
        return asdict(self)
