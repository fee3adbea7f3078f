from pathlib import Path

import discord
import pytest

from bot.chat import sentences
from bot.cogs.client import MynahBot
from bot.engine.protocol import EngineBusy
from bot.settings import DiscordSettings
from storage.store import Store
from tests.bot.cogs.server import CRISIS_TEXT, Server, make_parts, open_server
from tests.fakes.clock import FakeClock


async def test_a_mention_is_answered_with_a_reply(server: Server) -> None:
    answer = await server.say("hello")
    assert answer.content.startswith("You said: hello")
    assert answer.author.id == server.env.bot.user.id
    assert answer.reference is not None
    assert server.engine.seen[-1][-1].text == "hello"


async def test_a_reply_to_the_bot_is_answered_without_a_mention(server: Server) -> None:
    answer = await server.say("hello")
    await server.ann.send(server.channel, "and again", reply_to=answer)
    assert server.last().content == "You said: and again"


async def test_a_direct_message_is_answered(server: Server) -> None:
    await server.ann.send_dm("hello")
    assert server.engine.seen[-1][-1].text == "hello"
    conversation = await server.parts.store.conversations.conversation(1)
    assert conversation is not None
    assert conversation.server == "dm"


async def test_talk_among_people_is_neither_answered_nor_stored(server: Server) -> None:
    first = await server.ann.send(server.channel, "hello bob")
    await server.bob.send(server.channel, "hello ann", reply_to=first)
    await server.ann.send(server.channel, "@everyone come here")
    assert not server.engine.seen
    assert await server.parts.store.conversations.count() == 0


async def test_bots_and_webhooks_are_ignored(server: Server) -> None:
    robot = server.guild.add_member(server.env.create_user("robot", bot=True))
    await robot.send(server.channel, f"{server.me} hello")
    webhook = server.guild.create_webhook(server.channel)
    await webhook.send(f"{server.me} hello")
    assert not server.engine.seen


