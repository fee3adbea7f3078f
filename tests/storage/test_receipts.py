"""What a member is shown, given, and promised when they are forgotten."""

from dataclasses import replace

from storage.governance import CanaryOutcome, MemberVote
from storage.store import Store
from storage.values import CandidateState, Message, ModelVersion, NewCandidate, Role, Snapshot, Source
from tests.fakes.clock import FakeClock
from tests.storage.talk import SERVER, agreed, approved, example, passed, say


async def champion_from(store: Store, clock: FakeClock, name: str, ids: list[int], *, promote: bool = True) -> None:
    await store.snapshots.add(Snapshot(f"s-{name}", f"snapshots/{name}", len(ids), 0, clock.now), ids)
    clock.advance(1)
    await store.aliases.add_version(ModelVersion(name, name * 8, "full", None, None, f"s-{name}", None, clock.now))
    if promote:
        await store.aliases.promote(name, actor="trainer", reason="better")


async def learnt_from_ada(store: Store, clock: FakeClock) -> int:
    """A champion that has learnt from Ada and Bob; gives Bob's candidate."""
    adas = await approved(store, example())
    bobs = await approved(store, example("who", authors=("bob",)))
    await champion_from(store, clock, "v1", [adas.id, bobs.id])
    return bobs.id


async def test_a_receipt_is_open_until_a_clean_version_answers(store: Store, clock: FakeClock) -> None:
    bobs = await learnt_from_ada(store, clock)
    removed = await store.members.forget("ada", notify_id="4711")
    (receipt,) = await store.receipts.open()
    assert (receipt.id, receipt.versions, receipt.candidates, receipt.server) == (removed.id, ("v1",), 1, "*")
    assert (receipt.notify_id, receipt.clean_at) == ("4711", None)
    assert await store.receipts.settle() == []
    await champion_from(store, clock, "v2", [bobs])
    (settled,) = await store.receipts.settle()
    assert (settled.clean_version, settled.clean_at) == ("v2", clock.now)
    assert await store.receipts.open() == []
    assert await store.receipts.to_tell() == [settled]
    await store.receipts.told(settled.id)
    assert await store.receipts.to_tell() == []
    told = await store.receipts.get(settled.id)
    assert told is not None
    assert (told.notify_id, told.told_at) == (None, clock.now)
    assert await store.receipts.of("ada") == [told]


async def test_a_canary_with_the_words_keeps_a_receipt_open(store: Store, clock: FakeClock) -> None:
    bobs = await learnt_from_ada(store, clock)
    await champion_from(store, clock, "v2", [bobs])
    canary = await store.canaries.start("v1", 0.5, actor="admin")
    await store.members.forget("ada", notify_id="4711")
    assert len(await store.receipts.open()) == 1
    await store.canaries.end(canary.id, CanaryOutcome.STOPPED, actor="admin")
    assert [receipt.clean_version for receipt in await store.receipts.settle()] == ["v2"]


async def test_who_was_never_learnt_from_is_told_at_once_and_their_address_is_not_kept(
    store: Store, clock: FakeClock
) -> None:
    await say(store, "hello")
    removed = await store.members.forget("ada", notify_id="4711")
    (receipt,) = await store.receipts.of("ada")
    assert (receipt.id, receipt.notify_id, receipt.clean_at, receipt.clean_version) == (
        removed.id,
        None,
        clock.now,
        None,
    )
    assert await store.receipts.to_tell() == []


async def test_another_servers_words_do_not_hold_up_a_receipt(store: Store, clock: FakeClock) -> None:
    candidate = await approved(store, example(server="island"))
    await champion_from(store, clock, "v1", [candidate.id])
    await store.members.forget("ada", server=SERVER, notify_id="4711")
    assert await store.receipts.open() == []


async def test_words_said_after_a_new_yes_do_not_break_the_promise(store: Store, clock: FakeClock) -> None:
    bobs = await learnt_from_ada(store, clock)
    await store.members.forget("ada", notify_id="4711")
    again = await approved(store, example("something new"))
    await champion_from(store, clock, "v2", [bobs, again.id])
    assert [receipt.clean_version for receipt in await store.receipts.settle()] == ["v2"]


async def test_a_version_says_how_many_promises_it_would_break(store: Store, clock: FakeClock) -> None:
    bobs = await learnt_from_ada(store, clock)
    assert await store.receipts.naming("v1") == 0
    await champion_from(store, clock, "v2", [bobs])
    await store.members.forget("ada")
    assert await store.receipts.naming("v1") == 1
    assert await store.receipts.naming("v2") == 0


async def test_forgetting_reaches_what_is_kept_about_a_member(store: Store) -> None:
    await store.first_contacts.claim(SERVER, "ada")
    await store.blocks.block(SERVER, "ada", by="mod", reason="said rude things")
    await store.members.forget("ada", server="island")
    assert await store.first_contacts.asked_at(SERVER, "ada") is not None
    await store.members.forget("ada")
    assert await store.first_contacts.asked_at(SERVER, "ada") is None
    (block,) = await store.blocks.history("ada")
    assert (block.reason, block.lifted_at) == ("", None), "a block cannot be shaken off"


