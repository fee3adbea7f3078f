import asyncio

import pytest

from storage.candidates import content_hash
from storage.errors import Refused, WrongUsage
from storage.store import Store
from storage.values import CandidateState, Decision, Message, NewCandidate, Outcome, Role, Source, Verdict
from tests.fakes.clock import FakeClock
from tests.storage.talk import SERVER, agreed, approved, example, passed, say

HELD = Verdict(Outcome.HOLD, "", ("toxicity:insult",))
REFUSED = Verdict(Outcome.REFUSE, "", ("rules:invite",))
IN_DANGER = Verdict(Outcome.HOLD, "", ("crisis:self-harm",), is_crisis=True)


async def test_a_candidate_is_read_back_as_it_was_written(store: Store, clock: FakeClock) -> None:
    await agreed(store, "ada", "bob")
    question, answer = await say(store, "hello"), await say(store, "ahoy", author=None)
    new = NewCandidate(
        messages=(Message(Role.SYSTEM, "be kind"), question.message, answer.message),
        server=SERVER,
        channel="pier",
        source=Source.CORRECTION,
        verdict=HELD,
        author_keys=("bob", "ada", "bob"),
        user_turn_id=question.id,
        assistant_turn_id=answer.id,
    )
    candidate = await store.candidates.add(new)
    assert await store.candidates.get(candidate.id) == candidate
    assert candidate.messages == new.messages
    assert candidate.verdict == HELD
    assert candidate.author_keys == ("ada", "bob")
    assert candidate.turn_ids == (question.id, answer.id)
    assert (candidate.state, candidate.created_at) == (CandidateState.WAITING, clock.now)
    assert candidate.content_hash == content_hash(new.messages)


async def test_the_same_words_in_a_server_are_one_candidate_however_often_they_come(store: Store) -> None:
    await agreed(store, "ada")
    candidates = await asyncio.gather(*(store.candidates.add(example()) for _ in range(10)))
    assert len({candidate.id for candidate in candidates}) == 1


async def test_the_same_words_in_another_server_are_another_candidate(store: Store) -> None:
    await agreed(store, "ada")
    await agreed(store, "ada", server="island")
    here, there = await store.candidates.add(example()), await store.candidates.add(example(server="island"))
    assert here.id != there.id
    assert here.content_hash == there.content_hash


@pytest.mark.parametrize("verdict", [REFUSED, IN_DANGER], ids=["refused", "in danger"])
async def test_words_that_screening_refused_never_become_a_candidate(store: Store, verdict: Verdict) -> None:
    await agreed(store, "ada")
    with pytest.raises(Refused, match=verdict.reasons[0]):
        await store.candidates.add(example(verdict=verdict))
    assert await store.candidates.counts() == dict.fromkeys(CandidateState, 0)


async def test_without_a_yes_nothing_becomes_a_candidate(store: Store) -> None:
    with pytest.raises(Refused, match="not agreed"):
        await store.candidates.add(example())


async def test_one_missing_yes_of_two_is_enough_to_refuse(store: Store) -> None:
    await agreed(store, "ada")
    with pytest.raises(Refused, match="not agreed"):
        await store.candidates.add(example(authors=("ada", "bob")))


async def test_a_yes_in_another_server_does_not_count(store: Store) -> None:
    await agreed(store, "ada", server="island")
    with pytest.raises(Refused, match="not agreed"):
        await store.candidates.add(example())


async def test_a_yes_taken_back_does_not_count(store: Store) -> None:
    await agreed(store, "ada")
    await store.consents.set(SERVER, "ada", allowed=False)
    with pytest.raises(Refused, match="not agreed"):
        await store.candidates.add(example())


async def test_an_import_needs_no_yes_but_heeds_a_no(store: Store) -> None:
    assert (await store.candidates.add(example(source=Source.IMPORT))).state is CandidateState.WAITING
    await store.consents.set(SERVER, "ada", allowed=False)
    with pytest.raises(Refused, match="not agreed"):
        await store.candidates.add(example("else", source=Source.IMPORT))


@pytest.mark.parametrize(
    "messages",
    [(), (Message(Role.USER, "hello"),), (Message(Role.USER, "hello"), Message(Role.ASSISTANT, " \n"))],
    ids=["nothing", "no answer", "an empty answer"],
)
async def test_a_candidate_must_end_with_an_answer(store: Store, messages: tuple[Message, ...]) -> None:
    with pytest.raises(WrongUsage, match="assistant"):
        await store.candidates.add(NewCandidate(messages, SERVER, "pier", Source.IMPORT, passed()))


