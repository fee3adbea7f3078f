from pathlib import Path
from typing import Any

import discord
import pytest

from bot.cogs.client import MynahBot
from storage.store import Store
from storage.values import Message as Words
from storage.values import ModelVersion, NewCandidate, Outcome, Role, Snapshot, Source, Verdict
from tests.bot.cogs.server import Server, open_server
from tests.fakes.clock import FakeClock

MENU = "Why this answer?"
VERSION = "0123456789abcdef"


def read(result: Any) -> discord.Embed:
    [embed] = (result.response or result.followups[-1]).embeds
    return embed  # type: ignore[no-any-return]


def refusal(result: Any) -> str:
    return str((result.response or result.followups[-1]).content)


async def example(server: Server, place: str, question: str, *, channel: str | None = None) -> int:
    """An approved exchange of a server."""
    words = (Words(Role.USER, question), Words(Role.ASSISTANT, "The harbour opens at nine."))
    where = str(server.channel.id) if channel is None else channel
    author = server.parts.store.author_key("someone")
    await server.parts.store.consents.set(place, author, allowed=True)
    new = NewCandidate(words, place, where, Source.MESSAGE, Verdict(Outcome.PASS, question), (author,))
    candidate = await server.parts.store.candidates.add(new)
    await server.parts.store.candidates.approve(candidate.id, "a moderator")
    return candidate.id


async def trained_on(server: Server, *candidate_ids: int) -> None:
    """A version with these examples answers."""
    store, now = server.parts.store, server.parts.clock()
    await store.snapshots.add(Snapshot("f" * 64, "snapshot", len(candidate_ids), 0, now), list(candidate_ids))
    await store.aliases.add_version(ModelVersion(VERSION, VERSION * 4, "adapter", None, None, "f" * 64, None, now))
    await server.engine.swap(VERSION)


@pytest.fixture
async def taught(server: Server) -> Server:
    """A server whose version has learnt an example from the channel where everybody is."""
    here = await example(server, server.key, "when does the harbour open")
    await trained_on(server, here)
    await server.say("tell me when the harbour will open")
    return server


async def test_why_tells_the_version_the_snapshot_and_the_nearest_examples_in_private(taught: Server) -> None:
    result = await taught.ann.slash(taught.channel, "why")
    assert result.ephemeral
    embed = read(result)
    assert VERSION in str(embed.description)
    assert "f" * 16 in str(embed.description)
    assert "Trained <t:" in str(embed.description)
    [field] = embed.fields
    assert "when does the harbour open" in str(field.value)


async def test_the_menu_of_a_message_tells_the_same_to_anybody_who_sees_it(taught: Server) -> None:
    result = await taught.bob.context_menu(taught.channel, MENU, taught.last())
    assert result.ephemeral
    assert VERSION in str(read(result).description)
    assert len(read(result).fields) == 1


async def test_the_menu_works_after_a_restart(taught: Server) -> None:
    answer = taught.last()
    await taught.env.restart_bot(MynahBot(taught.parts))
    assert VERSION in str(read(await taught.ann.context_menu(taught.channel, MENU, answer)).description)


async def test_nothing_of_another_server_is_shown(server: Server) -> None:
    elsewhere = await example(server, "999", "when does the harbour open")
    await trained_on(server, elsewhere)
    await server.say("tell me when the harbour will open")
    embed = read(await server.moderator.context_menu(server.channel, MENU, server.last()))
    assert not embed.fields
    assert "harbour" not in str(embed.to_dict())


async def test_examples_from_a_channel_that_the_member_cannot_read_are_hidden(server: Server) -> None:
    hide = {server.guild.default_role: discord.PermissionOverwrite(view_channel=False)}
    show = {server.moderators: discord.PermissionOverwrite(view_channel=True)}
    secret = server.guild.create_text_channel("mods", overwrites={**hide, **show})
    await trained_on(server, await example(server, server.key, "when does the harbour open", channel=str(secret.id)))
    await server.say("tell me when the harbour will open")
    embed = read(await server.ann.slash(server.channel, "why"))
    assert not embed.fields
    assert "1 near ones are from channels that you cannot read" in str(embed.footer.text)
    assert len(read(await server.moderator.context_menu(server.channel, MENU, server.last())).fields) == 1


