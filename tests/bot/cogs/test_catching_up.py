"""What is said, edited and deleted while the bot is away reaches it when it is back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import discord
import pytest
import simcord

from bot.chat import sentences
from bot.chat.peers import Peers
from bot.cogs import sending, streamed_answer
from bot.cogs.client import MynahBot
from bot.settings import DiscordSettings
from storage.claims import Claim
from storage.governance import BotProcess
from storage.store import Store
from tests.bot.cogs.server import CRISIS_TEXT, Server, make_parts, open_server
from tests.fakes.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    """It shows Discord's time: when Discord's days begin in SimCord."""
    return FakeClock(simcord.Env(discord.Client(intents=discord.Intents.none())).now())


@asynccontextmanager
async def away(server: Server) -> AsyncIterator[None]:
    """The bot hears nothing inside, and is started anew at the end."""
    for cog in ("Conversation", "CatchingUp"):
        await server.env.bot.remove_cog(cog)
    yield
    await server.env.restart_bot(MynahBot(server.parts))
    await server.env.settle()


async def ask_and_kill(server: Server, *pieces: str) -> Any:
    """A message to the bot, which is killed after the first piece of its answer; it hears nothing until it is back."""
    server.engine.pieces = pieces or ("Well. ", "That is all.")
    server.engine.hold.clear()
    asked = await server.ann.send(server.channel, f"{server.me} hello there")
    for cog in ("Conversation", "CatchingUp"):
        await server.env.bot.remove_cog(cog)
    await server.env.settle()
    server.engine.hold.set()
    return asked


def from_bot(server: Server) -> list[discord.Message]:
    """What the bot wrote, oldest first."""
    return [one for one in server.channel.history() if one.author.bot and one not in server.questions()]


def answers_to(server: Server, message: Any, channel: Any = None) -> list[str]:
    """What the bot's messages that answer a message say."""
    return [one.content for one in answers(server, message, channel)]


def answers(server: Server, message: Any, channel: Any = None) -> list[discord.Message]:
    """The bot's messages that answer a message."""
    asked = {question.id for question in server.questions(channel)}
    return [
        one
        for one in (channel or server.channel).history()
        if one.reference is not None and one.reference.message_id == message.id and one.id not in asked
    ]


async def test_who_spoke_meanwhile_is_answered_once(server: Server) -> None:
    async with away(server):
        asked = await server.ann.send(server.channel, f"{server.me} are you there")
        chat = await server.bob.send(server.channel, "hello ann")
    assert answers_to(server, asked) == ["You said: are you there"]
    assert answers_to(server, chat) == []
    async with away(server):
        pass
    assert len(answers_to(server, asked)) == 1


async def test_who_was_answered_already_is_not_answered_again(server: Server) -> None:
    asked = await server.ann.send(server.channel, f"{server.me} hello")
    assert len(answers_to(server, asked)) == 1
    async with away(server):
        pass
    assert len(answers_to(server, asked)) == 1


async def test_a_direct_message_of_somebody_known_is_answered(server: Server) -> None:
    await server.ann.send_dm("hello")
    async with away(server):
        asked = await server.ann.send_dm("are you there")
        await server.bob.send_dm("we never talked")
    assert [text[-1].text for text in server.engine.seen] == ["hello", "are you there"]
    assert asked.id


async def test_what_was_deleted_meanwhile_is_forgotten_and_the_rest_is_kept(server: Server) -> None:
    gone = await server.ann.send(server.channel, f"{server.me} my secret")
    kept = await server.ann.send(server.channel, f"{server.me} no secret")
    async with away(server):
        await server.ann.delete(gone)
    store = server.parts.store.conversations
    assert await store.turn_by_external_id(server.key, str(gone.id)) is None
    turn = await store.turn_by_external_id(server.key, str(kept.id))
    assert turn is not None
    assert [one.text for one in await server.parts.store.conversations.newest(limit=9) if one.text == "no secret"]


