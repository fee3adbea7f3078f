"""Two bots hear the same message: one answers, and what one lets through counts for the other."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest

from bot.chat import sentences
from bot.chat.peers import Peers
from bot.chat.values import Incoming, Reply, ReplyKind
from storage.claims import Claim
from storage.errors import MynahError
from storage.store import Store
from tests.bot.chat.conversing import Chat
from tests.fakes.clock import FakeClock

NOTES = 0.01


def peers_of(store: Store, name: str) -> Peers:
    return Peers(store, name, version=lambda: "v1", shards="", patience_seconds=60, note_seconds=NOTES)


class Two:
    """Two processes on one store."""

    def __init__(self, store: Store, clock: FakeClock, peers: list[Peers]) -> None:
        self.peers = peers
        self.chats = [Chat(store, clock, peers=one) for one in peers]


@pytest.fixture
async def two(store: Store, clock: FakeClock) -> AsyncIterator[Two]:
    async with AsyncExitStack() as stack:
        peers = [await stack.enter_async_context(peers_of(store, f"elsewhere/boot:{at}:aa")) for at in (1, 2)]
        await until(lambda: all(len(one.others) == 1 for one in peers))
        yield Two(store, clock, peers)


async def until(is_so: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not is_so():  # noqa: ASYNC110 - whatever it is about tells nobody
            await asyncio.sleep(0.01)


async def test_one_of_two_answers_a_message(two: Two, store: Store) -> None:
    replies = await asyncio.gather(*(chat.say("hello", message="m-1") for chat in two.chats))
    assert sorted(reply.kind for reply in replies) == [ReplyKind.ANSWER, ReplyKind.ELSEWHERE]
    assert len(await store.conversations.newest(limit=9)) == 2


async def test_alone_nothing_is_claimed(store: Store, clock: FakeClock) -> None:
    async with peers_of(store, "elsewhere/boot:1:aa") as alone:
        reply = await Chat(store, clock, peers=alone).say("hello", message="m-1")
    assert reply.kind is ReplyKind.ANSWER
    assert await store.claims.count() == 0


async def test_a_member_is_refused_once_for_what_both_let_through(two: Two) -> None:
    for number in range(20):
        reply = await two.chats[number % 2].say("hello", message=f"m-{number}", channel=f"c-{number}")
        assert reply.kind is ReplyKind.ANSWER
    replies = [await chat.say("hello", message="m-20") for chat in two.chats]
    assert [reply.text for reply in replies] == [sentences.TOO_MANY, sentences.ELSEWHERE]


async def test_what_a_bot_left_unanswered_is_anothers(two: Two, store: Store) -> None:
    left = asyncio.Event()
    two.peers[1].on_left = left.set
    two.chats[0].engine.hold.clear()
    answering = asyncio.create_task(two.chats[0].say("hello", message="m-1"))
    await until(lambda: two.chats[0].engine.seen)
    assert (await two.chats[1].say("hello", message="m-1")).kind is ReplyKind.ELSEWHERE
    answering.cancel()
    await asyncio.gather(answering, return_exceptions=True)
    await two.peers[0].__aexit__(None, None, None)
    await asyncio.wait_for(left.wait(), 30)
    assert (await two.chats[1].say("hello", message="m-1")).kind is ReplyKind.ANSWER
    assert [turn.text for turn in await store.conversations.newest(limit=9)].count("hello") == 1


async def test_what_a_bot_stored_and_may_not_have_shown_is_given_by_another(two: Two, store: Store) -> None:
    left = asyncio.Event()
    two.peers[1].on_left = left.set
    first, second = two.chats
    shown = first.service.answer(first.incoming("hello", message="m-1"))
    async for update in shown:
        if update.reply is not None:
            break  # killed with the answer in its hand
    late = replace(second.incoming("hello", message="m-1"), is_late=True)
    assert (await the_end(second, late)).kind is ReplyKind.ELSEWHERE
    await two.peers[0].__aexit__(None, None, None)
    await asyncio.wait_for(left.wait(), 30)
    reply = await the_end(second, late)
    assert (reply.kind, reply.text, reply.assistant_turn_id) == (ReplyKind.ANSWER, "You said: hello", 2)
    assert not second.engine.seen
    await shown.aclose()


async def test_what_arrived_is_nobodys_any_more(two: Two) -> None:
    left = asyncio.Event()
    two.peers[1].on_left = left.set
    await two.chats[0].say("hello", message="m-1")
    await two.peers[0].__aexit__(None, None, None)
    await asyncio.wait_for(left.wait(), 30)
    late = replace(two.chats[1].incoming("hello", message="m-1"), is_late=True)
    two.peers[1].others = two.peers[1].others or [two.peers[0]]  # type: ignore[list-item]  # somebody, or nothing is claimed
    assert (await the_end(two.chats[1], late)).kind is ReplyKind.ELSEWHERE


async def the_end(chat: Chat, incoming: Incoming) -> Reply:
    replies = [update.reply async for update in chat.service.answer(incoming)]
    assert replies[-1] is not None
    return replies[-1]


async def test_who_ends_is_not_there_any_more(store: Store) -> None:
    async with peers_of(store, "elsewhere/boot:1:aa"):
        assert len(await store.bots.there()) == 1
    assert await store.bots.there() == []


async def test_what_was_begun_alone_is_not_anothers_who_comes_meanwhile(store: Store, clock: FakeClock) -> None:
    async with peers_of(store, "elsewhere/boot:1:aa") as first:
        chat = Chat(store, clock, peers=first)
        chat.engine.hold.clear()
        answering = asyncio.create_task(chat.say("hello", message="m-1"))
        await until(lambda: chat.engine.seen)
        async with peers_of(store, "elsewhere/boot:2:bb") as second:
            await until(lambda: first.others and second.others)
            async with asyncio.timeout(30):
                while not await store.claims.count():  # noqa: ASYNC110 - the rows have no event
                    await asyncio.sleep(0.01)
            assert (await Chat(store, clock, peers=second).say("hello", message="m-1")).kind is ReplyKind.ELSEWHERE
            chat.engine.hold.set()
            assert (await answering).kind is ReplyKind.ANSWER
            await first.__aexit__(None, None, None)
            await until(lambda: not second.others)
            assert (await Chat(store, clock, peers=second).say("hello", message="m-1")).kind is ReplyKind.ELSEWHERE


async def test_what_could_not_be_handed_over_is_with_the_next_note(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, failed = store.claims.claim, 0

    async def fail_twice(*args: Any, **kwargs: Any) -> Claim:
        nonlocal failed
        if failed < 2:
            failed += 1
            raise MynahError("The database is away.")
        return await claim(*args, **kwargs)

    monkeypatch.setattr(store.claims, "claim", fail_twice)
    async with peers_of(store, "elsewhere/boot:1:aa") as first:
        chat = Chat(store, clock, peers=first)
        chat.engine.hold.clear()
        answering = asyncio.create_task(chat.say("hello", message="m-1"))
        await until(lambda: chat.engine.seen)
        async with peers_of(store, "elsewhere/boot:2:bb"):
            async with asyncio.timeout(30):
                while not await store.claims.count():  # noqa: ASYNC110 - the rows have no event
                    await asyncio.sleep(0.01)
        chat.engine.hold.set()
        assert (await answering).kind is ReplyKind.ANSWER
    assert failed == 2