async def test_a_place_that_is_no_channel_any_more_is_hidden(server: Server) -> None:
    await trained_on(server, await example(server, server.key, "when does the harbour open", channel="import:talk.txt"))
    await server.say("tell me when the harbour will open")
    assert not read(await server.ann.slash(server.channel, "why")).fields


async def test_a_base_model_has_learnt_nothing_here(server: Server) -> None:
    now = server.parts.clock()
    await server.parts.store.aliases.add_version(
        ModelVersion(VERSION, VERSION * 4, "full", None, None, None, None, now)
    )
    await server.engine.swap(VERSION)
    await server.say("hello")
    assert "base model" in str(read(await server.ann.slash(server.channel, "why")).description)


async def test_a_version_that_is_gone_is_admitted(server: Server) -> None:
    await server.say("hello")
    assert "no longer in the registry" in str(read(await server.ann.slash(server.channel, "why")).description)


async def test_who_was_not_answered_here_is_told_how_to_ask(server: Server) -> None:
    server.expects_errors = True
    await server.say("hello")
    assert "not answered you here" in refusal(await server.bob.slash(server.channel, "why"))


async def test_messages_that_are_no_answers_are_refused(server: Server) -> None:
    server.expects_errors = True
    question = await server.ann.send(server.channel, f"{server.me} hello")
    assert "not an answer of mine" in refusal(await server.ann.context_menu(server.channel, MENU, question))
    [asked] = server.questions()
    assert "know nothing" in refusal(await server.ann.context_menu(server.channel, MENU, asked))


async def test_direct_messages_show_no_examples(store: Store, clock: FakeClock, tmp_path: Path) -> None:
    async with open_server(store, clock, tmp_path / "home") as server:
        await trained_on(server, await example(server, "dm", "when does the harbour open"))
        user = server.env.create_user("carl")
        await user.send_dm("tell me when the harbour will open")
        embed = read(await user.slash("why"))
        assert not embed.fields
        assert "Nothing is learnt from direct messages" in str(embed.footer.text)


async def test_long_examples_stay_within_discords_limits(server: Server) -> None:
    ids = [await example(server, server.key, f"when does the harbour open {'*so* ' * 700}{n}") for n in range(5)]
    await trained_on(server, *ids)
    await server.say("tell me when the harbour will open")
    embed = read(await server.ann.slash(server.channel, "why"))
    assert len(embed.fields) == 3
    assert all(len(str(field.value)) <= 1024 for field in embed.fields)
    assert len(embed) <= 6000


async def recalled(server: Server, channel: discord.abc.GuildChannel) -> int:
    """An exchange that was taught in a channel and helped the newest answer in the channel where everybody is."""
    candidate = await example(server, server.key, "when does the harbour open", channel=str(channel.id))
    answer = await server.parts.store.conversations.turn_by_external_id(server.key, str(server.last().id))
    assert answer is not None
    assert answer.reply_to is not None
    await server.parts.store.recalls.note(answer.reply_to, [candidate])
    return candidate


async def test_an_answer_that_an_approved_exchange_helped_says_so_and_shows_it(server: Server) -> None:
    await server.say("tell me when the harbour will open")
    await recalled(server, server.channel)
    embed = read(await server.ann.slash(server.channel, "why"))
    assert "An approved exchange was put before the model" in str(embed.description)
    [field] = embed.fields
    assert "Recalled for this answer" in str(field.name)
    assert "The harbour opens at nine." in str(field.value)


async def test_what_helped_is_not_shown_to_whom_may_not_read_it_nor_to_anybody_once_it_is_taken_back(
    server: Server,
) -> None:
    hide = {server.guild.default_role: discord.PermissionOverwrite(view_channel=False)}
    show = {server.moderators: discord.PermissionOverwrite(view_channel=True)}
    secret = server.guild.create_text_channel("mods", overwrites={**hide, **show})
    await server.say("tell me when the harbour will open")
    await recalled(server, secret)
    embed = read(await server.ann.slash(server.channel, "why"))
    assert not embed.fields
    assert "cannot be shown to you" in str(embed.description)
    assert read(await server.moderator.context_menu(server.channel, MENU, server.last())).fields
    await server.parts.store.members.forget(server.parts.store.author_key("someone"))
    embed = read(await server.moderator.context_menu(server.channel, MENU, server.last()))
    assert not embed.fields
    assert "cannot be shown to you (any more)" in str(embed.description)
