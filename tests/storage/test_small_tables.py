"""Votes, snapshots, consents and the audit log."""

import pytest

from storage.errors import WrongUsage
from storage.store import Store
from storage.values import Snapshot
from tests.fakes.clock import FakeClock
from tests.storage.talk import SERVER, agreed, say


async def test_a_member_has_one_vote_on_an_answer_and_may_change_it(store: Store) -> None:
    answer = await say(store, "ahoy", author=None)
    await store.votes.cast(answer.id, "ada", 1)
    await store.votes.cast(answer.id, "ada", 1)
    await store.votes.cast(answer.id, "bob", 1)
    assert await store.votes.tally(answer.id) == (2, 0)
    await store.votes.cast(answer.id, "ada", -1)
    assert await store.votes.tally(answer.id) == (1, 1)
    await store.votes.withdraw(answer.id, "ada")
    assert await store.votes.tally(answer.id) == (1, 0)


async def test_withdrawing_no_vote_is_fine(store: Store) -> None:
    await store.votes.withdraw(1, "ada")
    assert await store.votes.tally(1) == (0, 0)


@pytest.mark.parametrize("value", [0, 2, -2])
async def test_a_vote_is_up_or_down(store: Store, value: int) -> None:
    answer = await say(store, "ahoy", author=None)
    with pytest.raises(WrongUsage, match=str(value)):
        await store.votes.cast(answer.id, "ada", value)


async def test_there_is_no_vote_on_a_deleted_answer(store: Store) -> None:
    with pytest.raises(WrongUsage, match="turn 9"):
        await store.votes.cast(9, "ada", 1)


async def test_votes_go_with_their_answer(store: Store) -> None:
    answer = await say(store, "ahoy", author=None, external_id="m-1")
    await store.votes.cast(answer.id, "ada", 1)
    await store.conversations.delete(SERVER, ["m-1"])
    assert await store.votes.tally(answer.id) == (0, 0)


async def test_consent_is_absent_until_given_and_per_server(store: Store) -> None:
    assert await store.consents.get(SERVER, "ada") is None
    await store.consents.set(SERVER, "ada", allowed=True)
    assert await store.consents.get(SERVER, "ada") is True
    assert await store.consents.get("island", "ada") is None
    await store.consents.set(SERVER, "ada", allowed=False)
    assert await store.consents.get(SERVER, "ada") is False


async def test_all_must_have_said_yes(store: Store) -> None:
    await agreed(store, "ada", "bob")
    await store.consents.set(SERVER, "eve", allowed=False)
    assert await store.consents.all_allow(SERVER, [])
    assert await store.consents.all_allow(SERVER, ["ada", "bob", "ada"])
    assert not await store.consents.all_allow(SERVER, ["ada", "eve"])
    assert not await store.consents.all_allow(SERVER, ["ada", "never asked"])
    assert not await store.consents.all_allow("island", ["ada"])


async def test_every_decision_about_consent_is_in_the_audit_log(store: Store) -> None:
    await store.consents.set(SERVER, "ada", allowed=True)
    await store.consents.set(SERVER, "ada", allowed=False)
    entries = [(entry.action, entry.actor, entry.details["allowed"]) for entry in await store.audit.latest()]
    assert entries == [("consent", "ada", False), ("consent", "ada", True)]


async def test_a_snapshot_is_written_once_with_its_candidates_in_order(store: Store, clock: FakeClock) -> None:
    snapshot = Snapshot("s", "snapshots/s", 2, 1, clock.now)
    await store.snapshots.add(snapshot, [7, 3, 5])
    await store.snapshots.add(Snapshot("s", "elsewhere", 9, 9, clock.now), [1])
    assert await store.snapshots.get("s") == snapshot
    assert await store.snapshots.candidate_ids("s") == [7, 3, 5]
    assert await store.snapshots.get("t") is None


async def test_audit_entries_come_newest_first_with_their_details(store: Store, clock: FakeClock) -> None:
    await store.audit.record("admin", "config", "cron", {"to": "0 5 * * *", "n": 3})
    clock.advance(1)
    await store.audit.record("admin", "learning", "on")
    newest, oldest = await store.audit.latest()
    assert (newest.subject, newest.details, newest.created_at) == ("on", {}, clock.now)
    assert oldest.details == {"to": "0 5 * * *", "n": 3}
    assert len(await store.audit.latest(limit=1)) == 1
