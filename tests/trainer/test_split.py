"""What is held out to judge by, and what must not be."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.candidates import content_hash
from storage.similarity import reply_of
from storage.values import Message, Role, Source
from tests.trainer.conftest import clusters
from trainer.curation import Example
from trainer.split import ENOUGH_TO_JUDGE, HELD_OUT, TRAIN, held_out

WORDS = [
    "stone",
    "river",
    "cloud",
    "apple",
    "window",
    "music",
    "bread",
    "forest",
    "candle",
    "mirror",
    "harbor",
    "winter",
    "garden",
    "silver",
    "thunder",
]


def examples(
    pairs: list[tuple[str, str]], *, source: Source = Source.IMPORT, authors: list[str] | None = None
) -> list[Example]:
    conversations = [(Message(Role.USER, prompt), Message(Role.ASSISTANT, reply)) for prompt, reply in pairs]
    return [
        Example(
            candidate_id=index,
            messages=messages,
            content_hash=content_hash(messages),
            source=source,
            author_keys=(authors[index],) if authors else (),
            place="guild\ngeneral",
            cluster=cluster,
        )
        for index, (messages, cluster) in enumerate(zip(conversations, clusters(conversations), strict=True))
    ]


def talk(count: int, seed: int = 1) -> list[tuple[str, str]]:
    chance = random.Random(seed)
    return [(" ".join(chance.choices(WORDS, k=8)), " ".join(chance.choices(WORDS, k=8))) for _ in range(count)]


def facts(count: int, wordings: int) -> list[tuple[str, str]]:
    chance = random.Random(3)
    return [
        (" ".join([f"number {fact}", *chance.choices(WORDS, k=5)]), f"the answer is {fact * 7919}")
        for fact in range(count)
        for _ in range(wordings)
    ]


def test_every_answer_taught_in_three_wordings_keeps_two_of_them() -> None:
    taught = examples(facts(40, 3))

    chosen = held_out(taught, share=0.1)

    assert ENOUGH_TO_JUDGE <= len(chosen) <= 20
    lost = [reply_of(taught[index].messages) for index in chosen]
    assert len(lost) == len(set(lost))


def test_answers_taught_once_are_not_held_out_of_a_small_file() -> None:
    assert held_out(examples(facts(40, 1)), share=0.1) == frozenset()


@pytest.mark.parametrize("count", [0, 1, 5, 20])
def test_of_few_examples_none_is_held_out(count: int) -> None:
    assert held_out(examples(talk(count)), share=0.1) == frozenset()


def test_of_much_talk_the_share_is_held_out() -> None:
    assert len(held_out(examples(talk(300)), share=0.1)) == 30


def test_the_choice_depends_on_the_contents_only() -> None:
    some = examples(talk(200))
    turned = list(reversed(some))

    chosen = {some[index].content_hash for index in held_out(some, share=0.1)}

    assert chosen == {turned[index].content_hash for index in held_out(turned, share=0.1)}


def test_near_duplicates_stay_on_one_side() -> None:
    pairs = [(f"{prompt}{sign}", reply) for prompt, reply in talk(100) for sign in ("", "!", " ?")]
    some = examples(pairs)

    chosen = held_out(some, share=0.1)

    inside = {some[index].cluster for index in chosen}
    outside = {example.cluster for index, example in enumerate(some) if index not in chosen}
    assert chosen
    assert not inside & outside


def test_where_many_members_talk_a_member_stays_on_one_side() -> None:
    authors = [f"member{index % 30}" for index in range(300)]
    some = examples(talk(300), source=Source.MESSAGE, authors=authors)

    chosen = held_out(some, share=0.1)

    inside = {some[index].author_keys for index in chosen}
    outside = {example.author_keys for index, example in enumerate(some) if index not in chosen}
    assert chosen
    assert not inside & outside


def test_a_correction_is_learnt_and_not_held_out() -> None:
    some = examples(talk(200), source=Source.CORRECTION)

    assert held_out(some, share=0.1) == frozenset()


def after(some: list[Example], share: float = 0.1) -> list[Example]:
    """The examples with the sides that a snapshot of them gives them."""
    chosen = held_out(some, share=share)
    return [replace(one, side=HELD_OUT if index in chosen else TRAIN) for index, one in enumerate(some)]


def test_sides_stay_when_the_talk_grows_tenfold_and_new_talk_is_held_out_too() -> None:
    before = after(examples(talk(300)))
    later = examples(talk(3000))
    grown = [replace(one, side=before[index].side if index < 300 else "") for index, one in enumerate(later)]

    again = after(grown)

    assert [one.side for one in again[:300]] == [one.side for one in before]
    assert sum(one.side == HELD_OUT for one in again) == 300


def test_a_near_duplicate_that_comes_later_goes_to_the_side_of_the_first() -> None:
    before = after(examples(talk(100)))
    copies = [
        replace(one, candidate_id=1000 + index, content_hash=f"copy {index}", side="")
        for index, one in enumerate(before)
    ]

    again = after([*before, *copies])

    assert [one.side for one in again[100:]] == [one.side for one in before]


def test_where_many_members_talk_what_a_member_says_later_stays_on_their_side() -> None:
    authors = [f"member{index % 30}" for index in range(600)]
    some = examples(talk(600), source=Source.MESSAGE, authors=authors)
    first = after(some[:300])

    again = after([*first, *some[300:]])

    sides = {one.author_keys: one.side for one in again[:300]}
    assert {HELD_OUT, TRAIN} == set(sides.values())
    assert all(one.side == sides[one.author_keys] for one in again[300:])


def test_what_joined_two_sides_is_learnt_and_neither_side_moves() -> None:
    first, second, bridge = examples(talk(3))
    some = [
        replace(first, cluster=1, side=TRAIN),
        replace(second, cluster=1, side=HELD_OUT),
        replace(bridge, cluster=2, side=""),
    ]

    assert held_out(some, share=0.1) == {1}


@given(
    st.lists(st.tuples(st.sampled_from(["", TRAIN, HELD_OUT]), st.integers(0, 30), st.integers(0, 25)), max_size=120),
    st.randoms(use_true_random=False),
)
@settings(max_examples=60, deadline=None)
def test_whatever_comes_in_whatever_order_no_side_ever_moves(
    made: list[tuple[str, int, int]], chance: random.Random
) -> None:
    some = [
        replace(one, side=side, cluster=cluster, author_keys=(f"member{member}",))
        for one, (side, cluster, member) in zip(examples(talk(len(made))), made, strict=True)
    ]
    turned = chance.sample(some, len(some))

    chosen = held_out(some, share=0.2)

    assert {index for index, one in enumerate(some) if one.side == HELD_OUT} <= chosen
    assert not {index for index, one in enumerate(some) if one.side == TRAIN} & chosen
    assert {some[i].content_hash for i in chosen} == {turned[i].content_hash for i in held_out(turned, share=0.2)}