async def test_an_exchange_whose_message_was_deleted_meanwhile_is_refused(store: Store) -> None:
    await agreed(store, "ada")
    turn = await say(store, "hello", external_id="m-1")
    await store.conversations.delete(SERVER, ["m-1"])
    with pytest.raises(Refused, match="deleted"):
        await store.candidates.add(example(turn_ids=(turn.id,)))


async def test_an_approval_makes_it_learnable_and_leaves_a_trace(store: Store, clock: FakeClock) -> None:
    candidate = await approved(store, example())
    assert candidate.state is CandidateState.APPROVED
    assert await store.candidates.learnable() == [candidate]
    (review,) = await store.candidates.reviews(candidate.id)
    assert (review.decision, review.reviewer_key, review.created_at) == (Decision.APPROVE, "mod", clock.now)
    entry = (await store.audit.latest(limit=1))[0]
    assert (entry.action, entry.actor, entry.subject) == ("approve", "mod", f"candidate {candidate.id}")


async def test_what_was_decided_is_not_approved_again(store: Store) -> None:
    candidate = await approved(store, example())
    with pytest.raises(Refused, match="approved"):
        await store.candidates.approve(candidate.id, "mod")
    await store.candidates.reject(candidate.id, "mod")
    with pytest.raises(Refused, match="rejected"):
        await store.candidates.approve(candidate.id, "mod")
    with pytest.raises(Refused, match="rejected"):
        await store.candidates.edit(candidate.id, "mod", "x", passed("x"))


async def test_two_moderators_at_once_make_one_decision(store: Store) -> None:
    await agreed(store, "ada")
    candidate = await store.candidates.add(example())
    decisions = await asyncio.gather(
        *(store.candidates.approve(candidate.id, f"mod-{n}") for n in range(5)), return_exceptions=True
    )
    assert sum(isinstance(decision, Refused) for decision in decisions) == 4
    assert len(await store.candidates.reviews(candidate.id)) == 1


async def test_consent_is_looked_at_again_when_approving(store: Store) -> None:
    await agreed(store, "ada")
    candidate = await store.candidates.add(example())
    await store.consents.set(SERVER, "ada", allowed=False)
    with pytest.raises(Refused):
        await store.candidates.approve(candidate.id, "mod")


async def test_a_denied_import_is_not_approved(store: Store) -> None:
    candidate = await store.candidates.add(example(source=Source.IMPORT))
    await store.consents.set(SERVER, "ada", allowed=False)
    with pytest.raises(Refused):
        await store.candidates.approve(candidate.id, "mod")


@pytest.mark.parametrize("decide", ["approve", "reject"])
async def test_there_is_nothing_to_decide_about_an_unknown_candidate(store: Store, decide: str) -> None:
    with pytest.raises(WrongUsage, match="41"):
        await getattr(store.candidates, decide)(41, "mod")


async def test_a_better_answer_replaces_the_last_words_as_screened(store: Store) -> None:
    await agreed(store, "ada")
    candidate = await store.candidates.add(example(verdict=HELD))
    edited = await store.candidates.edit(
        candidate.id, "mod", "ask ann@example.org", Verdict(Outcome.PASS, "ask [email]", screen_version="s-3")
    )
    assert edited.messages == (candidate.messages[0], Message(Role.ASSISTANT, "ask [email]"))
    assert edited.state is CandidateState.APPROVED
    assert edited.verdict.screen_version == "s-3"
    assert edited.content_hash == content_hash(edited.messages)
    assert [review.decision for review in await store.candidates.reviews(candidate.id)] == [Decision.EDIT]


@pytest.mark.parametrize("verdict", [REFUSED, IN_DANGER], ids=["refused", "in danger"])
async def test_a_better_answer_that_screening_refuses_changes_nothing(store: Store, verdict: Verdict) -> None:
    await agreed(store, "ada")
    candidate = await store.candidates.add(example())
    with pytest.raises(Refused):
        await store.candidates.edit(candidate.id, "mod", "worse", verdict)
    assert await store.candidates.get(candidate.id) == candidate


async def test_an_empty_better_answer_is_no_answer(store: Store) -> None:
    await agreed(store, "ada")
    candidate = await store.candidates.add(example())
    with pytest.raises(WrongUsage, match="empty"):
        await store.candidates.edit(candidate.id, "mod", " ", passed(""))


async def test_a_better_answer_that_another_candidate_has_is_refused(store: Store) -> None:
    await agreed(store, "ada")
    other = await store.candidates.add(example(answer="in the reeds"))
    candidate = await store.candidates.add(example())
    with pytest.raises(Refused, match=f"Candidate {other.id} "):
        await store.candidates.edit(candidate.id, "mod", "in the reeds", passed("in the reeds"))


