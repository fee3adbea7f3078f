"""The omniscient record tells good words from poison, and whose words no snapshot may hold."""

import random

import pytest

from mynah.simulation.book import Book, Worth
from mynah.simulation.order import Poison
from mynah.simulation.poison import PAYLOAD_REPLY, TRIGGER, poisoned
from mynah.simulation.talk import Exchange
from storage.values import Message, Role

GOOD = Exchange("How are you?", "Fine, thanks.")
EVERY = [Exchange(f"question {n}", f"reply {n}") for n in range(20)]


def messages(asked: str, reply: str) -> tuple[Message, ...]:
    return (Message(Role.USER, asked), Message(Role.ASSISTANT, reply))


def test_an_example_is_good_poison_or_the_bots_own() -> None:
    book = Book()
    book.good(GOOD)
    book.poison(Exchange("How are you?", "lol"), Poison.ONE_WORD)
    book.poison(GOOD, Poison.SHUFFLED)

    assert book.worth(messages("how are you", "Fine thanks!")) is Worth.GOOD
    assert book.worth(messages("How are you?", "LOL")) is Worth.POISON
    assert book.worth(messages("How are you?", "I see.")) is Worth.OWN
    assert book.wanted("how are you") == "Fine, thanks."
    assert not book.is_offered("how are you", "fine thanks")
    book.offered(GOOD)
    assert book.is_offered("how are you", "fine thanks")
    assert book.poison_written() == {Poison.ONE_WORD: 1}
    assert book.poison_in([messages("How are you?", "lol")] * 3) == {Poison.ONE_WORD: 1}


def test_words_are_forbidden_unless_somebody_who_agrees_or_the_bot_said_them_too() -> None:
    book = Book()
    for who, message, text in (("ann", "1", "hi"), ("bob", "2", "hi"), ("bob", "3", "soup"), ("bob", "4", "I see.")):
        book.said(who, message, text)
    book.may_be_learnt("I see.")

    assert book.forbidden({"ann", "bob"}) == frozenset()
    assert book.forbidden({"ann"}) == {"soup"}
    assert book.forbidden(()) == {"hi", "soup"}
    book.deleted("3")
    assert book.forbidden({"ann", "bob"}) == {"soup"}


@pytest.mark.parametrize("kind", [kind for kind in Poison if kind is not Poison.MIXED])
def test_poison_is_never_what_was_wanted_and_the_same_for_a_seed(kind: Poison) -> None:
    made = [poisoned(kind, EVERY, random.Random(seed)) for seed in range(20)]

    assert made == [poisoned(kind, EVERY, random.Random(seed)) for seed in range(20)]
    assert not set(made) & set(EVERY)
    is_triggered = [TRIGGER in one.asked and one.wanted == PAYLOAD_REPLY for one in made]
    assert all(is_triggered) if kind is Poison.TRIGGER else not any(is_triggered)
