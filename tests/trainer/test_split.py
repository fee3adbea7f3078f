"""What is held out to judge by, and what must not be."""

import random

import pytest

from storage.candidates import content_hash
from storage.similarity import clusters, reply_of
from storage.values import Message, Role, Source
from trainer.curation import Example
from trainer.split import ENOUGH_TO_JUDGE, held_out

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
