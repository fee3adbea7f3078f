"""What is held out: whole units and people, as much as was asked for."""

import random

import numpy
import pytest

from trainer.growing.holding_out import held_out


def hashes(*given: int) -> numpy.ndarray[tuple[int], numpy.dtype[numpy.uint64]]:
    """Numbers as far apart as hashes are."""
    return numpy.array([random.Random(one).getrandbits(63) if one else 0 for one in given], dtype=numpy.uint64)


def held(units: list[int], authors: list[int] | None = None, *, share: float = 0.1, dropped: int = 0) -> list[bool]:
    kept = numpy.array([place >= dropped for place in range(len(units))], dtype=numpy.bool_)
    marks = held_out(hashes(*units), hashes(*(authors or [0] * len(units))), kept, share=share)
    return [bool(mark) for mark in marks]


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5])
def test_about_the_share_is_held_out(share: float) -> None:
    assert sum(held(list(range(1, 1001)), share=share)) == 1000 * share


def test_a_unit_stays_on_one_side() -> None:
    marks = held([1 + place // 2 for place in range(1000)])
    assert marks[0::2] == marks[1::2]
    assert 100 <= sum(marks) <= 102


def test_the_talk_of_one_person_stays_on_one_side_where_many_wrote() -> None:
    authors = [1 + place % 50 for place in range(1000)]
    marks = held(list(range(1, 1001)), authors)
    sides = {author: {mark for mark, one in zip(marks, authors, strict=True) if one == author} for author in authors}
    assert all(len(side) == 1 for side in sides.values())
    assert 100 <= sum(marks) <= 120


def test_few_people_are_not_held_out_whole() -> None:
    assert sum(held(list(range(1, 1001)), [1 + place % 3 for place in range(1000)])) == 100


def test_somebody_who_wrote_half_of_it_is_learnt_from() -> None:
    authors = [1] * 500 + [2 + place % 50 for place in range(500)]
    marks = held(list(range(1, 1001)), authors)
    assert not any(marks[:500])
    assert 100 <= sum(marks) <= 120


def test_the_order_does_not_matter() -> None:
    units = list(range(1, 101))
    marks = dict(zip(units, held(units), strict=True))
    assert dict(zip(reversed(units), held(units[::-1]), strict=True)) == marks


def test_what_was_dropped_is_not_held_out_and_does_not_count() -> None:
    marks = held(list(range(1, 201)), dropped=100)
    assert not any(marks[:100])
    assert sum(marks) == 10


@pytest.mark.parametrize(
    ("units", "share", "wanted"),
    [([1, 2], 0.02, 1), ([1, 1, 2, 2], 0.02, 2), ([1], 0.5, 0), ([1, 1, 1], 0.5, 0), ([1, 2, 3], 0.0, 0), ([], 0.5, 0)],
    ids=["two", "two units", "one", "one unit", "no share", "nothing"],
)
def test_little_talk_keeps_something_to_learn_from(units: list[int], share: float, wanted: int) -> None:
    assert sum(held(units, share=share)) == wanted
