import asyncio
from pathlib import Path

import pytest

from storage.errors import WrongUsage
from storage.settings import StoreSettings
from storage.store import Store, open_store
from storage.values import NewTurn, Outcome, Role, Source, Verdict
from tests.fakes.clock import FakeClock
from tests.storage.talk import CHANNEL, SERVER, agreed, approved, example, passed, say


async def test_a_turn_is_read_back_as_it_was_written(store: Store, clock: FakeClock) -> None:
    conversation = await store.conversations.current(SERVER, CHANNEL)
    verdict = Verdict(
        Outcome.HOLD,
        "call [phone]",
        reasons=("personal-data:phone",),
        scores={"insult": 0.25},
        screen_version="s-2",
        blocks_reply=True,
        is_crisis=True,
    )
    question = await say(store, "hello")
    clock.advance(5)
    written = await store.conversations.add_turn(
        NewTurn(
            conversation.id,
            Role.ASSISTANT,
            "ahoy",
            Source.SLASH,
            verdict,
            None,
            "m-1",
            "abcd",
            1.5,
            reply_to=question.id,
        )
    )
    assert await store.conversations.turn(written.id) == written
    assert (written.verdict, written.created_at, written.reply_to) == (verdict, clock.now, question.id)
    assert (written.text, written.source, written.model_version, written.latency_seconds) == (
        "ahoy",
        Source.SLASH,
        "abcd",
        1.5,
    )


async def test_a_message_delivered_twice_is_one_turn(store: Store) -> None:
    first = await say(store, "hello", external_id="m-1")
    again = await say(store, "hello again", external_id="m-1")
    assert again == first
    assert await store.conversations.count() == 1


async def test_a_message_delivered_twice_at_once_is_one_turn(store: Store) -> None:
    turns = await asyncio.gather(*(say(store, "hello", external_id="m-1") for _ in range(20)))
    assert len({turn.id for turn in turns}) == 1


async def test_two_turns_without_a_message_id_are_two_turns(store: Store) -> None:
    assert (await say(store, "hello")).id != (await say(store, "hello")).id


async def test_the_same_message_id_in_another_server_is_another_turn(store: Store) -> None:
    here = await say(store, "hello", external_id="m-1")
    there = await say(store, "hello", external_id="m-1", server="island")
    assert here.id != there.id


async def test_a_turn_needs_a_conversation(store: Store) -> None:
    with pytest.raises(WrongUsage, match="conversation 77"):
        await store.conversations.add_turn(NewTurn(77, Role.USER, "x", Source.MESSAGE, passed()))


async def test_an_answer_to_a_deleted_question_is_kept(store: Store) -> None:
    answer = await say(store, "ahoy", author=None, reply_to=12345)
    assert answer.reply_to is None


async def test_a_channel_has_one_open_conversation_however_many_ask(store: Store) -> None:
    opened = await asyncio.gather(*(store.conversations.current(SERVER, CHANNEL) for _ in range(20)))
    assert len({conversation.id for conversation in opened}) == 1
    assert await store.conversations.conversation(opened[0].id) == opened[0]


async def test_a_reset_starts_a_new_conversation_and_deletes_nothing(store: Store) -> None:
    before = await say(store, "hello")
    await store.conversations.reset(SERVER, CHANNEL)
    after = await say(store, "hello")
    assert after.conversation_id != before.conversation_id
    assert await store.conversations.count() == 2


async def test_the_newest_answer_to_a_question_is_found(store: Store) -> None:
    question, other = await say(store, "hello"), await say(store, "bye")
    assert await store.conversations.answer_to(question.id) is None
    for text, asked in (("ahoy", question), ("hi", question), ("see you", other)):
        turn = NewTurn(question.conversation_id, Role.ASSISTANT, text, Source.MESSAGE, passed(text), reply_to=asked.id)
        await store.conversations.add_turn(turn)
    answer = await store.conversations.answer_to(question.id)
    assert answer is not None
    assert answer.text == "hi"


async def test_the_newest_turns_are_of_all_conversations_newest_first(store: Store) -> None:
    first = await say(store, "one")
    second = await say(store, "two", channel="quay")
    third = await say(store, "three", author=None)
    assert await store.conversations.newest(limit=2) == [third, second]
    assert await store.conversations.newest(limit=9) == [third, second, first]
    assert await store.conversations.newest(limit=0) == []


async def test_history_is_the_newest_turns_oldest_first(store: Store) -> None:
    turns = [await say(store, f"turn {n}") for n in range(5)]
    await say(store, "elsewhere", channel="market")
    assert await store.conversations.history(turns[0].conversation_id, limit=3) == turns[2:]
    assert await store.conversations.history(turns[0].conversation_id, limit=0) == []


async def test_an_exchange_ends_with_its_answer(store: Store) -> None:
    turns = [await say(store, f"turn {n}") for n in range(4)]
    answer = await say(store, "yes", author=None)
    await say(store, "later")
    assert await store.conversations.exchange_before(answer.id, limit=3) == [*turns[2:], answer]
    assert await store.conversations.exchange_before(999, limit=3) == []


