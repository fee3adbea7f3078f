"""What helps an answer before it is trained in, and above all what does not."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime

import pytest

from bot.chat.values import Reply
from bot.settings import ChatSettings
from storage.errors import DatabaseBusy
from storage.recalls import Recalls
from storage.store import Store
from storage.values import Candidate, ModelVersion, Snapshot
from tests.bot.chat.conversing import CHANNEL, SERVER, Chat
from tests.fakes.clock import FakeClock
from tests.storage.talk import approved, example

TAUGHT = "when does the harbour open"
REPLY = "The harbour opens at nine."
ASKED = "when will the harbour open"
HELPED = [f"user: {ASKED}", f"assistant: {REPLY}", f"user: {ASKED}"]
PLAIN = [f"user: {ASKED}"]
BASE = "b" * 64


def chat_with(store: Store, clock: FakeClock, **settings: object) -> Chat:
    return Chat(store, clock, settings=ChatSettings.model_validate({"recall": "on", **settings}))


@pytest.fixture
def chat(store: Store, clock: FakeClock) -> Chat:
    return chat_with(store, clock)


async def taught(
    store: Store, *, server: str = SERVER, channel: str = CHANNEL, author: str = "ada", reply: str = REPLY
) -> Candidate:
    new = replace(example(TAUGHT, reply, authors=(author,), server=server), channel=channel)
    return await approved(store, new)


async def trained(store: Store, version: str, candidate_id: int, at: datetime, *, train_examples: int = 1) -> None:
    """A version of whose snapshot a candidate is; with no row learnt it was only held out."""
    await store.snapshots.add(Snapshot("s", "s", train_examples, 1 - train_examples, at), [candidate_id])
    await store.aliases.add_version(ModelVersion(version, version * 4, "full", None, None, "s", None, at))


async def test_an_approved_exchange_helps_at_once(chat: Chat) -> None:
    candidate = await taught(chat.store)
    reply = await chat.say(ASKED)
    assert chat.prompt() == HELPED
    assert reply.user_turn_id is not None
    helped = await chat.store.recalls.behind(SERVER, reply.user_turn_id)
    assert ([one.id for one in helped.candidates], helped.not_shown) == ([candidate.id], 0)


async def test_it_stands_right_before_the_question_and_after_the_history(chat: Chat) -> None:
    await taught(chat.store)
    await chat.say("hello")
    await chat.say(ASKED)
    assert chat.prompt() == ["user: hello", "assistant: You said: hello", *HELPED]


async def test_small_talk_is_left_alone(chat: Chat) -> None:
    await taught(chat.store)
    reply = await chat.say("when are you happy")
    assert chat.prompt() == ["user: when are you happy"]
    assert await chat.store.recalls.helped([reply.user_turn_id or 0]) == set()


async def opts_out(store: Store, _: Candidate) -> None:
    await store.consents.set(SERVER, "ada", allowed=False)


async def is_forgotten(store: Store, _: Candidate) -> None:
    await store.members.forget("ada")


async def is_blocked(store: Store, _: Candidate) -> None:
    await store.blocks.block(SERVER, "ada", by="mod")


async def is_rejected(store: Store, candidate: Candidate) -> None:
    await store.candidates.reject(candidate.id, "mod")


async def is_undone(store: Store, _: Candidate) -> None:
    await store.candidates.undo("mod", server=SERVER)


async def learning_is_off(store: Store, _: Candidate) -> None:
    await store.server_settings.turn_learning_off(SERVER, "admin")


async def its_source_is_not_wanted(store: Store, _: Candidate) -> None:
    await store.server_settings.set(SERVER, "sources", ["slash"], "admin")


TAKEN_BACK = [opts_out, is_forgotten, is_blocked, is_rejected, is_undone, learning_is_off, its_source_is_not_wanted]


@pytest.mark.parametrize("take_back", TAKEN_BACK)
async def test_what_was_taken_back_helps_no_more_nor_do_the_answers_that_it_helped(
    chat: Chat, take_back: Callable[[Store, Candidate], Awaitable[None]]
) -> None:
    candidate = await taught(chat.store)
    reply = await chat.say(ASKED)
    assert chat.prompt() == HELPED
    await take_back(chat.store, candidate)
    await chat.say(ASKED)
    assert chat.prompt() == PLAIN
    assert reply.user_turn_id is not None
    helped = await chat.store.recalls.behind(SERVER, reply.user_turn_id)
    assert (helped.candidates, helped.not_shown) == ((), 1)


async def test_nothing_of_another_server_helps(chat: Chat) -> None:
    await chat.store.server_settings.turn_learning_on("elsewhere", "admin")
    await taught(chat.store, server="elsewhere")
    await chat.say(ASKED)
    assert chat.prompt() == PLAIN


async def test_nothing_helps_where_the_operator_has_not_confirmed(chat: Chat) -> None:
    await taught(chat.store)
    chat.learning_servers.clear()
    await chat.say(ASKED)
    assert chat.prompt() == PLAIN


async def test_what_waits_for_review_does_not_help(chat: Chat) -> None:
    await chat.store.consents.set(SERVER, "ada", allowed=True)
    await chat.store.candidates.add(replace(example(TAUGHT, REPLY, server=SERVER), channel=CHANNEL))
    await chat.say(ASKED)
    assert chat.prompt() == PLAIN


async def test_what_the_answering_version_has_learnt_is_not_recalled(chat: Chat, clock: FakeClock) -> None:
    candidate = await taught(chat.store)
    await trained(chat.store, chat.engine.version, candidate.id, clock.now)
    await chat.say(ASKED)
    assert chat.prompt() == PLAIN


async def test_what_was_only_held_out_or_learnt_by_another_version_still_helps(chat: Chat, clock: FakeClock) -> None:
    candidate = await taught(chat.store)
    await trained(chat.store, chat.engine.version, candidate.id, clock.now, train_examples=0)
    await chat.say(ASKED)
    assert chat.prompt() == HELPED
    await chat.engine.swap("cccccccccccccccc")
    await chat.say(ASKED, "bob", channel=CHANNEL)
    assert chat.prompt()[-3:] == HELPED


async def ask_where(chat: Chat, channel: str, *open_places: str) -> Reply | None:
    """Ask in a channel of a server where some channels are open to everybody."""
    incoming = replace(chat.incoming(ASKED, channel=channel), is_open=lambda place: place in open_places)
    return [update async for update in chat.service.answer(incoming)][-1].reply


async def test_what_was_said_in_a_private_place_helps_only_there(chat: Chat) -> None:
    await taught(chat.store, channel="mods")
    await ask_where(chat, "lobby", "lobby")
    assert chat.prompt() == PLAIN
    await ask_where(chat, "mods", "lobby")
    assert chat.prompt() == HELPED


async def test_what_was_said_in_the_open_helps_everywhere(chat: Chat) -> None:
    await taught(chat.store, channel="lobby")
    await ask_where(chat, "mods", "lobby")
    assert chat.prompt() == HELPED


async def test_what_is_over_the_budget_is_left_out_whole(store: Store, clock: FakeClock) -> None:
    await taught(store)
    needed = -(-len(ASKED + REPLY) // 3) + 16
    for tokens, expected in ((needed - 1, PLAIN), (needed, HELPED)):
        chat = chat_with(store, clock, recall_tokens=tokens)
        await chat.say(ASKED, channel=f"{tokens}")
        assert chat.prompt() == PLAIN  # another channel, and nobody said that it is open
        await ask_where(chat, f"{tokens}-open", CHANNEL)
        assert chat.prompt() == expected


async def test_words_that_screening_refuses_by_now_do_not_help(chat: Chat) -> None:
    await taught(chat.store, reply="The damn harbour opens at nine.")
    await chat.say(ASKED)
    assert chat.prompt() == PLAIN


async def test_an_answer_that_was_helped_is_no_candidate_and_no_context_of_one(chat: Chat) -> None:
    await taught(chat.store)
    await chat.allow("ann")
    helped = await chat.say(ASKED)
    assert helped.candidate_id is None
    await chat.say("what is a gull")
    [candidate] = await chat.candidates()
    assert [message.text for message in candidate.messages] == ["what is a gull", "You said: what is a gull"]


@pytest.mark.parametrize("setting", ["off", "auto"])
async def test_nothing_is_recalled_where_it_is_off_or_was_not_measured(
    store: Store, clock: FakeClock, setting: str
) -> None:
    chat = chat_with(store, clock, recall=setting)
    await taught(store)
    await chat.say(ASKED)
    assert chat.prompt() == PLAIN


@pytest.mark.parametrize(
    ("base", "helps", "expected"), [(BASE, True, HELPED), (BASE, False, PLAIN), ("c", True, PLAIN)]
)
async def test_auto_goes_by_the_measurement_of_the_base(
    store: Store, clock: FakeClock, base: str, helps: bool, expected: list[str]
) -> None:
    chat = Chat(store, clock, base_hash=BASE)
    await taught(store)
    await store.recalls.set_measure(base, helps=not helps, figures={})
    await store.recalls.set_measure(base, helps=helps, figures={"questions": 1})
    await chat.say(ASKED)
    assert chat.prompt() == expected


async def test_an_answer_is_given_without_help_when_the_search_fails(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise DatabaseBusy("held")

    await taught(chat.store)
    monkeypatch.setattr(Recalls, "find", fail)
    assert (await chat.say(ASKED)).text == f"You said: {ASKED}"
    assert chat.prompt() == PLAIN
