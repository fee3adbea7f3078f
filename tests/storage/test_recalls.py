"""What the store finds to help an answer, and what it remembers of it; what is taken back is tested where answers are."""

import pytest

from storage.curation_values import LeftOutBecause, NewCuration
from storage.store import Store
from storage.values import Candidate
from tests.storage.talk import CHANNEL, SERVER, agreed, approved, example, say

VERSION = "0123456789abcdef"


async def found(store: Store, server: str = SERVER) -> list[int]:
    near = await store.recalls.find(server, "where do the gulls sleep", version=VERSION, limit=3)
    return [one.candidate.id for one in near]


async def curated(store: Store, candidate: Candidate, reason: str) -> None:
    outcome = NewCuration(candidate.id, candidate.content_hash, reason, candidate.content_hash, None, candidate.id)
    await store.curations.keep([outcome], cycle=1, rules="rules", screen_version="screen")


async def test_the_nearest_comes_first_and_no_more_than_asked_for(store: Store) -> None:
    far = await approved(store, example("where do cats sleep"))
    near = await approved(store, example("where do gulls sleep"))
    assert await found(store) == [near.id, far.id]
    assert len(await store.recalls.find(SERVER, "where do the gulls sleep", version=VERSION, limit=1)) == 1
    assert await store.recalls.find(SERVER, "", version=VERSION, limit=3) == []


@pytest.mark.parametrize("reason", [LeftOutBecause.NEWCOMER, LeftOutBecause.DISTRUSTED, LeftOutBecause.YOUNG_ACCOUNT])
async def test_what_curation_keeps_out_of_snapshots_is_not_found(store: Store, reason: str) -> None:
    candidate = await approved(store, example())
    await curated(store, candidate, "")
    assert await found(store) == [candidate.id]
    await curated(store, candidate, reason)
    assert await found(store) == []


async def test_a_server_of_the_same_line_finds_nothing_of_another(store: Store) -> None:
    await approved(store, example(server="island"))
    assert await found(store) == []
    assert len(await found(store, "island")) == 1


async def test_what_helped_is_known_until_the_question_is_gone(store: Store) -> None:
    await agreed(store, "ada")
    question = await say(store, "where do the gulls sleep", external_id="m-1")
    other = await say(store, "hello")
    await store.recalls.note(question.id, [7, 7])
    await store.recalls.note(question.id, [8, 7])  # a question that a killed bot had begun to answer
    assert await store.recalls.helped([question.id, other.id]) == {question.id}
    assert await store.recalls.spoilt(SERVER, [question.id, other.id]) == {question.id}  # nobody has those candidates
    assert (await store.recalls.behind(SERVER, question.id)).not_shown == 2
    await store.conversations.delete(SERVER, ["m-1"])
    assert await store.recalls.helped([question.id]) == set()


async def test_nothing_is_noted_of_a_question_that_was_deleted_meanwhile(store: Store) -> None:
    question = await say(store, "hello", external_id="m-1", channel=CHANNEL)
    await store.conversations.delete(SERVER, ["m-1"])
    await store.recalls.note(question.id, [1])
    assert await store.recalls.helped([question.id]) == set()


async def test_one_of_two_that_was_taken_back_spoils_an_answer(store: Store) -> None:
    one, two = [await approved(store, example(question)) for question in ("where do gulls sleep", "who is there")]
    question = await say(store, "where do the gulls sleep")
    await store.recalls.note(question.id, [one.id, two.id])
    assert await store.recalls.spoilt(SERVER, [question.id]) == set()
    await store.candidates.reject(two.id, "mod")
    assert await store.recalls.spoilt(SERVER, [question.id]) == {question.id}
    helped = await store.recalls.behind(SERVER, question.id)
    assert ([candidate.id for candidate in helped.candidates], helped.not_shown) == ([one.id], 1)
