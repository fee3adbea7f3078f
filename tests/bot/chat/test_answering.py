import asyncio
import itertools
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.chat import sentences
from bot.chat.values import ReplyKind
from bot.engine.protocol import EngineBusy, EngineFailed
from bot.settings import ChatSettings, EngineSettings
from storage.errors import DatabaseBusy
from storage.settings import StoreSettings
from storage.store import Store, open_store
from storage.values import Outcome, Role
from tests.bot.chat.conversing import CHANNEL, CRISIS_TEXT, SERVER, Chat, HeldEngine
from tests.fakes.clock import FakeClock
from tests.fakes.engine import ScriptedEngine


async def test_a_message_is_answered_and_both_sides_are_stored(chat: Chat) -> None:
    reply = await chat.say("Hello", message="m1")
    assert (reply.kind, reply.text, reply.model_version) == (ReplyKind.ANSWER, "You said: Hello", chat.engine.version)
    assert reply.user_turn_id is not None
    assert reply.assistant_turn_id is not None
    question = await chat.store.conversations.turn(reply.user_turn_id)
    answer = await chat.store.conversations.turn(reply.assistant_turn_id)
    assert question is not None
    assert answer is not None
    assert (question.role, question.text, question.external_id) == (Role.USER, "Hello", "m1")
    assert (answer.role, answer.text, answer.model_version) == (Role.ASSISTANT, reply.text, chat.engine.version)
    assert answer.reply_to == question.id


async def test_the_question_is_stored_before_the_engine_is_asked(chat: Chat) -> None:
    chat.engine.refuse_with = EngineFailed("no")
    reply = await chat.say("Hello")
    assert reply.user_turn_id is not None
    assert await chat.store.conversations.turn(reply.user_turn_id) is not None


async def test_an_answer_grows_sentence_by_sentence_and_ends_with_the_reply(store: Store, clock: FakeClock) -> None:
    chat = Chat(store, clock, ScriptedEngine({"Hi": "First sentence. Second sentence. Third one."}))
    updates = await chat.updates("Hi")
    texts = [update.text for update in updates]
    assert texts[0] == "First sentence."
    assert texts[-1] == "First sentence. Second sentence. Third one."
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(texts))
    assert [update.reply is not None for update in updates] == [False] * (len(updates) - 1) + [True]


async def test_nothing_is_shown_that_was_not_screened(store: Store, clock: FakeClock) -> None:
    said = "A long walk. Then home again. Then more words without any end " * 5
    chat = Chat(store, clock, ScriptedEngine({"Hi": said}))
    updates = await chat.updates("Hi")
    assert {update.text for update in updates} <= set(chat.screening.checked)


async def test_personal_data_in_an_answer_is_never_shown(store: Store, clock: FakeClock) -> None:
    chat = Chat(store, clock, ScriptedEngine({"Hi": "Write to ann@example.org today. She answers fast."}))
    updates = await chat.updates("Hi")
    assert updates[-1].text == "Write to [email] today. She answers fast."
    assert not any("ann@" in update.text for update in updates)


async def test_a_refused_answer_becomes_a_polite_sentence_and_stops_the_engine(store: Store, clock: FakeClock) -> None:
    engine = ScriptedEngine({"Hi": "You are nice. You are a damn fool. And here is more. And more."})
    chat = Chat(store, clock, engine)
    updates = await chat.updates("Hi")
    assert updates[-1].reply is not None
    assert updates[-1].reply.kind is ReplyKind.REFUSAL
    assert not any("damn" in update.text for update in updates)
    assert len(engine.closed) == 1
    answer = (await store.conversations.history(1, limit=10))[-1]
    assert (answer.text, answer.verdict.outcome) == (sentences.OUTPUT_REFUSED, Outcome.REFUSE)
    assert updates[-1].reply.assistant_turn_id == answer.id, "whoever knows better words can write them"


async def test_a_refused_ending_is_caught_by_the_last_look(store: Store, clock: FakeClock) -> None:
    chat = Chat(store, clock, ScriptedEngine({"Hi": "damn"}))
    reply = await chat.say("Hi")
    assert (reply.kind, reply.text) == (ReplyKind.REFUSAL, sentences.OUTPUT_REFUSED)


