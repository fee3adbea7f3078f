"""Drift is what chance does not explain."""

import random

import pytest

from trainer.drift import Drift, drift, words_of

BOATS = ["boat", "harbour", "tide", "anchor", "sail", "gull", "rope", "deck", "mast", "crew"]
GAMES = ["dice", "card", "board", "score", "rule", "turn", "player", "round", "table", "win"]


def talk(words: list[str], messages: int, seed: int) -> list[list[int]]:
    """Messages of four words each."""
    draw = random.Random(seed)
    return [words_of(" ".join(draw.choices(words, k=4))) for _ in range(messages)]


def test_talk_of_the_same_kind_has_not_moved() -> None:
    found = drift(talk(BOATS, 60, 1), talk(BOATS, 300, 2), seed=1)
    assert found.sure_excess <= 0
    assert found.by_chance > 0, "few words never look like many"


def test_talk_about_something_else_has_moved() -> None:
    found = drift(talk(GAMES, 60, 1), talk(BOATS, 300, 2), seed=1)
    assert found.divergence == pytest.approx(1.0)
    assert found.sure_excess > 0.3


def test_half_of_the_talk_moves_less_than_all_of_it() -> None:
    half = drift(talk(GAMES, 30, 1) + talk(BOATS, 30, 3), talk(BOATS, 300, 2), seed=1)
    assert 0 < half.sure_excess < drift(talk(GAMES, 60, 1), talk(BOATS, 300, 2), seed=1).sure_excess


def test_it_is_the_same_for_the_same_seed() -> None:
    sides = talk(BOATS, 20, 1), talk(BOATS, 40, 2)
    assert drift(*sides, seed=4) == drift(*sides, seed=4)


def test_what_chance_explains_is_no_excess() -> None:
    assert Drift(0.3, 0.3, 0.35).excess == 0


@pytest.mark.parametrize("sides", [([], [[1]]), ([[1]], []), ([], [])])
def test_without_words_there_is_no_distance(sides: tuple[list[list[int]], list[list[int]]]) -> None:
    with pytest.raises(ValueError, match="no words"):
        drift(*sides, seed=1)
