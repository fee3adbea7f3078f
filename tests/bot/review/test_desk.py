import asyncio

import pytest

from bot.review.desk import ReviewDesk
from storage.errors import Refused, WrongUsage
from storage.store import Store
from storage.values import Candidate, CandidateState, Decision, Message, NewCandidate, Outcome, Role, Source, Verdict
from tests.fakes.screening import WordScreening

SERVER = "server"


@pytest.fixture
def desk(store: Store) -> ReviewDesk:
    return ReviewDesk(store, WordScreening())


async def waiting_candidate(
    store: Store, text: str = "Hello", *, author: str = "ann", server: str = SERVER
) -> Candidate:
    await store.consents.set(server, author, allowed=True)
    messages = (Message(Role.USER, text), Message(Role.ASSISTANT, f"You said: {text}"))
    verdict = Verdict(Outcome.PASS, messages[-1].text)
    return await store.candidates.add(
        NewCandidate(messages, server, "channel", Source.MESSAGE, verdict, author_keys=(author,))
    )


@pytest.mark.parametrize("decide", ["approve", "edit", "reject"])
async def test_nobody_decides_about_their_own_words(store: Store, desk: ReviewDesk, decide: str) -> None:
    candidate = await waiting_candidate(store, author="ann")
    with pytest.raises(Refused, match="own words"):
        await _decide(desk, decide, candidate.id, "ann")
    assert await store.candidates.reviews(candidate.id) == []


async def test_the_operator_at_the_terminal_may_decide_about_their_own_words(store: Store) -> None:
    desk = ReviewDesk(store, WordScreening(), may_review_own=True)
    candidate = await waiting_candidate(store, author="ann")
    assert (await desk.approve(candidate.id, "ann")).state is CandidateState.APPROVED


@pytest.mark.parametrize("first", ["approve", "edit", "reject"])
@pytest.mark.parametrize("second", ["approve", "edit", "reject"])
async def test_of_two_moderators_only_the_first_decides(
    store: Store, desk: ReviewDesk, first: str, second: str
) -> None:
    candidate = await waiting_candidate(store)
    results = await asyncio.gather(
        _decide(desk, first, candidate.id, "mod1"),
        _decide(desk, second, candidate.id, "mod2"),
        return_exceptions=True,
    )
    assert [isinstance(result, Refused) for result in results].count(True) == 1
    assert len(await store.candidates.reviews(candidate.id)) == 1


async def test_an_approval_after_consent_was_withdrawn_is_refused(store: Store, desk: ReviewDesk) -> None:
    candidate = await waiting_candidate(store)
    await store.consents.set(SERVER, "ann", allowed=False)
    with pytest.raises(Refused):
        await desk.approve(candidate.id, "mod")


@pytest.mark.parametrize("words", ["damn it", "all hopeless", "x" * 5000], ids=["toxic", "crisis", "long"])
async def test_edited_words_are_screened_again(store: Store, desk: ReviewDesk, words: str) -> None:
    candidate = await waiting_candidate(store)
    with pytest.raises(Refused, match=r"toxicity:insult|crisis:self-harm|bounds:too-long"):
        await desk.edit(candidate.id, "mod", words)
    assert [waiting.id for waiting in await desk.waiting()] == [candidate.id]


@pytest.mark.parametrize("words", ["", "  ", "a\0b", "a\ud800"], ids=["empty", "blank", "nul", "surrogate"])
async def test_edited_words_that_cannot_be_read_are_refused(store: Store, desk: ReviewDesk, words: str) -> None:
    candidate = await waiting_candidate(store)
    with pytest.raises(WrongUsage, match="The new reply"):
        await desk.edit(candidate.id, "mod", words)


async def test_an_edit_approves_the_scrubbed_words(store: Store, desk: ReviewDesk) -> None:
    candidate = await waiting_candidate(store)
    edited = await desk.edit(candidate.id, "mod", " Write to ann@example.org ")
    assert (edited.state, edited.messages[-1].text) == (CandidateState.APPROVED, "Write to [email]")
    [review] = await store.candidates.reviews(candidate.id)
    assert (review.decision, review.reviewer_key) == (Decision.EDIT, "mod")


