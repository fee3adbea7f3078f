import pytest

from bot.chat import sentences
from bot.chat.servers import Servers
from bot.chat.values import ReplyKind
from bot.settings import ChatSettings
from storage.errors import DatabaseBusy
from storage.store import Store
from tests.bot.chat.conversing import SERVER, Chat
from tests.fakes.screening import WordScreening


async def choose(chat: Chat, name: str, value: object) -> None:
    await chat.store.server_settings.set(SERVER, name, value, "admin")


async def test_a_persona_is_followed_from_the_next_message_on(chat: Chat) -> None:
    await chat.say("one")
    await choose(chat, "persona", "You are a parrot.")
    await chat.say("two")
    assert chat.prompt()[0] == "system: You are a parrot."
    await choose(chat, "persona", "")
    await chat.say("three")
    assert chat.prompt()[0] == "user: one"


async def test_a_server_has_its_own_limit_of_messages(chat: Chat) -> None:
    await choose(chat, "messages_per_minute", 1)
    assert (await chat.say("one")).kind is ReplyKind.ANSWER
    assert (await chat.say("two")).text == sentences.TOO_MANY
    await choose(chat, "messages_per_minute", 2)
    assert (await chat.say("three")).kind is ReplyKind.ANSWER


async def test_a_person_in_danger_gets_the_servers_own_text(chat: Chat) -> None:
    await choose(chat, "crisis_text", "Call the harbour office.")
    assert (await chat.say("it is all hopeless")).text == "Call the harbour office."


async def test_a_server_may_be_stricter_about_what_it_answers(chat: Chat) -> None:
    assert (await chat.say("that is dubious")).kind is ReplyKind.ANSWER
    await choose(chat, "refuse_above", 0.5)
    assert (await chat.say("that is dubious")).text == sentences.UNWELCOME


async def test_a_server_cannot_be_laxer_than_the_process(chat: Chat) -> None:
    await choose(chat, "refuse_above", 1.0)
    assert (await chat.say("damn you")).text == sentences.UNWELCOME


async def test_edited_words_meet_the_servers_figures_too(chat: Chat) -> None:
    await chat.allow("ann")
    await chat.say("fine words", message="m1")
    await choose(chat, "hold_above", 0.0)
    assert await chat.service.edited(SERVER, "m1", "other words")
    turn = await chat.store.conversations.turn_by_external_id(SERVER, "m1")
    assert turn is not None
    assert turn.verdict.reasons == ("toxicity:insult",)


async def test_a_database_that_cannot_be_read_keeps_nobody_in_danger_waiting(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    await choose(chat, "crisis_text", "Call the harbour office.")
    await chat.say("hello")

    async def locked(*_: object) -> object:
        raise DatabaseBusy("The database is locked.")

    monkeypatch.setattr(chat.store.server_settings, "get", locked)
    assert (await chat.say("it is all hopeless")).text == "Call the harbour office."


async def test_choices_are_read_once_a_second(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    now, reads = [0.0], []
    servers = Servers(store, WordScreening(), ChatSettings(), "crisis", lambda _: True, lambda: now[0])
    get = store.server_settings.get

    async def counted(server: str) -> object:
        reads.append(server)
        return await get(server)

    monkeypatch.setattr(store.server_settings, "get", counted)
    await servers.settings(SERVER)
    now[0] = 0.9
    await servers.settings(SERVER)
    assert len(reads) == 1
    await servers.settings("another")
    now[0] = 1.1
    await servers.settings(SERVER)
    servers.changed(SERVER)
    await servers.settings(SERVER)
    assert reads == [SERVER, "another", SERVER, SERVER]
    assert await servers.may_learn(SERVER)
    assert len(reads) == 5, "what may be learnt is never answered from memory"


async def test_what_a_person_says_next_reaches_the_review_queue(chat: Chat) -> None:
    await chat.allow("ann")
    reply = await chat.say("what colour is the sea")
    assert reply.candidate_id is not None
    await chat.say("thanks a lot!")
    item = await chat.store.review_queue.item(reply.candidate_id)
    assert item.feedback == "thanked"


async def test_feedback_that_cannot_be_noted_keeps_no_answer_away(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(chat.store.review_queue, "heard", broken)
    assert (await chat.say("hello")).kind is ReplyKind.ANSWER