async def test_an_answer_that_was_deleted_meanwhile_is_not_given_again(server: Server) -> None:
    asked = await server.ann.send(server.channel, f"{server.me} hello")
    [answer] = answers(server, asked)
    async with away(server):
        await server.moderator.delete(answer)
    assert answers(server, asked) == []
    assert await server.parts.store.conversations.turn_by_external_id(server.key, str(answer.id)) is None


async def test_what_was_edited_meanwhile_is_edited_here(server: Server) -> None:
    said = await server.ann.send(server.channel, f"{server.me} old words")
    async with away(server):
        await server.ann.edit(said, f"{server.me} new words")
    turn = await server.parts.store.conversations.turn_by_external_id(server.key, str(said.id))
    assert turn is not None
    assert turn.text == "new words"


async def test_what_is_too_long_ago_is_left_alone(server: Server, clock: FakeClock) -> None:
    async with away(server):
        asked = await server.ann.send(server.channel, f"{server.me} are you there")
        clock.advance(31 * 60)
    assert answers_to(server, asked) == []


async def test_it_can_be_turned_off(store: Store, clock: FakeClock, tmp_path: Path) -> None:
    settings = DiscordSettings(catch_up_minutes=0)
    async with open_server(store, clock, tmp_path / "home", settings=settings) as server, away(server):
        asked = await server.ann.send(server.channel, f"{server.me} are you there")
    assert answers_to(server, asked) == []


async def test_a_channel_whose_history_is_closed_is_left_alone(server: Server) -> None:
    closed = {server.env.bot.user: discord.PermissionOverwrite(read_message_history=False)}
    channel = server.guild.create_text_channel("closed", overwrites=closed)
    async with away(server):
        asked = await server.ann.send(channel, f"{server.me} are you there")
        heard = await server.ann.send(server.channel, f"{server.me} and here")
    assert answers_to(server, asked, channel) == []
    assert answers_to(server, heard) == ["You said: and here"]


async def test_a_place_that_cannot_be_read_now_does_not_keep_the_others_from_it(server: Server) -> None:
    other = server.guild.create_text_channel("other")
    async with away(server):
        await server.ann.send(server.channel, f"{server.me} are you there")
        heard = await server.ann.send(other, f"{server.me} and here")
        server.env.inject_error("GET", f"/channels/{server.channel.id}/messages", status=403, code=50001)
    assert answers_to(server, heard, other) == ["You said: and here"]


async def test_an_answer_that_was_cut_off_is_made_whole_in_its_place(server: Server) -> None:
    asked = await ask_and_kill(server)
    [half] = answers(server, asked)
    assert half.content == "Well."
    assert not half.components
    async with away(server):
        pass
    [whole] = answers(server, asked)
    assert (whole.id, whole.content) == (half.id, "Well. That is all.")
    assert len(whole.components) == 1
    async with away(server):
        pass
    assert answers_to(server, asked) == ["Well. That is all."]
    assert len(server.engine.seen) == 2


async def test_an_answer_that_was_cut_off_in_its_second_message_is_made_whole(server: Server) -> None:
    asked = await ask_and_kill(server, "word " * 500, "end.")
    others = await server.bob.send(server.channel, "well well")
    server.engine.pieces = ["Short."]
    assert len(from_bot(server)) == 2
    async with away(server):
        pass
    assert answers_to(server, asked) == ["Short."]
    assert [one.content for one in from_bot(server)] == ["Short."]
    assert others.id in {one.id for one in server.channel.history()}


