"""Quorum, own words, near-duplicates and taking back."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

import pytest

from storage.errors import Refused, WrongUsage
from storage.governance import LeftOut
from storage.store import Store
from storage.values import Candidate, CandidateState, Decision, Outcome, Source, Verdict
from tests.storage.talk import SERVER, agreed, approved, example, passed, say

HELD = Verdict(Outcome.HOLD, "", ("toxicity:insult",))
GULLS = [
    "where do the gulls sleep at night?",
    "Where do the gulls sleep at night",
    "where do the gulls sleep at night!!",
    "where do  the gulls sleep at night",
]


async def waiting(store: Store, question: str = "where", answer: str = "on the water", **given: Any) -> Candidate:
    new = example(question, answer, **given)
    await agreed(store, *new.author_keys, server=new.server)
    return await store.candidates.add(new)


async def two_needed(store: Store) -> None:
    await store.server_settings.set(SERVER, "quorum", 2, "admin")


async def refused(deciding: Awaitable[object], told: str) -> None:
    with pytest.raises(Refused, match=told):
        await deciding


async def test_a_quorum_of_two_needs_two_people(store: Store) -> None:
    await two_needed(store)
    candidate = await waiting(store)
    first = await store.candidates.approve(candidate.id, "mod-1")
    assert first.state is CandidateState.WAITING
    assert await store.candidates.learnable() == []
    await refused(store.candidates.approve(candidate.id, "mod-1"), "another moderator")
    second = await store.candidates.approve(candidate.id, "mod-2")
    assert second.state is CandidateState.APPROVED
    assert await store.candidates.learnable() == [second]


async def test_one_person_clicking_many_times_at_once_is_one_approval(store: Store) -> None:
    await two_needed(store)
    candidate = await waiting(store)
    clicks = [store.candidates.approve(candidate.id, "mod-1") for _ in range(6)]
    outcomes = await asyncio.gather(*clicks, return_exceptions=True)
    assert sum(isinstance(outcome, Refused) for outcome in outcomes) == 5
    assert (await store.candidates.counts())[CandidateState.WAITING] == 1


async def test_the_quorum_of_another_server_does_not_count(store: Store) -> None:
    await store.server_settings.set("island", "quorum", 3, "admin")
    assert (await approved(store, example())).state is CandidateState.APPROVED


async def test_nobody_decides_about_their_own_words(store: Store) -> None:
    candidate = await waiting(store, authors=("ada", "bob"))
    for own in ("ada", "bob"):
        await refused(store.candidates.approve(candidate.id, own), "own words")
        await refused(store.candidates.edit(candidate.id, own, "x", passed("x")), "own words")
        await refused(store.candidates.reject(candidate.id, own), "own words")
        await refused(store.candidates.approve_alike(candidate.id, own), "own words")
    assert await store.candidates.reviews(candidate.id) == []


async def test_words_that_are_only_context_are_own_words_too(store: Store) -> None:
    turn = await say(store, "hello", author="ada")
    candidate = await waiting(store, authors=("bob",), turn_ids=(turn.id,))
    await refused(store.candidates.approve(candidate.id, "ada"), "own words")


async def test_the_operator_may_decide_about_their_own_words_when_the_face_says_so(store: Store) -> None:
    candidate = await waiting(store)
    decided = await store.candidates.approve(candidate.id, "ada", may_review_own=True)
    assert decided.state is CandidateState.APPROVED


async def test_approvals_of_the_words_before_an_edit_do_not_count_for_those_after(store: Store) -> None:
    await two_needed(store)
    candidate = await waiting(store)
    await store.candidates.approve(candidate.id, "mod-1")
    edited = await store.candidates.edit(candidate.id, "mod-2", "in the reeds", passed("in the reeds"))
    assert edited.state is CandidateState.WAITING
    await refused(store.candidates.approve(candidate.id, "mod-2"), "another moderator")
    assert (await store.candidates.approve(candidate.id, "mod-1")).state is CandidateState.APPROVED


async def test_nobody_approves_words_that_they_did_not_see(store: Store) -> None:
    await two_needed(store)
    candidate = await waiting(store)
    await store.candidates.edit(candidate.id, "mod-2", "in the reeds", passed("in the reeds"))
    seen = candidate.content_hash
    await refused(store.candidates.approve(candidate.id, "mod-1", seen_hash=seen), "edited meanwhile")
    await refused(store.candidates.reject(candidate.id, "mod-1", seen_hash=seen), "edited meanwhile")


async def test_two_moderators_on_one_card_cannot_both_decide(store: Store) -> None:
    candidate = await waiting(store)
    outcomes = await asyncio.gather(
        store.candidates.approve(candidate.id, "mod-1"),
        store.candidates.reject(candidate.id, "mod-2", only_waiting=True),
        store.candidates.edit(candidate.id, "mod-3", "x", passed("x")),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, Refused) for outcome in outcomes) == 2
    assert len(await store.candidates.reviews(candidate.id)) == 1


async def test_what_was_rejected_is_not_rejected_again(store: Store) -> None:
    candidate = await waiting(store)
    await store.candidates.reject(candidate.id, "mod-1", "wrong")
    await refused(store.candidates.reject(candidate.id, "mod-2"), "decided already")


@pytest.mark.parametrize("decide", ["approve", "edit", "reject"])
async def test_an_undo_restores_just_what_was(store: Store, decide: str) -> None:
    candidate = await waiting(store, GULLS[0])
    near = await waiting(store, GULLS[1], authors=("bob",))
    before = [await store.review_queue.item(one.id) for one in (candidate, near)]
    given = {"approve": (), "edit": ("in the reeds", passed("in the reeds")), "reject": ("wrong",)}[decide]
    decided = await getattr(store.candidates, decide)(candidate.id, "mod", *given)
    assert decided.state is not CandidateState.WAITING
    (undone,) = await store.candidates.undo("mod")
    assert undone == candidate
    assert [await store.review_queue.item(one.id) for one in (candidate, near)] == before
    assert await store.candidates.learnable() == []
    assert await store.candidates.nearest_approved(SERVER, GULLS[0]) == []
    (review,) = await store.candidates.reviews(candidate.id)
    assert review.undone_at is not None
    assert (await store.audit.latest(limit=1))[0].action == "undo"


async def test_an_undone_rejection_of_an_approved_one_is_learnt_and_found_again(store: Store) -> None:
    candidate = await approved(store, example(GULLS[0]))
    await store.candidates.reject(candidate.id, "mod-2")
    assert await store.candidates.nearest_approved(SERVER, GULLS[0]) == []
    await store.candidates.undo("mod-2")
    assert await store.candidates.learnable() == [candidate]
    assert [near.candidate for near in await store.candidates.nearest_approved(SERVER, GULLS[0])] == [candidate]


async def test_an_undone_approval_counts_for_no_quorum_and_may_be_given_again(store: Store) -> None:
    await two_needed(store)
    candidate = await waiting(store)
    await store.candidates.approve(candidate.id, "mod-1")
    await store.candidates.undo("mod-1")
    assert (await store.candidates.approve(candidate.id, "mod-2")).state is CandidateState.WAITING
    assert (await store.candidates.approve(candidate.id, "mod-1")).state is CandidateState.APPROVED


async def test_only_the_last_click_of_ones_own_is_taken_back_and_once(store: Store) -> None:
    first, second = await waiting(store, "a"), await waiting(store, "b")
    await store.candidates.approve(first.id, "mod-1")
    await store.candidates.approve(second.id, "mod-1")
    await refused(store.candidates.undo("mod-2"), "no decision of yours")
    assert [one.id for one in await store.candidates.undo("mod-1")] == [second.id]
    await refused(store.candidates.undo("mod-1", server="island"), "no decision of yours")
    assert [one.id for one in await store.candidates.undo("mod-1", candidate_id=first.id)] == [first.id]
    await refused(store.candidates.undo("mod-1"), "no decision of yours")


async def test_what_somebody_else_decided_since_stays(store: Store) -> None:
    candidate = await waiting(store)
    await store.candidates.approve(candidate.id, "mod-1")
    await store.candidates.reject(candidate.id, "mod-2")
    await refused(store.candidates.undo("mod-1"), "decided after you")
    assert (await store.candidates.undo("mod-2"))[0].state is CandidateState.APPROVED
    assert (await store.candidates.undo("mod-1"))[0].state is CandidateState.WAITING


async def test_an_undo_brings_nobody_back_who_said_no_meanwhile(store: Store) -> None:
    candidate = await waiting(store)
    await store.candidates.reject(candidate.id, "mod")
    await store.consents.set(SERVER, "ada", allowed=False)
    assert (await store.candidates.undo("mod"))[0].state is CandidateState.REJECTED
    await agreed(store, "ada")
    assert (await store.candidates.add(example("where"))).state is CandidateState.WAITING


async def test_a_decision_about_deleted_words_cannot_be_taken_back(store: Store) -> None:
    turn = await say(store, "hello", external_id="m-1")
    candidate = await waiting(store, turn_ids=(turn.id,))
    await store.candidates.reject(candidate.id, "mod", "he said hello")
    await store.conversations.delete(SERVER, ["m-1"])
    await refused(store.candidates.undo("mod"), "deleted")
    (review,) = await store.candidates.reviews(candidate.id)
    assert review.reason == "", "what a moderator wrote about the words goes with them"


async def test_an_undo_makes_no_second_one_of_words_that_came_again(store: Store) -> None:
    candidate = await waiting(store)
    await store.candidates.edit(candidate.id, "mod", "in the reeds", passed("in the reeds"))
    again = await waiting(store)
    assert again.id != candidate.id
    await refused(store.candidates.undo("mod"), "cannot be taken back")


async def test_near_duplicates_are_approved_by_one_click_and_taken_back_by_one(store: Store) -> None:
    near = [await waiting(store, words, authors=(f"member-{n}",)) for n, words in enumerate(GULLS)]
    other = await waiting(store, "what do gulls eat")
    together = await store.candidates.approve_alike(near[1].id, "mod")
    assert {one.id for one in together.decided} == {one.id for one in near}
    assert together.left_out == {}
    assert [one.id for one in await store.candidates.learnable()] == [one.id for one in near]
    undone = await store.candidates.undo("mod")
    assert {one.id for one in undone} == {one.id for one in near}
    assert (await store.candidates.counts())[CandidateState.WAITING] == 5
    await store.candidates.reject_alike(near[0].id, "mod", "spam")
    assert [one.id for one in await store.candidates.by_state(CandidateState.WAITING)] == [other.id]


async def test_near_duplicates_that_may_not_be_approved_are_left_out_with_the_reason(store: Store) -> None:
    own = await waiting(store, GULLS[0], authors=("mod",))
    shown = await waiting(store, GULLS[1])
    doubtful = await waiting(store, GULLS[2], authors=("bob",), verdict=HELD)
    imported = await waiting(store, GULLS[3], authors=("cy",), source=Source.IMPORT)
    await store.blocks.block(SERVER, "eve", by="admin")
    seen = await store.review_queue.item(shown.id)
    later = await waiting(store, GULLS[3], authors=("dee",))
    assert (seen.near_duplicates, seen.newest_near_duplicate) == (3, imported.id)

    together = await store.candidates.approve_alike(shown.id, "mod", newest_id=seen.newest_near_duplicate)

    assert {one.id for one in together.decided} == {shown.id, imported.id}
    assert together.left_out == {
        own.id: LeftOut.OWN_WORDS,
        doubtful.id: LeftOut.DOUBTFUL,
        later.id: LeftOut.CAME_LATER,
    }


async def test_a_no_that_comes_with_the_click_keeps_a_near_duplicate_out(store: Store) -> None:
    shown = await waiting(store, GULLS[0])
    theirs = await waiting(store, GULLS[1], authors=("bob",))
    _, together = await asyncio.gather(
        store.consents.set(SERVER, "bob", allowed=False), store.candidates.approve_alike(shown.id, "mod")
    )
    assert theirs.id not in {one.id for one in together.decided}
    assert [one.id for one in await store.candidates.learnable()] == [shown.id]


async def test_near_duplicates_in_another_server_are_left_alone(store: Store) -> None:
    here = await waiting(store, GULLS[0])
    there = await waiting(store, GULLS[0], server="island")
    together = await store.candidates.approve_alike(here.id, "mod")
    assert [one.id for one in together.decided] == [here.id]
    assert (await store.candidates.get(there.id)) == there
    assert await store.candidates.near_duplicates(there.id) == []


async def test_a_quorum_counts_for_near_duplicates_too(store: Store) -> None:
    await two_needed(store)
    near = [await waiting(store, words, authors=(f"member-{n}",)) for n, words in enumerate(GULLS[:2])]
    await store.candidates.approve(near[1].id, "mod-2")
    first = await store.candidates.approve_alike(near[0].id, "mod-1")
    assert [one.state for one in first.decided] == [CandidateState.WAITING, CandidateState.APPROVED]
    await refused(store.candidates.approve_alike(near[0].id, "mod-1"), "another moderator")


@pytest.mark.parametrize("decide", ["approve_alike", "reject_alike", "near_duplicates"])
async def test_there_is_nothing_near_an_unknown_candidate(store: Store, decide: str) -> None:
    given = () if decide == "near_duplicates" else ("mod",)
    with pytest.raises(WrongUsage, match="41"):
        await getattr(store.candidates, decide)(41, *given)


async def test_the_same_words_of_another_member_are_another_candidate(store: Store) -> None:
    adas, bobs = await waiting(store), await waiting(store, authors=("bob",))
    assert adas.id != bobs.id
    await store.candidates.approve_alike(adas.id, "mod")
    await store.members.forget("ada")
    assert [one.id for one in await store.candidates.learnable()] == [bobs.id]


async def test_an_undone_decision_is_no_reason_to_retrain(store: Store) -> None:
    await approved(store, example())
    await store.candidates.undo("mod")
    assert await store.candidates.approved_after(0) == 0
    candidate = (await store.candidates.by_state(CandidateState.WAITING))[0]
    await store.candidates.approve(candidate.id, "mod")
    assert await store.candidates.approved_after(0) == 1
    assert [review.decision for review in await store.candidates.reviews(candidate.id)] == [Decision.APPROVE] * 2


async def test_many_are_approved_at_once_as_they_would_be_one_by_one(store: Store) -> None:
    await agreed(store, "ada", "bob", "mod")
    await store.server_settings.set("island", "quorum", 2, "admin")
    await agreed(store, "ada", server="island")
    plain = [await store.candidates.add(example(f"question {number * 7919}")) for number in range(3)]
    near = await store.candidates.add(example("question 0!"))
    own = await store.candidates.add(example("whose is it", authors=("mod",)))
    quorum = await store.candidates.add(example("how many", server="island"))
    decided = await approved(store, example("was it said", authors=("bob",)))
    vouched = await store.candidates.add(example("by whom", source=Source.IMPORT, authors=("cy",)))
    await store.blocks.block(SERVER, "cy", by="admin")
    ids = [one.id for one in (*plain, own, quorum, decided, vouched)]
    before = [await store.review_queue.item(candidate_id) for candidate_id in (*ids[:3], near.id)]

    done = await store.candidates.approve_all([*ids, 999, ids[0]], "mod")

    assert set(done) == set(ids)
    for one in plain:
        assert done[one.id] == await store.candidates.get(one.id)
        assert done[one.id] == replace(one, state=CandidateState.APPROVED)
        assert [review.reviewer_key for review in await store.candidates.reviews(one.id)] == ["mod"]
    assert all(isinstance(done[one.id], Refused) for one in (own, decided, vouched))
    assert done[quorum.id] == quorum, "it waits for a second approval"
    assert not (await store.review_queue.item(near.id)).is_novel
    found = await store.candidates.nearest_approved(SERVER, "question 7919")
    assert found[0].candidate.id == plain[1].id
    for one in plain:
        await store.candidates.undo("mod", candidate_id=one.id)
    assert [await store.review_queue.item(candidate_id) for candidate_id in (*ids[:3], near.id)] == before


async def test_many_are_added_at_once_as_they_would_be_one_by_one(store: Store) -> None:
    await agreed(store, "ada", "bob")
    turn = await say(store, "question 0", author="ada")
    known = await approved(store, example("question 7919"))
    new = [
        example("question 0", turn_ids=(turn.id,), authors=("bob", "ada")),
        example("question 0", turn_ids=(turn.id,), authors=("ada", "bob")),
        example("question 0", authors=("bob",)),
        example("question 7919"),
        example("question 7919!"),
        example("a secret", authors=("cy",)),
        example("gone", turn_ids=(turn.id + 99,)),
        example("vile", verdict=Verdict(Outcome.REFUSE, "", ("toxicity:insult",))),
    ]

    first, again, other, there, near, unasked, gone, vile = await store.candidates.add_all(new)

    assert isinstance(first, Candidate)
    assert isinstance(near, Candidate)
    assert first == again == await store.candidates.get(first.id)
    assert (first.author_keys, first.turn_ids) == (("ada", "bob"), (turn.id,))
    assert isinstance(other, Candidate)
    assert other.id != first.id
    assert there == known
    assert not (await store.review_queue.item(near.id)).is_novel
    assert (await store.review_queue.item(first.id)).near_duplicates == 1
    assert [type(one) for one in (unasked, gone, vile)] == [Refused] * 3
    with pytest.raises(WrongUsage):
        await store.candidates.add_all([example("fine", authors=("ada",)), replace(new[0], messages=())])
    assert (await store.candidates.counts())[CandidateState.WAITING] == 3
