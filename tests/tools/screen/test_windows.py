import random

import pytest

from tools.screen.corpus import in_windows
from tools.screen.examples import HARMLESS, Example
from tools.screen.windows import LONGEST, SHORTEST, pieces, window

TALK = ["we had tea in the garden", "the train was late again, as ever", "who is cooking tonight?"]
TEXT = "nobody likes that person"


def windows(count: int) -> list[str]:
    dice = random.Random(1)
    return [window(TEXT, TALK, dice) for _ in range(count)]


def test_the_text_stays_whole_and_the_window_is_full_but_not_too_long() -> None:
    for text in windows(300):
        assert TEXT in text
        assert SHORTEST - 3 <= pieces(text) <= LONGEST + 4


@pytest.mark.parametrize("place", ["beginning", "middle", "end"])
def test_the_text_stands_in_every_place(place: str) -> None:
    found = {"beginning": 0, "middle": 0, "end": 0}
    for text in windows(300):
        found["beginning" if text.startswith(TEXT) else "end" if text.endswith(TEXT) else "middle"] += 1
    assert found[place] > 40


def test_the_talk_around_it_is_cut_as_windows_cut_it() -> None:
    befores = [text.partition(TEXT)[0].strip() for text in windows(300)]
    assert any(before and not before.startswith(tuple(TALK)) for before in befores)


def test_a_text_that_fills_a_window_stays_alone() -> None:
    long_text = " ".join(["word"] * LONGEST)
    assert window(long_text, TALK, random.Random(1)) == long_text


def test_kind_and_unkind_texts_are_surrounded_as_often_and_as_long() -> None:
    unkind = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    swearing = (0.04, 0.0, 1.0, 0.0, 0.0, 0.0)
    examples = [Example(TEXT, unkind), Example("what a fine goal", HARMLESS), Example("damn, it rains", swearing)]
    made = in_windows(examples, 200, TALK, random.Random(1))
    lengths = {is_unkind: [pieces(example.text) for example in made if example.is_unkind == is_unkind] for is_unkind in (True, False)}  # fmt: skip
    assert [len(several) for several in lengths.values()] == [200, 200]
    averages = [sum(several) / len(several) for several in lengths.values()]
    assert abs(averages[0] - averages[1]) < 2
    assert {example.labels for example in made} == {unkind, HARMLESS}