async def test_an_answer_that_was_stored_and_never_shown_whole_is_given_not_made_anew(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.engine.pieces = ["Well. ", "That is all."]

    async def killed(*given: Any, **named: Any) -> bool:
        if named["view"] is not None:
            raise asyncio.CancelledError
        return await sending.revise(*given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(streamed_answer, "revise", killed)
        asked = await server.ann.send(server.channel, f"{server.me} hello there")
    assert not answers(server, asked)[0].components
    server.engine.pieces = ["Something else."]
    async with away(server):
        pass
    [whole] = answers(server, asked)
    assert whole.content == "Well. That is all."
    assert len(whole.components) == 1
    assert len(server.engine.seen) == 1
    turn = await server.parts.store.conversations.turn_by_external_id(server.key, str(whole.id))
    assert turn is not None
    assert turn.text == whole.content


@pytest.mark.parametrize(
    ("said", "reply"),
    [("", sentences.EMPTY), ("damn you", sentences.UNWELCOME), ("it is hopeless", CRISIS_TEXT)],
    ids=["nothing", "unwelcome", "in danger"],
)
async def test_what_is_said_instead_of_an_answer_is_whole(server: Server, said: str, reply: str) -> None:
    asked = await server.ann.send(server.channel, f"{server.me} {said}")
    assert answers_to(server, asked) == [reply]
    async with away(server):
        pass
    assert answers_to(server, asked) == [reply]
    assert await server.parts.store.conversations.count() <= 2


async def test_half_an_answer_to_words_that_were_forgotten_is_left_alone(server: Server) -> None:
    asked = await ask_and_kill(server)
    await server.parts.chat.forget(server.key_of(server.ann))
    async with away(server):
        pass
    assert answers_to(server, asked) == ["Well."]


async def test_who_got_neither_an_answer_nor_an_apology_is_answered_in_the_next_session(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away_too(*_: Any, **__: Any) -> None:
        raise OSError

    with monkeypatch.context() as patched:
        patched.setattr(streamed_answer, "send", away_too)
        asked = await server.ann.send(server.channel, f"{server.me} hello there")
    assert answers(server, asked) == []
    await server.env.bot.get_cog("CatchingUp").catch_up()
    assert answers_to(server, asked) == ["You said: hello there"]


@dataclass(frozen=True)
class Other:
    """Another bot process on the same database, which has a message."""

    name: str
    peers: Peers
    claim: Claim

    async def leave(self, server: Server) -> None:
        """It is gone, and this process hears of that."""
        await server.parts.store.bots.left(self.name)
        self.peers.on_left()


async def claimed_by_another(server: Server, tmp_path: Path, asked: Any) -> Other:
    """Another process has the message, and the bot that is made next knows of it."""
    store, clock, name = server.parts.store, server.parts.clock, "elsewhere/boot:2:bb"
    peers = Peers(store, "elsewhere/boot:1:aa", version=lambda: "v1", shards="", patience_seconds=60)
    await store.bots.seen(name, version="v1", shards="")
    peers.others = [BotProcess(name, "v1", "", clock(), clock())]
    claim = await store.claims.claim(
        server.key,
        str(asked.id),
        channel=str(server.channel.id),
        author_key=server.key_of(server.ann),
        holder=name,
        messages_per_minute=20,
        patience_seconds=60,
    )
    server.parts = make_parts(
        store, clock, tmp_path, server.parts.settings, server.engine, server.screening, peers=peers
    )
    return Other(name, peers, claim)


async def test_half_an_answer_of_another_bot_is_made_whole_once_that_one_is_gone(
    server: Server, tmp_path: Path
) -> None:
    asked = await ask_and_kill(server)
    other = await claimed_by_another(server, tmp_path, asked)
    async with away(server):
        pass
    assert answers_to(server, asked) == ["Well."]  # the other one is at it
    await other.leave(server)
    async with asyncio.timeout(30):
        while answers_to(server, asked) == ["Well."]:
            await asyncio.sleep(0.05)
            await server.env.settle()
    await server.env.settle()
    assert answers_to(server, asked) == ["Well. That is all."]


async def test_what_another_bot_left_unanswered_is_answered_here(server: Server, tmp_path: Path) -> None:
    async with away(server):
        asked = await server.ann.send(server.channel, f"{server.me} are you there")
        other = await claimed_by_another(server, tmp_path, asked)
    assert other.claim is Claim.OURS
    assert answers_to(server, asked) == []  # the other one is about to
    await other.leave(server)
    async with asyncio.timeout(30):
        while not answers_to(server, asked):
            await asyncio.sleep(0.05)
            await server.env.settle()
    assert answers_to(server, asked) == ["You said: are you there"]