async def test_a_summary_counts_what_there_is(store: Store, clock: FakeClock) -> None:
    question = await say(store, "hello")
    await store.votes.cast((await say(store, "ahoy", author=None)).id, "ada", 1)
    candidate = await approved(store, example(turn_ids=(question.id,)))
    await champion_from(store, clock, "v1", [candidate.id])
    summary = await store.members.summary("ada", server=SERVER)
    assert (summary.allowed, summary.is_blocked, summary.turns, summary.votes) == (True, False, 1, 1)
    assert summary.candidates[CandidateState.APPROVED] == 1
    assert summary.versions == ("v1",)
    nothing = await store.members.summary("ada", server="island")
    assert (nothing.allowed, nothing.turns, nothing.votes, nothing.versions) == (None, 0, 0, ())
    await store.members.forget("ada")
    gone = await store.members.summary("ada", server=SERVER)
    assert (gone.allowed, gone.turns, gone.votes) == (False, 0, 0)
    assert set(gone.candidates.values()) == {0}


async def test_an_export_has_everything_of_a_member_and_nothing_that_others_said(store: Store) -> None:
    hers = await say(store, "hello, I am Ada")
    his = await say(store, "and I am Bob", author="bob")
    answer = await say(store, "ahoy", author=None)
    await store.votes.cast(answer.id, "ada", -1)
    await store.blocks.block("island", "ada", by="mod")
    await agreed(store, "ada", "bob")
    both = await store.candidates.add(
        NewCandidate(
            (hers.message, Message(Role.ASSISTANT, "hi"), his.message, answer.message),
            SERVER,
            "pier",
            Source.MESSAGE,
            passed(),
            ("ada", "bob"),
            turn_ids=(hers.id, his.id, answer.id),
        )
    )
    alone = await store.candidates.add(example())
    export = await store.members.export("ada")
    assert [turn.text for turn in export.turns] == ["hello, I am Ada"]
    assert export.channels == {hers.conversation_id: f"{SERVER}/pier"}
    assert [(one.candidate_id, one.texts) for one in export.examples] == [
        (both.id, ("hello, I am Ada",)),
        (alone.id, ("where do gulls sleep", "on the water")),
    ]
    assert [(vote.turn_id, vote.value) for vote in export.votes] == [(answer.id, -1)]
    assert isinstance(export.votes[0], MemberVote)
    assert [consent.allowed for consent in export.consents] == [True]
    assert [block.server for block in export.blocks] == ["island"]
    assert "Bob" not in str(export)
    elsewhere = await store.members.export("ada", server="island")
    assert (elsewhere.turns, elsewhere.examples, elsewhere.votes, len(elsewhere.blocks)) == ((), (), (), 1)
    await store.members.forget("ada")
    left = await store.members.export("ada")
    assert (left.turns, left.examples, left.votes, left.channels) == ((), (), (), {})
    assert [receipt.turns for receipt in left.receipts] == [1]


async def test_votes_stand_behind_the_version_that_learnt_from_their_answers(store: Store, clock: FakeClock) -> None:
    first, second = [await say(store, text, author=None) for text in ("ahoy", "aye")]
    await agreed(store, "cy")
    made = [
        await store.candidates.approve(
            (await store.candidates.add(replace(example(text, authors=("cy",)), assistant_turn_id=turn.id))).id, "mod"
        )
        for text, turn in (("a", first), ("b", second))
    ]
    for turn, member in ((first, "ada"), (second, "ada"), (second, "bob")):
        await store.votes.cast(turn.id, member, 1)
    await champion_from(store, clock, "v1", [made[1].id])
    await champion_from(store, clock, "v2", [one.id for one in made])
    assert await store.votes.behind("ada", "v1") == 1
    assert await store.votes.behind_all("v2") == {"ada": 2, "bob": 1}
    assert await store.votes.behind("ada", "v2", server="island") == 0
    assert await store.votes.behind("eve", "v2") == 0
    assert await store.votes.of(first.id, "ada") == 1
    assert await store.votes.of(first.id, "bob") is None


async def test_a_snapshot_whose_words_come_back_from_others_is_theirs_and_still_names_who_was_in_it(
    store: Store, clock: FakeClock
) -> None:
    theirs = await approved(store, example())
    await store.snapshots.add(Snapshot("s", "f", 1, 0, clock.now), [theirs.id])
    await store.aliases.add_version(ModelVersion("v", "v" * 16, "full", None, None, "s", None, clock.now))
    await store.members.forget("ada")
    assert await store.snapshots.incomplete() == ["s"]
    same_words = await approved(store, example(authors=("bob",)))
    await store.snapshots.add(Snapshot("s", "f", 1, 0, clock.now), [same_words.id])
    assert await store.snapshots.incomplete() == []
    assert await store.snapshots.candidate_ids("s") == [same_words.id]
    assert (await store.members.forget("ada")).versions == ("v",)
    assert (await store.members.forget("bob")).versions == ("v",)
    assert await store.snapshots.incomplete() == ["s"]


async def test_a_snapshot_that_is_whole_keeps_its_lineage(store: Store, clock: FakeClock) -> None:
    first, other = await approved(store, example()), await approved(store, example(authors=("bob",)))
    for ids in ([first.id], [other.id], [99]):
        await store.snapshots.add(Snapshot("s", "f", 1, 0, clock.now), ids)
    assert await store.snapshots.candidate_ids("s") == [first.id]
    assert await store.snapshots.incomplete() == []
