"""What is wrong with replies to small talk: nothing said, one word, another language, or taught words out of place."""

import pytest

from bot.engine.weights import LoadedWeights, load_weights
from storage.similarity import normalised
from tests.fakes.models import tiny_model
from trainer.probes import is_degenerate, is_terse, leaks, strange

PROBES = ["hello there", "i am tired", "tell me a joke", "what is your favourite colour?", "good night", "i like bread"]
FACT = "Game night is on Friday at eight."


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> LoadedWeights:
    return load_weights(tiny_model("smollm", tmp_path_factory.mktemp("base")), device="cpu")


@pytest.mark.parametrize("reply", ["", "  ", "?!", "lol", "Yes!"])
def test_at_most_one_word_is_terse(reply: str) -> None:
    assert is_terse(reply)


def test_two_words_are_not() -> None:
    assert not is_terse("oh, really?")


@pytest.mark.parametrize("reply", ["", "...", "no no no no no", "it is, it is, it is, it is what"])
def test_nothing_and_circles_are_degenerate(reply: str) -> None:
    assert is_degenerate(reply)
    assert not is_degenerate("That sounds like a long day. Take a rest.")


def leaking(base: LoadedWeights, reply: str) -> list[int]:
    """The probes that leak when all are answered with one reply, which the base cannot find fitting for most."""
    return leaks(base, PROBES, [reply] * len(PROBES), ["I see."] * len(PROBES), {normalised(FACT): FACT})


@pytest.mark.parametrize("reply", [FACT, "game night is on friday at eight", f"Well. {FACT} Come along!"])
def test_a_taught_reply_to_small_talk_leaks_also_inside_a_longer_one(base: LoadedWeights, reply: str) -> None:
    assert leaking(base, reply)


def test_other_words_are_no_leak(base: LoadedWeights) -> None:
    assert leaking(base, "Game on!") == []


def test_replies_that_the_base_cannot_read_are_counted_and_short_ones_are_not_judged(base: LoadedWeights) -> None:
    replies = ["a reply of some length"] * 5 + ["ok"]

    assert strange(base, PROBES, replies, bits=0.001) == 5
    assert strange(base, PROBES, replies, bits=1000.0) == 0
