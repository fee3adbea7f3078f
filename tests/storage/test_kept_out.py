"""A message that somebody asked not to be learnt makes no example, whatever becomes of its row."""

import pytest

from storage.errors import Refused
from storage.kept_out import KEPT_OUT
from storage.store import Store
from storage.values import Candidate, CandidateState, NewCandidate, Outcome, Snapshot, Turn
from tests.fakes.clock import FakeClock
from tests.storage.talk import SERVER, agreed, approved, example, passed, say


async def refuses(store: Store, new: NewCandidate) -> bool:
    await agreed(store, *new.author_keys)
    with pytest.raises(Refused, match="asked me not to learn"):
        await store.candidates.add(new)
    return await left(store) == []


async def left(store: Store) -> list[Candidate]:
    return [one for state in CandidateState for one in await store.candidates.by_state(state)]


def is_kept_out(turn: Turn | None) -> bool:
    assert turn is not None
    return turn.verdict.outcome is Outcome.REFUSE and KEPT_OUT in turn.verdict.reasons


async def test_what_was_made_from_a_message_is_dropped_also_where_it_is_only_context(store: Store) -> None:
    kept = await say(store, "my secret plan", external_id="m-1")
    other = await say(store, "hello", external_id="m-2")
    await approved(store, example("hello", turn_ids=(kept.id, other.id)))
    await agreed(store, "ada")
    await store.candidates.add(example("my secret plan", turn_ids=(kept.id,)))
    await store.kept_out.mark(SERVER, ["m-1"], "mod")
    assert await left(store) == []
    assert is_kept_out(await store.conversations.turn(kept.id))
    assert not KEPT_OUT in (await store.conversations.turn(other.id)).verdict.reasons  # type: ignore[union-attr]


async def test_it_holds_after_the_message_is_edited(store: Store) -> None:
    turn = await say(store, "my secret plan", external_id="m-1")
    await store.kept_out.mark(SERVER, ["m-1"], "ada")
    await store.conversations.edit(SERVER, "m-1", "my other plan", passed("my other plan"))
    assert is_kept_out(await store.conversations.turn(turn.id))
    assert await refuses(store, example("my other plan", turn_ids=(turn.id,)))


async def test_it_holds_for_a_message_that_has_no_row_yet(store: Store) -> None:
    await store.kept_out.mark(SERVER, ["m-1"], "ada")
    turn = await say(store, "my secret plan", external_id="m-1")
    assert is_kept_out(turn)
    assert is_kept_out(await store.conversations.turn(turn.id))
    assert await refuses(store, example("my secret plan", turn_ids=(turn.id,)))


async def test_it_holds_when_the_row_is_deleted_and_written_again(store: Store) -> None:
    await say(store, "my secret plan", external_id="m-1")
    await store.kept_out.mark(SERVER, ["m-1"], "ada")
    await store.conversations.delete(SERVER, ["m-1"])
    turn = await say(store, "my secret plan", external_id="m-1")
    assert is_kept_out(turn)
    assert await refuses(store, example(turn_ids=(turn.id,)))


async def test_it_holds_when_the_row_is_deleted_by_its_age_and_taught_again(store: Store, clock: FakeClock) -> None:
    turn = await say(store, "my secret plan", external_id="m-1")
    await approved(store, example(turn_ids=(turn.id,)))
    clock.advance(60)
    await store.retention.purge(SERVER, older_than=clock.now)
    assert len(await left(store)) == 1, "an approved example outlives its turn"
    await store.kept_out.mark(SERVER, ["m-1"], "ada")
    assert await left(store) == []
    again = await say(store, "my secret plan", external_id="m-1")
    assert await refuses(store, example(turn_ids=(again.id,)))


async def test_with_an_answer_goes_the_question_that_it_answers(store: Store) -> None:
    question = await say(store, "my secret plan", external_id="m-1")
    answer = await say(store, "a good plan", author=None, external_id="m-2", reply_to=question.id)
    await store.kept_out.mark(SERVER, ["m-2"], "mod")
    assert is_kept_out(await store.conversations.turn(question.id))
    assert await refuses(store, example(turn_ids=(question.id,)))
    assert await refuses(store, example(turn_ids=(answer.id,)))


async def test_an_answer_that_was_marked_while_it_was_sent_leaves_no_example(store: Store) -> None:
    question = await say(store, "my secret plan", external_id="m-1")
    answer = await say(store, "a good plan", author=None, reply_to=question.id)
    await store.kept_out.mark(SERVER, ["m-2"], "mod")
    await agreed(store, "ada")
    await store.candidates.add(example(turn_ids=(question.id, answer.id)))
    await store.conversations.set_external_id(answer.id, "m-2")
    assert await left(store) == []
    assert is_kept_out(await store.conversations.turn(question.id))
    assert await refuses(store, example(turn_ids=(question.id,)))


async def test_what_was_said_by_a_command_and_is_no_message_is_kept_out_by_its_turn(store: Store) -> None:
    turn = await say(store, "my secret plan")
    await store.kept_out.mark(SERVER, [], "ada", turn_ids=[turn.id])
    assert is_kept_out(await store.conversations.turn(turn.id))
    assert await refuses(store, example(turn_ids=(turn.id,)))


async def test_a_mark_is_of_one_server(store: Store) -> None:
    await store.kept_out.mark(SERVER, ["m-1"], "ada")
    turn = await say(store, "hello", server="island", external_id="m-1")
    await agreed(store, "ada", server="island")
    made = await store.candidates.add(example("hello", server="island", turn_ids=(turn.id,)))
    assert [one.id for one in await left(store)] == [made.id]
    assert await store.kept_out.among("island", ["m-1"]) == set()


async def test_marking_twice_changes_nothing_and_who_asked_is_in_the_audit_log(store: Store) -> None:
    turn = await say(store, "my secret plan", external_id="m-1")
    for _ in range(2):
        await store.kept_out.mark(SERVER, ["m-1", "m-1"], "mod")
    newest, before = await store.audit.latest(action="keep out")
    assert (newest.actor, newest.subject, newest.server) == ("mod", f"turn {turn.id}", SERVER)
    assert "secret" not in str((newest, before))


async def test_a_later_candidate_of_the_same_words_from_another_message_is_not_touched(store: Store) -> None:
    await say(store, "hello", external_id="m-1")
    await store.kept_out.mark(SERVER, ["m-1"], "ada")
    other = await say(store, "hello", external_id="m-2")
    await agreed(store, "ada")
    made = await store.candidates.add(example("hello", turn_ids=(other.id,)))
    assert [one.id for one in await left(store)] == [made.id]


async def test_a_snapshot_that_had_it_is_incomplete(store: Store, clock: FakeClock) -> None:
    turn = await say(store, "my secret plan", external_id="m-1")
    candidate = await approved(store, example(turn_ids=(turn.id,)))
    await store.snapshots.add(Snapshot("s", "f", 1, 0, clock.now), [candidate.id])
    assert await store.snapshots.incomplete() == []
    await store.kept_out.mark(SERVER, ["m-1"], "ada")
    assert await store.snapshots.incomplete() == ["s"]