async def test_a_rejected_candidate_leaves_the_queue_with_its_reason(store: Store, desk: ReviewDesk) -> None:
    candidate = await waiting_candidate(store)
    await desk.reject(candidate.id, "mod", "boring")
    assert await desk.waiting() == []
    [review] = await store.candidates.reviews(candidate.id)
    assert (review.decision, review.reason) == (Decision.REJECT, "boring")


async def test_an_unknown_candidate_is_wrong_usage(desk: ReviewDesk) -> None:
    for decide in ("approve", "edit", "reject"):
        with pytest.raises(WrongUsage):
            await _decide(desk, decide, 99, "mod")
    with pytest.raises(WrongUsage):
        await desk.sheet(99)


async def test_the_next_sheet_passes_over_ones_own_words_and_other_servers(store: Store, desk: ReviewDesk) -> None:
    await waiting_candidate(store, "mine", author="mod")
    await waiting_candidate(store, "elsewhere", server="other")
    fitting = await waiting_candidate(store, "fitting")
    sheet = await desk.next("mod", server=SERVER)
    assert sheet is not None
    assert (sheet.candidate.id, sheet.waiting) == (fitting.id, 2)
    assert await desk.next("mod", server=SERVER, after=sheet.item.place) is None


async def test_who_comes_late_is_told_that_it_was_decided_and_not_by_whom(store: Store, desk: ReviewDesk) -> None:
    candidate = await waiting_candidate(store)
    await desk.approve(candidate.id, "mod1")
    with pytest.raises(Refused, match="a moment ago: it is approved") as refused:
        await desk.reject(candidate.id, "mod2")
    assert "mod1" not in str(refused.value)


async def test_other_words_than_those_seen_are_not_decided(store: Store, desk: ReviewDesk) -> None:
    candidate = await waiting_candidate(store)
    for decide in (desk.approve, desk.approve_alike):
        with pytest.raises(Refused, match="edited a moment ago"):
            await decide(candidate.id, "mod", seen="0123456789ab")
    seen = candidate.content_hash[:12]
    assert (await desk.approve(candidate.id, "mod", seen=seen)).state is CandidateState.APPROVED


async def test_an_approved_one_is_rejected_only_by_who_means_it(store: Store, desk: ReviewDesk) -> None:
    candidate = await waiting_candidate(store)
    await desk.approve(candidate.id, "mod")
    with pytest.raises(Refused):
        await desk.reject(candidate.id, "mod")
    rejected = await desk.reject(candidate.id, "mod", only_waiting=False)
    assert rejected.state is CandidateState.REJECTED


async def test_an_undo_is_of_ones_own_last_decision(store: Store, desk: ReviewDesk) -> None:
    candidate = await waiting_candidate(store)
    await desk.reject(candidate.id, "mod1")
    with pytest.raises(Refused):
        await desk.undo("mod2", server=SERVER)
    [undone] = await desk.undo("mod1", server=SERVER)
    assert undone.state is CandidateState.WAITING


async def test_a_block_keeps_out_who_wrote_the_words_and_nobody_blocks_themselves(
    store: Store, desk: ReviewDesk
) -> None:
    candidate = await waiting_candidate(store, author="ann")
    with pytest.raises(Refused, match="own words"):
        await desk.block(candidate.id, "ann")
    with pytest.raises(Refused, match="another server"):
        await desk.block(candidate.id, "mod", server="other")
    await desk.block(candidate.id, "mod", server=SERVER)
    assert await store.blocks.is_blocked(SERVER, "ann")
    assert await desk.waiting() == []
    await desk.unblock(SERVER, "ann", "mod")
    assert not await store.blocks.is_blocked(SERVER, "ann")


@pytest.mark.parametrize("decide", ["approve", "edit", "reject"])
async def test_another_servers_candidate_cannot_be_decided(store: Store, desk: ReviewDesk, decide: str) -> None:
    candidate = await waiting_candidate(store, server="other")
    with pytest.raises(Refused, match="another server"):
        await _decide(desk, decide, candidate.id, "mod", server=SERVER)


async def _decide(desk: ReviewDesk, decide: str, candidate_id: int, who: str, server: str | None = None) -> Candidate:
    if decide == "edit":
        return await desk.edit(candidate_id, who, "Other words", server=server)
    if decide == "approve":
        return await desk.approve(candidate_id, who, server=server)
    return await desk.reject(candidate_id, who, server=server)