async def test_an_answer_too_long_to_be_screened_ends_with_what_was_screened(store: Store, clock: FakeClock) -> None:
    chat = Chat(store, clock, ScriptedEngine({"Hi": "Nice words here. " * 400}))
    reply = await chat.say("Hi")
    assert reply.kind is ReplyKind.ANSWER
    assert 1000 < len(reply.text) <= 4000
    assert reply.assistant_turn_id is not None


@pytest.mark.parametrize(
    "text", ["", "   \n", "\0\0", "\x07", "\u200b\u200b"], ids=["empty", "blank", "nul", "bell", "zero-width"]
)
async def test_a_message_without_words_gets_a_friendly_sentence(chat: Chat, text: str) -> None:
    reply = await chat.say(text)
    assert (reply.kind, reply.text) == (ReplyKind.REFUSAL, sentences.EMPTY)
    assert await chat.store.conversations.count() == 0


async def test_a_message_of_100_000_characters_is_refused_and_not_stored(chat: Chat) -> None:
    reply = await chat.say("x" * 100_000)
    assert (reply.kind, reply.text) == (ReplyKind.REFUSAL, sentences.TOO_LONG)
    assert await chat.store.conversations.count() == 0
    assert not chat.engine.seen


@pytest.mark.parametrize(
    ("text", "seen"),
    [("a\0b", "ab"), ("a\ud800b", "a\ufffdb"), ("\ud83d\ude00", "\U0001f600"), ("a\r\nb", "a\nb"), ("a\x1bb", "ab")],
    ids=["nul", "lone surrogate", "surrogate pair", "line end", "escape"],
)
async def test_characters_that_no_keyboard_makes_are_cleaned_away(chat: Chat, text: str, seen: str) -> None:
    await chat.say(text)
    assert chat.engine.seen[-1][-1].text == seen


async def test_a_toxic_message_is_refused_without_the_engine_and_stored_with_its_verdict(chat: Chat) -> None:
    reply = await chat.say("damn you")
    assert (reply.kind, reply.text) == (ReplyKind.REFUSAL, sentences.UNWELCOME)
    assert not chat.engine.seen
    assert reply.user_turn_id is not None
    turn = await chat.store.conversations.turn(reply.user_turn_id)
    assert turn is not None
    assert turn.verdict.outcome is Outcome.REFUSE


async def test_a_person_in_danger_gets_the_operators_words_and_no_generated_ones(chat: Chat) -> None:
    reply = await chat.say("it is all hopeless")
    assert (reply.kind, reply.text, reply.model_version) == (ReplyKind.CRISIS, CRISIS_TEXT, None)
    assert not chat.engine.seen
    assert await chat.store.conversations.count() == 2


async def test_a_person_in_danger_is_answered_also_while_another_answer_runs(store: Store, clock: FakeClock) -> None:
    engine = HeldEngine()
    chat = Chat(store, clock, engine)
    running = asyncio.create_task(chat.say("tell me a long story"))
    await engine.has_begun()
    assert (await chat.say("it is all hopeless")).kind is ReplyKind.CRISIS
    engine.hold.set()
    assert (await running).kind is ReplyKind.ANSWER


async def test_a_person_in_danger_is_answered_also_when_nothing_can_be_stored(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    _break(monkeypatch, chat, "current", DatabaseBusy("locked"))
    assert (await chat.say("it is all hopeless")).text == CRISIS_TEXT


async def test_private_data_in_a_message_reaches_neither_the_engine_nor_the_store(chat: Chat) -> None:
    reply = await chat.say("I am ann@example.org")
    assert chat.engine.seen[-1][-1].text == "I am [email]"
    assert reply.user_turn_id is not None
    turn = await chat.store.conversations.turn(reply.user_turn_id)
    assert turn is not None
    assert "ann@" not in turn.text


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [(EngineBusy("full"), sentences.BUSY), (EngineFailed("broken"), sentences.TROUBLE)],
    ids=["busy", "failed"],
)
async def test_an_engine_that_does_not_answer_is_apologised_for(
    chat: Chat, failure: EngineBusy | EngineFailed, sentence: str
) -> None:
    chat.engine.refuse_with = failure
    reply = await chat.say("Hello")
    assert (reply.kind, reply.text) == (ReplyKind.APOLOGY, sentence)
    assert (await chat.say("Hello")).kind is ReplyKind.ANSWER


