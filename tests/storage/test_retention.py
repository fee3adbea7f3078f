"""Talk goes by its age; what people chose to keep stays, and can still be taken back."""

from datetime import datetime, timedelta

import pytest

from storage.governance import Purged
from storage.store import Store
from storage.values import Candidate, CandidateState
from tests.fakes.clock import FakeClock
from tests.storage.talk import SERVER, agreed, approved, example, passed, say

MONTH = timedelta(days=30)


async def old_talk(store: Store, clock: FakeClock) -> tuple[Candidate, Candidate, datetime]:
    """A question, its answer and a vote; one candidate approved, one waiting; a month ago."""
    question = await say(store, "hello", external_id="m-1")
    answer = await say(store, "ahoy", author=None, reply_to=question.id, external_id="m-2")
    await store.votes.cast(answer.id, "bob", 1)
    kept = await approved(store, example("kept", turn_ids=(question.id, answer.id)))
    waits = await store.candidates.add(example("waits", turn_ids=(question.id, answer.id)))
    clock.now += MONTH
    await say(store, "and now", external_id="m-3")
    return kept, waits, clock.now - timedelta(days=1)


async def test_old_talk_goes_and_approved_examples_stay(store: Store, clock: FakeClock) -> None:
    kept, waits, limit = await old_talk(store, clock)
    assert await store.retention.purge("island", older_than=limit) == Purged(0, 0, 0)
    assert await store.retention.purge(SERVER, older_than=limit) == Purged(turns=2, candidates=1, votes=1)
    assert await store.conversations.count() == 1
    assert [one.id for one in await store.candidates.learnable()] == [kept.id]
    assert await store.candidates.get(waits.id) is None
    assert await store.retention.purge(SERVER, older_than=limit) == Purged(0, 0, 0)
    (entry,) = await store.audit.latest(action="purge")
    assert (entry.actor, entry.server, entry.details["turns"]) == ("retention", SERVER, 2)


async def test_approved_examples_go_too_when_asked(store: Store, clock: FakeClock) -> None:
    _, _, limit = await old_talk(store, clock)
    assert (await store.retention.purge(SERVER, older_than=limit, also_approved=True)).candidates == 2
    assert await store.candidates.learnable() == []


@pytest.mark.parametrize("how", ["delete question", "delete answer", "edit", "edit seen by nobody", "forget", "deny"])
async def test_what_stays_can_still_be_taken_back(store: Store, clock: FakeClock, how: str) -> None:
    _, _, limit = await old_talk(store, clock)
    await store.retention.purge(SERVER, older_than=limit)
    if how == "delete question":
        await store.conversations.delete(SERVER, ["m-1"])
    elif how == "delete answer":
        await store.conversations.delete(SERVER, ["m-2"])
    elif how == "edit":
        assert await store.conversations.edited_long_ago(SERVER, "m-1") == 1
        assert await store.conversations.edited_long_ago(SERVER, "m-1") == 0
    elif how == "edit seen by nobody":
        assert not await store.conversations.edit("island", "m-1", "other words", passed())
        assert len(await store.candidates.learnable()) == 1
        await store.conversations.edited_long_ago(SERVER, "m-1")
    elif how == "forget":
        await store.members.forget("ada")
    else:
        await store.consents.set(SERVER, "ada", allowed=False)
    assert await store.candidates.learnable() == []


async def test_forgetting_finds_a_purged_question_also_by_its_answer_or_as_context(
    store: Store, clock: FakeClock
) -> None:
    question = await say(store, "hello", author="ada")
    answer = await say(store, "ahoy ada", author=None, reply_to=question.id)
    quoting = await approved(store, example("quoted", authors=("bob",), turn_ids=(question.id,)))
    repeating = await approved(store, example("repeated", authors=("bob",), turn_ids=(answer.id,)))
    clock.now += MONTH
    await store.retention.purge(SERVER, older_than=clock.now)
    assert [one.id for one in await store.candidates.learnable()] == [quoting.id, repeating.id]
    assert (await store.members.forget("ada")).candidates == 2
    assert await store.candidates.learnable() == []


async def test_an_answer_to_a_purged_question_goes_with_it(store: Store, clock: FakeClock) -> None:
    question = await say(store, "hello")
    clock.now += MONTH
    await say(store, "ahoy ada", author=None, reply_to=question.id)
    assert (await store.retention.purge(SERVER, older_than=clock.now)).turns == 2
    assert await store.conversations.count() == 0


async def test_old_examples_without_messages_go_unless_they_are_approved(store: Store, clock: FakeClock) -> None:
    kept = await approved(store, example("kept"))
    await store.candidates.add(example("waits"))
    rejected = await store.candidates.add(example("rejected"))
    await store.candidates.reject(rejected.id, "mod")
    clock.now += MONTH
    await agreed(store, "bob")
    new = await store.candidates.add(example("new", authors=("bob",)))
    assert await store.retention.purge(SERVER, older_than=clock.now) == Purged(0, 2, 0)
    assert [one.id for one in await store.candidates.by_state(CandidateState.WAITING)] == [new.id]
    assert [one.id for one in await store.candidates.learnable()] == [kept.id]


async def test_more_than_a_handful_goes_too(store: Store, clock: FakeClock) -> None:
    for n in range(5):
        for _ in range(60):
            await say(store, "hello", channel=f"channel-{n}")
        await store.conversations.reset(SERVER, f"channel-{n}")
    clock.now += MONTH
    assert (await store.retention.purge(SERVER, older_than=clock.now)).turns == 300


async def test_only_servers_that_limit_the_age_of_talk_are_due(store: Store, clock: FakeClock) -> None:
    await say(store, "hello")
    assert await store.retention.due(clock.now) == []
    await store.server_settings.set("island", "retention_days", 30, "admin")
    assert await store.retention.due(clock.now) == [("island", clock.now - MONTH)]