async def test_every_message_of_a_chat_channel_and_its_threads_is_answered(
    store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    async with open_server(store, clock, tmp_path / "home") as server:
        settings = DiscordSettings(channel_ids=(server.channel.id,))
        parts = make_parts(store, clock, tmp_path, settings, server.engine, server.screening)
        await server.env.restart_bot(MynahBot(parts))
        await server.ann.send(server.channel, "hello")
        assert server.last().content == "You said: hello"
        text_channel = server.env.bot.get_channel(server.channel.id)
        opening = await server.ann.send(server.channel, "let's go into a thread")
        thread = await text_channel.create_thread(name="talk", message=discord.Object(opening.id))
        await server.env.settle()
        [handle] = server.channel.threads
        await server.ann.send(handle, "psst")
        assert server.last(handle).content == "You said: psst"
        assert thread.id == handle.id


async def test_in_a_thread_elsewhere_a_mention_is_needed(server: Server) -> None:
    text_channel = server.env.bot.get_channel(server.channel.id)
    opening = await server.ann.send(server.channel, "a topic")
    await text_channel.create_thread(name="talk", message=discord.Object(opening.id))
    await server.env.settle()
    [thread] = server.channel.threads
    answer = await server.say("hello", channel=thread)
    assert answer.content.startswith("You said: hello")
    conversation = await server.parts.store.conversations.conversation(1)
    assert conversation is not None
    assert conversation.channel == str(thread.id)


async def test_an_answer_is_streamed_by_edits(store: Store, clock: FakeClock, tmp_path: Path) -> None:
    script = {"go": "One sentence here. Two sentences here. Three sentences here."}
    async with open_server(store, clock, tmp_path / "home", script=script) as server:
        answer = await server.say("go")
        assert answer.content.startswith(script["go"])
        contents = [body["content"] for body in server.sent() if "content" in body]
        assert contents[0] == "One sentence here."
        assert contents[1] == "One sentence here. Two sentences here."
        assert len({body.method for body in server.env.http_requests if "/messages" in body.path}) >= 2


async def test_edits_are_not_faster_than_the_interval(store: Store, clock: FakeClock, tmp_path: Path) -> None:
    script = {"go": "One sentence here. Two sentences here. Three sentences here. Four sentences here."}
    settings = DiscordSettings(edit_interval_seconds=1000)
    async with open_server(store, clock, tmp_path / "home", script=script, settings=settings) as server:
        await server.say("go")
        contents = [body["content"] for body in server.sent() if "content" in body]
        assert contents == ["One sentence here.", script["go"]]


async def test_the_markup_of_discord_and_other_peoples_ids_do_not_reach_the_model(server: Server) -> None:
    await server.say(f"say hi to {server.bob.mention} in {server.channel.mention} <:wave:123456789012345678>")
    assert server.engine.seen[-1][-1].text == "say hi to @someone in #channel :wave:"


async def test_nobody_is_ever_pinged(store: Store, clock: FakeClock, tmp_path: Path) -> None:
    async with open_server(
        store, clock, tmp_path / "home", script={"go": "@everyone @here <@1> <@&2> wake up!"}
    ) as server:
        answer = await server.say("go")
        await server.ann.slash(server.channel, "chat", message="go")
        await server.ann.slash(server.channel, "help")
        assert not answer.mention_everyone
        assert not answer.mentions
        assert len(server.sent()) >= 2
        for body in server.sent():
            assert body["allowed_mentions"]["parse"] == []


async def test_a_long_answer_is_split_and_the_last_part_has_the_buttons(
    store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    long = " ".join(f"Sentence number {number} is here." for number in range(120))
    async with open_server(store, clock, tmp_path / "home", script={"go": long}) as server:
        await server.allow(server.ann)
        await server.say("go")
        answers = [message for message in server.channel.history() if message.author.bot]
        assert len(answers) == 2
        assert all(len(message.content) <= 2000 for message in answers)
        by_id = sorted(answers, key=lambda message: message.id)
        assert [bool(message.components) for message in by_id] == [False, True]
        words = " ".join(message.content for message in by_id).split("\n")[0]
        assert words == long


async def test_secrets_and_links_do_not_leave(store: Store, clock: FakeClock, tmp_path: Path) -> None:
    token = "MTE4NjQ1NjM0NTY3ODkwMTIz.GaBcDe.abcdefghijklmnopqrstuvwxyz0123456789AB"
    script = {"go": f"See https://example.org/x?y=1 and discord.gg/abc, my token is {token}."}
    async with open_server(store, clock, tmp_path / "home", script=script) as server:
        answer = await server.say("go")
        assert answer.content.startswith("See [link] and [link] my token is [secret].")


async def test_a_toxic_message_gets_a_polite_refusal_without_buttons(server: Server) -> None:
    answer = await server.say("damn you")
    assert answer.content == sentences.UNWELCOME
    assert not answer.components


async def test_a_toxic_answer_is_never_shown(store: Store, clock: FakeClock, tmp_path: Path) -> None:
    async with open_server(store, clock, tmp_path / "home", script={"go": "Nice to see you. You damn fool."}) as server:
        answer = await server.say("go")
        assert answer.content == sentences.OUTPUT_REFUSED
        [row] = answer.components
        assert isinstance(row, discord.ActionRow)
        [button] = row.children
        assert (button.custom_id or "").startswith("mynah:better:"), "better words are welcome, votes are not"
        assert not any("damn" in body.get("content", "") for body in server.sent())


async def test_a_person_in_danger_gets_the_operators_text(server: Server) -> None:
    await server.allow(server.ann)
    answer = await server.say("it is all hopeless")
    assert answer.content == CRISIS_TEXT
    assert not answer.components
    assert not await server.waiting()


async def test_a_busy_engine_is_apologised_for(server: Server) -> None:
    server.engine.refuse_with = EngineBusy("full")
    assert (await server.say("hello")).content == sentences.BUSY


async def test_an_engine_that_explodes_is_apologised_for(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(_: object) -> list[str]:
        raise RuntimeError("CUDA error: an illegal memory access")

    monkeypatch.setattr(server.engine, "_words", explode)
    assert (await server.say("hello")).content == sentences.TROUBLE


async def test_a_bug_in_the_chat_is_apologised_for(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> object:
        raise ZeroDivisionError

    monkeypatch.setattr(server.parts.chat, "answer", broken)
    assert (await server.say("hello")).content == sentences.TROUBLE


async def test_a_message_without_words_gets_an_answer(server: Server) -> None:
    assert (await server.say("")).content == sentences.EMPTY


async def test_deleting_the_question_takes_the_answer_back(server: Server) -> None:
    await server.allow(server.ann)
    server.engine.hold.clear()
    question = await server.ann.send(server.channel, f"{server.me} hello there")
    assert server.engine.running == 1
    await server.ann.delete(question)
    await server.env.settle()
    assert server.engine.running == 0
    assert await server.parts.store.conversations.count() == 0
    assert not [message for message in server.channel.history() if message.author.bot]
    assert not await server.waiting()


async def test_deleting_a_message_later_deletes_its_row_and_its_candidate(server: Server) -> None:
    await server.allow(server.ann)
    question = await server.ann.send(server.channel, f"{server.me} hello")
    assert len(await server.waiting()) == 1
    await server.ann.delete(question)
    assert not await server.waiting()
    assert await server.parts.store.conversations.turn_by_external_id(server.key, str(question.id)) is None


async def test_deleting_the_answer_deletes_its_row(server: Server) -> None:
    answer = await server.say("hello")
    assert await server.parts.store.conversations.turn_by_external_id(server.key, str(answer.id)) is not None
    await server.moderator.delete(answer)
    assert await server.parts.store.conversations.turn_by_external_id(server.key, str(answer.id)) is None


async def test_bulk_deletion_deletes_the_rows(server: Server) -> None:
    questions = [await server.ann.send(server.channel, f"{server.me} {text}") for text in ("one", "two")]
    channel = server.env.bot.get_channel(server.channel.id)
    me = server.guild.create_role("Cleaner", permissions=discord.Permissions(manage_messages=True))
    server.env.backend.add_member_role(server.guild.id, server.env.bot.user.id, me.id)
    await channel.delete_messages([discord.Object(question.id) for question in questions])
    await server.env.settle()
    for question in questions:
        assert await server.parts.store.conversations.turn_by_external_id(server.key, str(question.id)) is None


async def test_editing_a_message_replaces_its_words(server: Server) -> None:
    question = await server.ann.send(server.channel, f"{server.me} hello")
    await server.ann.edit(question, f"{server.me} good night")
    turn = await server.parts.store.conversations.turn_by_external_id(server.key, str(question.id))
    assert turn is not None
    assert turn.text == "good night"


async def test_a_channel_where_the_bot_may_not_speak_is_left_alone(server: Server) -> None:
    mute = discord.PermissionOverwrite(send_messages=False)
    channel = server.guild.create_text_channel("quiet", overwrites={server.env.bot.user: mute})
    await server.ann.send(channel, f"{server.me} hello")
    assert not server.engine.seen


async def test_a_channel_that_forbids_in_mid_answer_is_no_error(server: Server) -> None:
    server.env.inject_error("POST", "/channels/*/messages", status=403, code=50013)
    await server.ann.send(server.channel, f"{server.me} hello")
    assert not [message for message in server.channel.history() if message.author.bot]


async def test_an_answer_does_not_carry_the_question_about_learning(server: Server) -> None:
    assert (await server.say("one")).content == "You said: one"


async def test_pinning_a_message_is_no_edit(server: Server) -> None:
    await server.allow(server.ann)
    question = await server.ann.send(server.channel, f"{server.me} hello")
    await server.moderator.set_pinned(question, True)
    assert len(await server.waiting()) == 1


async def test_saying_the_same_again_is_no_edit(server: Server) -> None:
    await server.allow(server.ann)
    question = await server.ann.send(server.channel, f"{server.me} hello")
    await server.ann.edit(question, f"{server.me}  hello")
    assert len(await server.waiting()) == 1


async def test_an_edit_drops_what_was_made_of_the_old_words(server: Server) -> None:
    await server.allow(server.ann)
    question = await server.ann.send(server.channel, f"{server.me} hello")
    await server.env.restart_bot(MynahBot(server.parts))  # with nothing in its cache
    await server.ann.edit(question, f"{server.me} other words")
    assert not await server.waiting()


async def test_a_message_that_nobody_remembers_is_deleted_from_the_store_too(server: Server) -> None:
    await server.allow(server.ann)
    question = await server.ann.send(server.channel, f"{server.me} hello")
    await server.env.restart_bot(MynahBot(server.parts))
    await server.ann.delete(question)
    assert not await server.waiting()


async def test_deleting_a_channel_deletes_what_was_said_there_and_nothing_else(server: Server) -> None:
    await server.allow(server.ann)
    doomed = server.guild.create_text_channel("doomed")
    await server.say("hello", channel=doomed)
    await server.say("hello you")
    server.env.backend.delete_channel(doomed.id)
    await server.env.settle()
    [candidate] = await server.waiting()
    assert candidate.channel == str(server.channel.id)
    assert await server.parts.store.conversations.count() == 2


async def test_deleting_a_channel_deletes_its_threads(server: Server) -> None:
    await server.allow(server.ann)
    text_channel = server.env.bot.get_channel(server.channel.id)
    opening = await server.ann.send(server.channel, "a topic")
    await text_channel.create_thread(name="talk", message=discord.Object(opening.id))
    await server.env.settle()
    [thread] = server.channel.threads
    await server.say("hello", channel=thread)
    server.env.backend.delete_channel(server.channel.id)
    await server.env.settle()
    assert not await server.waiting()
    assert await server.parts.store.conversations.count() == 0


async def test_a_server_chooses_its_chat_channels_without_a_restart(server: Server) -> None:
    await server.ann.send(server.channel, "hello")
    assert not server.engine.seen
    await server.parts.store.server_settings.set(server.key, "chat_channels", [str(server.channel.id)], "admin")
    await server.ann.send(server.channel, "hello")
    assert server.last().content == "You said: hello"


async def test_a_member_who_leaves_has_said_no_where_discord_tells_of_it(
    store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    settings = DiscordSettings(permission_to_train_confirmed=True, members_intent=True)
    async with open_server(store, clock, tmp_path / "home", settings=settings) as server:
        await server.allow(server.ann, server.bob)
        await server.say("hello")
        key = server.key_of(server.ann)
        server.guild.remove_member(server.ann)
        await server.env.settle()
        assert await store.consents.get(server.key, key) is False
        assert await store.consents.get(server.key, server.key_of(server.bob)) is True
        assert not await server.waiting()
