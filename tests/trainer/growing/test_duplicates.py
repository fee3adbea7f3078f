"""Copies and near copies among many conversations."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from trainer.growing import duplicates
from trainer.growing.duplicates import SeenHashes, Sides, Signatures, hash_of, near_copies

LONG = (
    "the boat that my uncle painted in the spring has lost its colour again and nobody knows why it should "
    "happen every year in the same week when the wind comes from the lake"
)


def copies(tmp_path: Path, given: Sequence[Sides]) -> list[bool]:
    signatures = Signatures(tmp_path / "signatures")
    for place, sides in enumerate(given):
        signatures.add(sides, offset=place, unit=place, author=0)
    found = near_copies(signatures, lambda offset: given[offset])
    signatures.close()
    return [bool(mark) for mark in found]


@pytest.mark.parametrize(
    "other",
    [
        (LONG, "I see."),
        (LONG.upper() + "!!", "i see"),
        (LONG.replace("uncle", "aunt"), "I see"),
    ],
    ids=["the same", "other case and signs", "one word changed"],
)
def test_nearly_the_same_words_are_a_copy(tmp_path: Path, other: Sides) -> None:
    assert copies(tmp_path, [(LONG, "I see."), ("What is new?", "Nothing."), other]) == [False, False, True]


@pytest.mark.parametrize(
    "other",
    [
        ("When is game night this week?", "It is on Friday."),
        ("What time does game night begin?", "It is on Friday."),
        ("When is game night?", "It was cancelled."),
        ("It is on Friday.", "When is game night?"),
    ],
    ids=["more words", "another wording", "another answer", "roles changed"],
)
def test_another_wording_or_answer_is_no_copy(tmp_path: Path, other: Sides) -> None:
    assert copies(tmp_path, [("When is game night?", "It is on Friday."), other]) == [False, False]


def test_the_first_of_many_copies_stays(tmp_path: Path) -> None:
    assert copies(tmp_path, [("hello you there", "hi")] * 30) == [False] + [True] * 29


def test_very_short_and_empty_sides_are_compared_too(tmp_path: Path) -> None:
    assert copies(tmp_path, [("hi", "yo"), ("hi!", "yo"), ("ho", "yo"), ("?", "!"), ("…", "!")])[:3] == [
        False,
        True,
        False,
    ]


def test_long_talk_on_one_topic_is_not_taken_for_copies(tmp_path: Path) -> None:
    dice = random.Random(4)
    words = LONG.split()
    given = [(" ".join(dice.choices(words, k=120)), " ".join(dice.choices(words, k=120))) for _ in range(20)]
    assert copies(tmp_path, given) == [False] * 20


def test_most_copies_with_some_words_changed_are_found(tmp_path: Path) -> None:
    dice = random.Random(5)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(dice.choices(letters, k=dice.randint(2, 9))) for _ in range(2000)]
    given: list[Sides] = []
    for _ in range(100):
        told = dice.choices(words, k=80)
        given.append((" ".join(told), "yes"))
        told[dice.randrange(80)] = "changed"
        given.append((" ".join(told), "yes"))
    found = copies(tmp_path, given)
    assert sum(found[1::2]) >= 97
    assert not any(found[0::2])


def test_nothing_is_compared_when_there_is_nothing(tmp_path: Path) -> None:
    assert copies(tmp_path, []) == []


def test_texts_that_no_longer_fit_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "_REMEMBERED", 1)
    assert copies(tmp_path, [(LONG, "I see."), (LONG, "I see"), (LONG, "I see!")]) == [False, True, True]


def test_hashes_are_known_also_after_they_were_put_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "_MERGE_AT", 7)
    seen = SeenHashes()
    hashes = [hash_of(f"text {number}") for number in range(100)]
    assert all(seen.add(one) for one in hashes)
    assert not any(seen.add(one) for one in hashes)
    assert seen.add(hash_of("another"))
    assert all(seen.add(one) for one in (0, 2**64 - 1))