async def test_an_answer_gets_the_id_of_the_message_it_was_sent_as(store: Store) -> None:
    answer = await say(store, "ahoy", author=None)
    await store.conversations.set_external_id(answer.id, "m-9")
    found = await store.conversations.turn_by_external_id(SERVER, "m-9")
    assert found is not None
    assert found.id == answer.id
    assert await store.conversations.turn_by_external_id("island", "m-9") is None


async def test_two_answers_cannot_be_one_message(store: Store) -> None:
    await say(store, "ahoy", author=None, external_id="m-9")
    other = await say(store, "hey", author=None)
    with pytest.raises(WrongUsage, match="m-9"):
        await store.conversations.set_external_id(other.id, "m-9")


async def test_an_edited_message_changes_its_text_and_drops_its_candidates(store: Store) -> None:
    question = await say(store, "where", external_id="m-1")
    kept = await approved(store, example("other"))
    dropped = await approved(store, example(turn_ids=(question.id,)))
    assert await store.conversations.edit(SERVER, "m-1", "where to", passed("where to"))
    turn = await store.conversations.turn(question.id)
    assert turn is not None
    assert (turn.text, turn.verdict) == ("where to", passed("where to"))
    assert await store.candidates.get(dropped.id) is None
    assert [candidate.id for candidate in await store.candidates.learnable()] == [kept.id]


async def test_an_edit_of_an_unknown_message_says_so(store: Store) -> None:
    assert not await store.conversations.edit(SERVER, "m-1", "x", passed())


async def test_an_answer_of_the_bot_is_not_edited_by_people(store: Store) -> None:
    await say(store, "ahoy", author=None, external_id="m-1")
    assert not await store.conversations.edit(SERVER, "m-1", "x", passed())


async def test_deleted_messages_take_their_candidates_along_also_where_they_are_context(store: Store) -> None:
    await agreed(store, "ada")
    context = await say(store, "long ago", external_id="m-1")
    question = await say(store, "where", external_id="m-2")
    await store.candidates.add(example(turn_ids=(context.id, question.id)))
    other = await store.candidates.add(example("who", turn_ids=(question.id,)))
    assert await store.conversations.delete(SERVER, ["m-1", "unknown"]) == 1
    assert await store.conversations.turn(context.id) is None
    assert [c.id for c in await store.candidates.by_state(other.state)] == [other.id]
    assert await store.conversations.delete(SERVER, ["m-1"]) == 0


async def test_messages_are_deleted_in_their_own_server_only(store: Store) -> None:
    await say(store, "hello", external_id="m-1")
    assert await store.conversations.delete("island", ["m-1"]) == 0


async def test_deleting_more_messages_than_a_statement_takes_works(store: Store) -> None:
    await say(store, "hello", external_id="m-1")
    assert await store.conversations.delete(SERVER, [f"x{n}" for n in range(40_000)] + ["m-1"]) == 1


async def test_text_that_no_database_takes_is_stored_alike_everywhere(store: Store) -> None:
    turn = await say(store, "a\x00b\ud800c", external_id="m\x00\udfff")
    assert turn.text == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c"
    read = await store.conversations.turn(turn.id)
    assert read == turn
    found = await store.conversations.turn_by_external_id(SERVER, "m\x00\udfff")
    assert found == read


async def test_a_hundred_thousand_characters_are_stored_whole(store: Store) -> None:
    turn = await say(store, "ä🙂" * 50_000)
    read = await store.conversations.turn(turn.id)
    assert read is not None
    assert read.text == "ä🙂" * 50_000


async def test_ids_of_deleted_rows_are_never_used_again(store: Store) -> None:
    gone = await say(store, "hello", external_id="m-1")
    await store.conversations.delete(SERVER, ["m-1"])
    assert (await say(store, "hello")).id > gone.id


async def test_rows_are_there_after_a_restart(
    settings: StoreSettings, store: Store, tmp_path: Path, clock: FakeClock
) -> None:
    turn = await say(store, "hello")
    async with open_store(settings, tmp_path / "home", clock=clock) as again:
        assert await again.conversations.turn(turn.id) == turn


async def test_what_was_said_in_a_channel_lately_is_listed_with_its_reset_conversations(
    store: Store, clock: FakeClock
) -> None:
    await say(store, "long ago", external_id="m-1")
    clock.advance(3600)
    since = clock.now
    await say(store, "before the reset", external_id="m-2")
    await store.conversations.reset(SERVER, CHANNEL)
    await say(store, "after it", external_id="m-3")
    await say(store, "nobody's message")
    await say(store, "elsewhere", channel="another", external_id="m-4")
    await say(store, "in another server", server="another", external_id="m-5")
    assert await store.conversations.messages(SERVER, CHANNEL, since=since) == ["m-2", "m-3"]
    assert await store.conversations.channels(SERVER, since=since) == ["another", CHANNEL]
    assert await store.conversations.channels(SERVER, since=clock.now.replace(year=2030)) == []
