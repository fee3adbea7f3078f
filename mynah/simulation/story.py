"""What happened, as plain values: for the file, the picture, and a few sentences. It knows no world."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from mynah.simulation.measuring import Measured
from mynah.simulation.order import Poison
from mynah.simulation.people import Cast
from storage.values import RunState

STAGES = ("wrote", "kept", "approved", "in training", "answering")
"""How far poison came: written by a troll, past the screens into the queue, approved, in the last snapshot, and in the
snapshot of the version that answers."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a night ended."""

    state: RunState
    sentence: str
    """The gate's verdict, or why there was none."""
    failed: tuple[str, ...]
    """Names of the checks that refused."""
    version: str | None
    learnt: int
    """Exchanges in the snapshot's training side."""
    judged_by: int
    """Exchanges that the snapshot held out."""
    left_out: Mapping[str, int]
    """Approved exchanges that the snapshot left out, by reason."""


@dataclass(frozen=True, slots=True)
class Round:
    """One day and its night."""

    number: int
    date: str
    talk: Mapping[str, int]
    """`messages`, replies by kind, `votes`, `corrections`, and those that were not kept as `correction <outcome>`."""
    review: Mapping[str, int]
    """`approve`, `edit`, `reject`, `mistakes`, what was `left` undecided, and what the desk `refused`."""
    privacy: Sequence[str]
    """What people did about their words."""
    poison: Mapping[str, Mapping[Poison, int]]
    """Stage to how many different poisoned exchanges of each kind came that far, over all days so far."""
    verdict: Verdict
    measured: Measured
    """Of the version that answers after the night."""
    broken: Sequence[str]
    """Promises that do not hold."""

    def poison_at(self, stage: str) -> int:
        """How many poisoned exchanges came as far as a stage."""
        return sum(self.poison.get(stage, {}).values())


@dataclass(frozen=True, slots=True)
class Story:
    """A whole simulation."""

    order: Mapping[str, Any]
    cast: Cast
    conversations: int
    """That are said, if there are days enough."""
    held_out: int
    """Conversations that nobody says, to measure by."""
    before: Measured
    """The base, before the first day."""
    rounds: list[Round] = field(default_factory=list)

    @property
    def broken(self) -> list[str]:
        """Every promise that did not hold, with its day."""
        return [f"Day {one.number}: {sentence}" for one in self.rounds for sentence in one.broken]

    @property
    def failures(self) -> list[str]:
        """Why nights came to nothing, that were not refused by the gate."""
        return [one.verdict.sentence for one in self.rounds if one.verdict.state is RunState.FAILED]

    @property
    def measured(self) -> list[Measured]:
        """The base, then what answered after each night."""
        return [self.before, *(one.measured for one in self.rounds)]

    def as_json(self) -> dict[str, Any]:
        """The fields of this class, with `summary` and `broken_promises`."""
        return {
            "order": dict(self.order),
            "people": asdict(self.cast),
            "conversations": self.conversations,
            "held_out": self.held_out,
            "before": asdict(self.before),
            "rounds": [asdict(one) for one in self.rounds],
            "summary": self.summary(),
            "broken_promises": self.broken,
        }

    def summary(self) -> list[str]:
        """A few plain sentences."""
        if not self.rounds:
            return ["Nothing happened."]
        return [self._talked(), self._learnt(), self._verdicts(), *self._attacked(), self._kept()]

    def _talked(self) -> str:
        messages = sum(one.talk.get("messages", 0) for one in self.rounds)
        review = {name: sum(one.review.get(name, 0) for one in self.rounds) for name in ("approve", "edit", "reject")}
        return (
            f"In {_count(len(self.rounds), 'day')} {_count(len(self.cast.members), 'member')} and "
            f"{_count(len(self.cast.trolls), 'troll')} wrote {_count(messages, 'message')}; moderators approved "
            f"{review['approve']} examples, mended {review['edit']} and turned {review['reject']} down."
        )

    def _learnt(self) -> str:
        first, last = self.before, self.rounds[-1].measured
        return (
            f"On {_count(self.held_out, 'conversation')} that nobody said, perplexity went from "
            f"{first.held_out.perplexity:.2f} to {last.held_out.perplexity:.2f} "
            f"({last.held_out.perplexity / first.held_out.perplexity - 1:+.1%}); on the frozen small talk from "
            f"{first.general.perplexity:.2f} to {last.general.perplexity:.2f} "
            f"({last.general.perplexity / first.general.perplexity - 1:+.1%})."
        )

    def _verdicts(self) -> str:
        promoted = sum(one.verdict.state is RunState.PROMOTED for one in self.rounds)
        told = f"{promoted} of {_count(len(self.rounds), 'round')} brought a new version."
        refused = [one for one in self.rounds if one.verdict.state is not RunState.PROMOTED]
        return told if not refused else f"{told} Day {refused[-1].number} did not: {refused[-1].verdict.sentence}"

    def _attacked(self) -> list[str]:
        if not self.cast.trolls:
            return []
        wrote, kept, approved, _, answering = (self.rounds[-1].poison_at(stage) for stage in STAGES)
        told = (
            f"Trolls wrote {_count(wrote, 'poisoned exchange')}: {kept} passed the screens, {approved} a moderator's "
            f"mistake, and {answering} are in what the version that answers has learnt."
        )
        return [told]

    def _kept(self) -> str:
        if self.broken:
            return f"{_count(len(self.broken), 'promise')} BROKEN: {' '.join(self.broken)}"
        return (
            "Every promise held: no word of anybody who did not agree, took it back, deleted it or was forgotten is "
            "in any snapshot, and the trolls' word changes nothing."
        )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
