import asyncio

import pytest

from bot.settings import ChatSettings
from storage.store import Store
from storage.values import NewTurn, Outcome, Role, Source, Verdict
from tests.bot.chat.conversing import CHANNEL, SERVER, Chat, HeldEngine
from tests.fakes.clock import FakeClock
from tests.fakes.engine import ScriptedEngine


async def test_a_model_sees_the_last_exchanges_and_then_the_newest_message(store: Store, clock: FakeClock) -> None:
    chat = Chat(store, clock, settings=ChatSettings(history_turns=2))
    for text in ("one", "two", "three"):
        await chat.say(text)
    assert chat.prompt() == ["user: two", "assistant: You said: two", "user: three"]


async def test_the_persona_comes_first(store: Store, clock: FakeClock) -> None:
    chat = Chat(store, clock, settings=ChatSettings(persona="You are a bird.", history_turns=0))
    await chat.say("one")
    await chat.say("two")
    assert chat.prompt() == ["system: You are a bird.", "user: two"]


async def test_channels_do_not_see_each_other(chat: Chat) -> None:
    await chat.say("one", channel="here")
    await chat.say("two", channel="there")
    assert chat.prompt() == ["user: two"]


async def test_refused_questions_and_answers_are_left_out(chat: Chat) -> None:
    await chat.say("damn you")
    await chat.say("it is all hopeless")
    await chat.say("fine")
    assert chat.prompt() == ["user: fine"]


async def test_an_exchange_whose_answer_was_refused_is_left_out(store: Store, clock: FakeClock) -> None:
    chat = Chat(store, clock, ScriptedEngine({"first": "damn"}))
    await chat.say("first")
    await chat.say("again")
    assert chat.prompt() == ["user: again"]


async def test_a_question_that_a_killed_bot_never_answered_does_not_confuse_what_follows(chat: Chat) -> None:
    await chat.say("one")
    conversation = await chat.store.conversations.current(SERVER, CHANNEL)
    passed = Verdict(Outcome.PASS, "lost")
    ann = chat.store.author_key("ann")
    await chat.store.conversations.add_turn(
        NewTurn(conversation.id, Role.USER, "lost", Source.MESSAGE, passed, author_key=ann)
    )
    await chat.say("two")
    assert chat.prompt() == ["user: one", "assistant: You said: one", "user: two"]


async def test_answers_belong_to_their_questions_when_two_people_talk_at_once(store: Store, clock: FakeClock) -> None:
    engine = HeldEngine()
    chat = Chat(store, clock, engine)
    running = [asyncio.create_task(chat.say(f"I am {who}", who)) for who in ("ann", "bob")]
    await engine.has_begun()
    await engine.has_begun()
    engine.hold.set()
    await asyncio.gather(*running)
    await chat.say("next")
    said = chat.prompt()
    assert sorted(said[:4]) == sorted(
        ["user: I am ann", "assistant: You said: I am ann", "user: I am bob", "assistant: You said: I am bob"]
    )
    for question, answer in (said[:2], said[2:4]):
        assert answer == f"assistant: You said: {question.removeprefix('user: ')}"


async def test_after_a_reset_nothing_earlier_is_seen_and_nothing_is_deleted(chat: Chat) -> None:
    await chat.say("one")
    await chat.service.reset(SERVER, CHANNEL)
    await chat.say("two")
    assert chat.prompt() == ["user: two"]
    assert await chat.store.conversations.count() == 4


async def test_an_edited_message_is_seen_with_its_new_words(chat: Chat) -> None:
    await chat.say("one", message="m1")
    assert await chat.service.edited(SERVER, "m1", "uno ann@example.org")
    await chat.say("two")
    assert chat.prompt()[0] == "user: uno [email]"


async def test_a_message_edited_into_a_refused_one_is_no_longer_seen(chat: Chat) -> None:
    await chat.say("one", message="m1")
    assert await chat.service.edited(SERVER, "m1", "damn")
    await chat.say("two")
    assert chat.prompt() == ["user: two"]


async def test_a_deleted_message_is_no_longer_seen(chat: Chat) -> None:
    await chat.say("one", message="m1")
    assert await chat.service.deleted(SERVER, ["m1"]) == 1
    await chat.say("two")
    assert chat.prompt() == ["user: two"]


async def test_a_deleted_answer_is_no_longer_seen(chat: Chat) -> None:
    reply = await chat.say("one", message="m1")
    assert reply.assistant_turn_id is not None
    await chat.service.note_sent(reply.assistant_turn_id, "m2")
    assert await chat.service.deleted(SERVER, ["m2"]) == 1
    await chat.say("two")
    assert chat.prompt() == ["user: two"]


async def test_an_edit_of_a_message_that_was_never_stored_changes_nothing(chat: Chat) -> None:
    assert not await chat.service.edited(SERVER, "m9", "words")
    assert not chat.screening.checked


async def test_an_edit_that_leaves_no_words_deletes_the_row(chat: Chat) -> None:
    await chat.say("one", message="m1")
    assert await chat.service.edited(SERVER, "m1", "  ")
    assert await chat.store.conversations.turn_by_external_id(SERVER, "m1") is None


async def test_an_edit_that_cannot_be_screened_deletes_the_row(chat: Chat) -> None:
    await chat.say("one", message="m1")
    chat.screening.fail_with = RuntimeError("gone")
    assert await chat.service.edited(SERVER, "m1", "words")
    assert await chat.store.conversations.turn_by_external_id(SERVER, "m1") is None


async def test_an_edit_before_the_question_was_stored_is_not_lost(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    current = chat.store.conversations.current

    async def edited_meanwhile(server: str, channel: str) -> object:
        if not chat.engine.seen:
            await chat.service.edited(SERVER, "m1", "new words")
        return await current(server, channel)

    monkeypatch.setattr(chat.store.conversations, "current", edited_meanwhile)
    await chat.say("old words", message="m1")
    await chat.say("two")
    assert chat.prompt()[0] == "user: new words"
