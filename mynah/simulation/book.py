"""What the simulation itself knows of who said what, kept apart from Mynah's tables, so that these can be checked by it.

Texts are compared without case and punctuation.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mynah.simulation.order import Poison
from mynah.simulation.talk import Exchange
from storage.similarity import normalised, prompt_of, reply_of
from storage.values import Message

Pair = tuple[str, str]


class Worth(StrEnum):
    """What an example is, to somebody who knows."""

    GOOD = "good"
    POISON = "poison"
    OWN = "own"
    """The bot's own answer, or words that nobody in the book wrote."""


@dataclass(frozen=True, slots=True)
class _Said:
    who: str
    message: str
    """Its id at the face."""
    text: str


class Book:
    """The omniscient record."""

    def __init__(self) -> None:
        self._good: set[Pair] = set()
        self._wanted: dict[str, str] = {}
        self._offered: set[Pair] = set()
        self._poison: dict[Pair, Poison] = {}
        self._said: list[_Said] = []
        self._gone: set[str] = set()
        self._learnable: set[str] = set()

    def good(self, exchange: Exchange) -> None:
        """Somebody would like this to be learnt."""
        self._good.add(_pair(exchange.asked, exchange.wanted))
        self._wanted.setdefault(normalised(exchange.asked), exchange.wanted)

    def offered(self, exchange: Exchange) -> None:
        """Somebody wrote this as a better answer, and it waits for a moderator."""
        self._offered.add(_pair(exchange.asked, exchange.wanted))

    def is_offered(self, asked: str, wanted: str) -> bool:
        """Whether a better answer waits, or waited, already."""
        return _pair(asked, wanted) in self._offered

    def poison(self, exchange: Exchange, kind: Poison) -> None:
        """A troll would like this to be learnt."""
        pair = _pair(exchange.asked, exchange.wanted)
        if pair not in self._good:
            self._poison[pair] = kind

    def said(self, who: str, message: str, text: str) -> None:
        """A person wrote this, in a message or about the answer to it."""
        self._said.append(_Said(who, message, normalised(text)))

    def may_be_learnt(self, text: str) -> None:
        """The bot or a moderator wrote this: whoever else did may stay out of it."""
        self._learnable.add(normalised(text))

    def deleted(self, message: str) -> None:
        """A message was deleted, with all that was said about its answer."""
        self._gone.add(message)

    def wanted(self, asked: str) -> str | None:
        """What somebody would have liked to hear."""
        return self._wanted.get(normalised(asked))

    def worth(self, messages: Sequence[Message]) -> Worth:
        """What an example is."""
        pair = _pair(prompt_of(messages), reply_of(messages))
        if pair in self._good:
            return Worth.GOOD
        return Worth.POISON if pair in self._poison else Worth.OWN

    def poison_in(self, examples: Iterable[Sequence[Message]]) -> dict[Poison, int]:
        """How many different poisoned exchanges some examples are, by kind."""
        found = {_pair(prompt_of(messages), reply_of(messages)) for messages in examples} & self._poison.keys()
        return self._by_kind(found)

    def poison_written(self) -> dict[Poison, int]:
        """How many different poisoned exchanges were written, by kind."""
        return self._by_kind(self._poison)

    def forbidden(self, willing: Iterable[str]) -> frozenset[str]:
        """The texts that no snapshot may hold: said only by people who are not willing, or in deleted messages."""
        agree = set(willing)
        allowed = {one.text for one in self._said if one.who in agree and one.message not in self._gone}
        others = {one.text for one in self._said if one.who not in agree or one.message in self._gone}
        return frozenset(others - allowed - self._learnable - {""})

    def _by_kind(self, pairs: Iterable[Pair]) -> dict[Poison, int]:
        found = [self._poison[pair] for pair in pairs]
        return {kind: found.count(kind) for kind in Poison if kind in found}


def _pair(asked: str, reply: str) -> Pair:
    return normalised(asked), normalised(reply)