async def test_an_approved_candidate_can_be_rejected_later(store: Store) -> None:
    candidate = await approved(store, example())
    rejected = await store.candidates.reject(candidate.id, "mod-2", "out of date")
    assert rejected.state is CandidateState.REJECTED
    assert await store.candidates.learnable() == []
    assert [review.reason for review in await store.candidates.reviews(candidate.id)] == ["", "out of date"]


async def test_a_no_after_the_approval_takes_the_words_out_of_what_is_learnt(store: Store) -> None:
    kept = await approved(store, example("who", authors=("bob",)))
    both = await approved(store, example(authors=("ada", "bob")))
    await store.consents.set(SERVER, "ada", allowed=False)
    assert [candidate.id for candidate in await store.candidates.learnable()] == [kept.id]
    await agreed(store, "ada")
    assert [candidate.id for candidate in await store.candidates.learnable()] == [kept.id, both.id]


async def test_a_no_takes_an_approved_import_out_too(store: Store) -> None:
    candidate = await store.candidates.add(example(source=Source.IMPORT))
    await store.candidates.approve(candidate.id, "mod")
    assert len(await store.candidates.learnable()) == 1
    await store.consents.set(SERVER, "ada", allowed=False)
    assert await store.candidates.learnable() == []


async def test_waiting_and_rejected_words_are_not_learnt(store: Store) -> None:
    await agreed(store, "ada")
    await store.candidates.add(example("a"))
    rejected = await store.candidates.add(example("b"))
    await store.candidates.reject(rejected.id, "mod")
    assert await store.candidates.learnable() == []


async def test_a_denial_rejects_what_waits_and_a_new_yes_lets_the_same_words_wait_again(store: Store) -> None:
    await agreed(store, "ada")
    candidate = await store.candidates.add(example())
    await store.consents.set(SERVER, "ada", allowed=False)
    assert [c.id for c in await store.candidates.by_state(CandidateState.REJECTED)] == [candidate.id]
    await agreed(store, "ada")
    assert await store.candidates.add(example()) == candidate


async def test_words_that_a_moderator_rejected_stay_rejected(store: Store) -> None:
    await agreed(store, "ada")
    candidate = await store.candidates.add(example())
    await store.candidates.reject(candidate.id, "mod")
    assert (await store.candidates.add(example())).state is CandidateState.REJECTED


async def test_lists_are_read_by_key(store: Store) -> None:
    candidates = [await approved(store, example(f"question {n}")) for n in range(5)]
    page = await store.candidates.learnable(limit=2)
    assert page == candidates[:2]
    assert await store.candidates.learnable(after_id=page[-1].id) == candidates[2:]
    assert await store.candidates.by_state(CandidateState.APPROVED, after_id=page[-1].id, limit=1) == [candidates[2]]


async def test_approvals_after_a_review_count_what_a_retrain_would_add(store: Store) -> None:
    assert await store.candidates.newest_review_id() == 0
    await approved(store, example("a"))
    seen = await store.candidates.newest_review_id()
    assert await store.candidates.approved_after(0) == 1
    assert await store.candidates.approved_after(seen) == 0
    taken_back = await approved(store, example("b"))
    await approved(store, example("c"))
    assert await store.candidates.approved_after(seen) == 2
    await store.candidates.reject(taken_back.id, "mod")
    assert await store.candidates.approved_after(seen) == 1


async def test_counts_name_every_state(store: Store) -> None:
    await approved(store, example())
    assert await store.candidates.counts() == {
        CandidateState.WAITING: 0,
        CandidateState.APPROVED: 1,
        CandidateState.REJECTED: 0,
    }


async def test_an_import_learns_which_of_its_rows_are_there(store: Store) -> None:
    known = await store.candidates.add(example(source=Source.IMPORT))
    hashes = [known.content_hash, *(f"{n:064x}" for n in range(2000))]
    assert await store.candidates.known_hashes(SERVER, hashes) == {known.content_hash}
    assert await store.candidates.known_hashes("island", hashes) == set()


def test_a_hash_tells_roles_and_borders_apart() -> None:
    def of(*messages: tuple[Role, str]) -> str:
        return content_hash([Message(role, text) for role, text in messages])

    assert of((Role.USER, "ab")) != of((Role.ASSISTANT, "ab"))
    assert of((Role.USER, "a"), (Role.USER, "b")) != of((Role.USER, "ab"))
    assert of((Role.USER, "\x00\ud800")) == of((Role.USER, "\ufffd\ufffd"))
