"""Talk in other clothes."""

import random
from collections import Counter

from tests.trainer.growing.conftest import exchange
from trainer.growing.dataset import Talk
from trainer.growing.variations import USUAL, Variations

EXCHANGES = [exchange(f"Question {number}?", f"Answer {number}.") for number in range(40)]
LONG = Talk(
    [
        {"role": "user", "content": "One?"},
        {"role": "assistant", "content": "Two."},
        {"role": "user", "content": "Three."},
        {"role": "assistant", "content": "Four?"},
        {"role": "user", "content": "Five!"},
        {"role": "assistant", "content": "Six."},
    ],
    "long",
)


def _varied(variations: Variations, talks: list[Talk], seed: int = 1) -> list[Talk]:
    return list(variations.of(talks, random.Random(seed)))


def test_without_figures_nothing_changes() -> None:
    assert _varied(Variations(), [*EXCHANGES, LONG]) == [*EXCHANGES, LONG]


def test_what_the_model_is_to_say_is_never_changed_but_for_changed_places() -> None:
    varied = _varied(Variations(lowercase=0.5, bare=0.5, joined=0.5), EXCHANGES)
    said = Counter(m["content"] for talk in varied for m in talk.messages if m["role"] == "assistant")
    assert said == Counter(f"Answer {number}." for number in range(40))


def test_capitals_and_the_last_mark_of_the_user_go() -> None:
    (talk,) = _varied(Variations(lowercase=1.0, bare=1.0), [LONG])
    assert [m["content"] for m in talk.messages if m["role"] == "user"] == ["one", "three", "five"]


def test_a_message_of_marks_alone_stays() -> None:
    (talk,) = _varied(Variations(bare=1.0), [exchange("?!", "Hm?")])
    assert talk.messages[0]["content"] == "?!"


def test_joined_exchanges_are_in_order_and_none_is_lost() -> None:
    varied = _varied(Variations(joined=1.0), EXCHANGES)
    assert len(varied) < len(EXCHANGES) / 1.5
    assert [m for talk in varied for m in talk.messages] == [m for talk in EXCHANGES for m in talk.messages]


def test_people_who_change_places_still_take_turns_and_the_assistant_ends() -> None:
    (talk,) = _varied(Variations(swapped=1.0, symmetric=("long",)), [LONG])
    assert [m["content"] for m in talk.messages] == ["Two.", "Three.", "Four?", "Five!"]
    assert [m["role"] for m in talk.messages] == ["user", "assistant", "user", "assistant"]


def test_nobody_changes_places_in_talk_with_a_bot() -> None:
    assert _varied(Variations(swapped=1.0, symmetric=("people",)), [LONG]) == [LONG]


def test_a_single_exchange_never_changes_places() -> None:
    assert _varied(Variations(swapped=1.0, symmetric=("ours",)), EXCHANGES) == EXCHANGES


def test_the_same_dice_give_the_same_talk_and_others_another() -> None:
    assert _varied(USUAL, EXCHANGES) == _varied(USUAL, EXCHANGES)
    assert _varied(USUAL, EXCHANGES) != _varied(USUAL, EXCHANGES, seed=2)