async def test_an_engine_that_explodes_in_mid_answer_is_apologised_for(chat: Chat) -> None:
    chat.engine.fail_with = EngineFailed("CUDA out of memory")
    reply = await chat.say("Hello")
    assert (reply.kind, reply.text) == (ReplyKind.APOLOGY, sentences.TROUBLE)


async def test_a_message_that_the_engine_cannot_read_whole_is_refused(store: Store, clock: FakeClock) -> None:
    chat = Chat(store, clock, ScriptedEngine(max_characters=5))
    reply = await chat.say("far too long")
    assert (reply.kind, reply.text) == (ReplyKind.REFUSAL, sentences.TOO_LONG)


async def test_an_engine_that_never_ends_is_given_up(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.chat.answering._GRACE_SECONDS", 0.0)
    chat = Chat(store, clock, engine_settings=EngineSettings(deadline_seconds=0.05))
    chat.engine.hold.clear()
    reply = await chat.say("two words")
    assert (reply.kind, reply.text) == (ReplyKind.APOLOGY, sentences.OUT_OF_TIME)
    assert len(chat.engine.closed) == 1


async def test_screening_that_fails_is_apologised_for_and_nothing_is_stored(chat: Chat) -> None:
    chat.screening.fail_with = RuntimeError("no checkpoint")
    reply = await chat.say("Hello")
    assert (reply.kind, reply.text) == (ReplyKind.APOLOGY, sentences.TROUBLE)
    assert await chat.store.conversations.count() == 0


async def test_screening_that_fails_on_the_answer_is_apologised_for_and_shows_nothing(
    store: Store, clock: FakeClock
) -> None:
    chat = Chat(store, clock)
    answer_of = chat.engine.answer_to

    def break_screening(messages: object) -> str:
        chat.screening.fail_with = RuntimeError("gone")
        return answer_of(messages)  # type: ignore[arg-type]

    chat.engine.answer_to = break_screening  # type: ignore[method-assign]
    updates = await chat.updates("Hello there. You.")
    assert len(updates) == 1
    assert updates[0].reply is not None
    assert updates[0].reply.kind is ReplyKind.APOLOGY


async def test_a_locked_database_is_apologised_for(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    _break(monkeypatch, chat, "add_turn", DatabaseBusy("locked"))
    reply = await chat.say("Hello")
    assert (reply.kind, reply.text) == (ReplyKind.APOLOGY, sentences.NO_MEMORY)
    assert not chat.engine.seen


async def test_a_database_that_another_process_really_locks_is_apologised_for(
    tmp_path: Path, clock: FakeClock, migrated_home: Path
) -> None:
    home = shutil.copytree(migrated_home, tmp_path / "locked")
    async with open_store(StoreSettings(busy_timeout_seconds=0.1), home, clock=clock) as store:
        chat = Chat(store, clock)
        with closing(sqlite3.connect(home / "mynah.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            reply = await chat.say("Hello")
            other.execute("ROLLBACK")
        assert (reply.kind, reply.text) == (ReplyKind.APOLOGY, sentences.NO_MEMORY)
        assert (await chat.say("Hello")).kind is ReplyKind.ANSWER


async def test_a_database_that_locks_in_mid_answer_does_not_take_the_answer_away(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_turn = chat.store.conversations.add_turn
    answers: list[object] = []

    async def only_questions(new: object) -> object:
        if getattr(new, "role", None) is Role.ASSISTANT:
            answers.append(new)
            raise DatabaseBusy("locked")
        return await add_turn(new)  # type: ignore[arg-type]

    monkeypatch.setattr(chat.store.conversations, "add_turn", only_questions)
    reply = await chat.say("Hello")
    assert (reply.kind, reply.text, reply.assistant_turn_id) == (ReplyKind.ANSWER, "You said: Hello", None)
    assert len(answers) == 1


async def test_one_member_has_one_answer_running_in_a_channel(store: Store, clock: FakeClock) -> None:
    engine = HeldEngine()
    chat = Chat(store, clock, engine)
    running = asyncio.create_task(chat.say("first message"))
    await engine.has_begun()
    second = await chat.say("second message")
    assert (second.kind, second.text) == (ReplyKind.REFUSAL, sentences.STILL_ANSWERING)
    engine.hold.set()
    assert (await running).kind is ReplyKind.ANSWER
    assert (await chat.say("third message")).kind is ReplyKind.ANSWER


async def test_others_are_answered_in_the_same_channel_at_the_same_time(store: Store, clock: FakeClock) -> None:
    engine = HeldEngine()
    chat = Chat(store, clock, engine)
    running = [asyncio.create_task(chat.say("hello you", who)) for who in ("ann", "bob")]
    await engine.has_begun()
    await engine.has_begun()
    engine.hold.set()
    assert [(await task).kind for task in running] == [ReplyKind.ANSWER] * 2


async def test_a_member_over_the_limit_is_told_so_until_the_minute_is_over(store: Store, clock: FakeClock) -> None:
    chat = Chat(store, clock, settings=ChatSettings(messages_per_minute=2))
    kinds = [(await chat.say("Hello", channel=channel)).kind for channel in ("one", "two", "three")]
    assert kinds == [ReplyKind.ANSWER, ReplyKind.ANSWER, ReplyKind.REFUSAL]
    assert (await chat.say("Hello", "bob")).kind is ReplyKind.ANSWER
    clock.advance(61)
    assert (await chat.say("Hello")).kind is ReplyKind.ANSWER


async def test_stopping_ends_an_answer_with_what_it_has(store: Store, clock: FakeClock) -> None:
    engine = HeldEngine()
    chat = Chat(store, clock, engine)
    running = asyncio.create_task(chat.say("one two three"))
    await engine.has_begun()
    assert not chat.service.stop(SERVER, CHANNEL, chat.store.author_key("bob"))
    assert chat.service.stop(SERVER, CHANNEL, chat.store.author_key("ann"))
    reply = await running
    assert (reply.kind, reply.text) == (ReplyKind.STOPPED, "You")
    assert not chat.service.stop(SERVER, CHANNEL)


async def test_stopping_works_before_the_engine_was_asked(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    history = chat.store.conversations.history

    async def stopped_meanwhile(conversation_id: int, *, limit: int) -> object:
        chat.service.stop(SERVER, CHANNEL)
        return await history(conversation_id, limit=limit)

    monkeypatch.setattr(chat.store.conversations, "history", stopped_meanwhile)
    reply = await chat.say("Hello")
    assert (reply.kind, reply.text) == (ReplyKind.STOPPED, sentences.STOPPED)
    assert not chat.engine.seen


async def test_closing_the_stream_closes_the_engines_stream_and_frees_the_member(
    store: Store, clock: FakeClock
) -> None:
    chat = Chat(store, clock, ScriptedEngine({"Hi": "One sentence. Two sentences. Three sentences."}))
    stream = chat.service.answer(chat.incoming("Hi"))
    await anext(stream)
    await stream.aclose()
    assert len(chat.engine.closed) == 1
    assert (await chat.say("Hi")).kind is ReplyKind.ANSWER


@pytest.mark.parametrize("said", ["  ", "\u200b"], ids=["blank", "zero-width"])
async def test_an_answer_without_words_is_not_sent_empty(store: Store, clock: FakeClock, said: str) -> None:
    chat = Chat(store, clock, ScriptedEngine({"Hi": said}))
    reply = await chat.say("Hi")
    assert (reply.kind, reply.text) == (ReplyKind.APOLOGY, sentences.NO_WORDS)


def _break(monkeypatch: pytest.MonkeyPatch, chat: Chat, method: str, error: Exception) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(chat.store.conversations, method, fail)
