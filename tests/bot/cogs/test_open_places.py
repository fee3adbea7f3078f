"""What everybody of a server may read, and above all what not."""

from typing import Any

import discord
import pytest

from bot.cogs.open_places import is_open
from storage.values import Message, NewCandidate, Outcome, Role, Source, Verdict
from tests.bot.cogs.server import BASE_HASH, Server

HIDDEN = discord.PermissionOverwrite(view_channel=False)
NO_HISTORY = discord.PermissionOverwrite(read_message_history=False)


async def found(server: Server) -> discord.Guild:
    guild: discord.Guild | None = server.env.bot.get_guild(server.guild.id)
    assert guild is not None
    return guild


async def test_a_channel_that_everybody_reads_is_open(server: Server) -> None:
    assert is_open(await found(server), str(server.channel.id))


@pytest.mark.parametrize("overwrite", [HIDDEN, NO_HISTORY], ids=["hidden", "without history"])
async def test_a_channel_that_some_cannot_read_is_not(server: Server, overwrite: discord.PermissionOverwrite) -> None:
    channel = server.guild.create_text_channel("mods", overwrites={server.guild.default_role: overwrite})
    assert not is_open(await found(server), str(channel.id))


@pytest.mark.parametrize("place", ["1", "import:talk.txt", ""], ids=["gone", "an import", "nothing"])
async def test_a_place_that_is_no_channel_is_not(server: Server, place: str) -> None:
    assert not is_open(await found(server), place)


def test_nothing_is_open_without_a_server() -> None:
    assert not is_open(None, "1")


async def asks_after_it_was_taught(server: Server, taught_in: Any, asked_in: Any, *, by_command: bool) -> list[str]:
    """What the model reads when a moderator asks in one channel for what was taught in another."""
    store, author = server.parts.store, server.key_of(server.bob)
    await server.allow(server.bob)
    words = (Message(Role.USER, "when does the harbour open"), Message(Role.ASSISTANT, "At nine."))
    verdict = Verdict(Outcome.PASS, "")
    new = NewCandidate(words, server.key, str(taught_in.id), Source.CORRECTION, verdict, (author,))
    await store.candidates.approve((await store.candidates.add(new)).id, "a moderator")
    await store.recalls.set_measure(BASE_HASH, helps=True, figures={})
    if by_command:
        await server.moderator.slash(asked_in, "chat", message="when will the harbour open")
    else:
        await server.say("when will the harbour open", server.moderator, asked_in)
    return [message.text for message in server.engine.seen[-1]]


@pytest.mark.parametrize("by_command", [False, True], ids=["a message", "/chat"])
async def test_what_was_taught_in_a_hidden_channel_helps_nobody_elsewhere(server: Server, by_command: bool) -> None:
    hidden = server.guild.create_text_channel("mods", overwrites={server.guild.default_role: HIDDEN})
    read = await asks_after_it_was_taught(server, hidden, server.channel, by_command=by_command)
    assert read == ["when will the harbour open"]


@pytest.mark.parametrize("by_command", [False, True], ids=["a message", "/chat"])
async def test_what_was_taught_in_the_open_helps_in_another_channel(server: Server, by_command: bool) -> None:
    other = server.guild.create_text_channel("harbour")
    read = await asks_after_it_was_taught(server, server.channel, other, by_command=by_command)
    assert read == ["when will the harbour open", "At nine.", "when will the harbour open"]
