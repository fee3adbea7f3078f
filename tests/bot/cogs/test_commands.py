from typing import Any

from bot.chat import sentences
from storage.values import CandidateState, Source
from tests.bot.cogs.server import Server


def read(result: Any) -> str:
    """What the person reads in answer to a command."""
    return str((result.response or result.followups[-1]).content)


async def test_chat_answers_in_the_channel_and_notes_its_source(server: Server) -> None:
    result = await server.ann.slash(server.channel, "chat", message="hello")
    assert [entry.json["type"] for entry in server.env.http_requests if entry.path.endswith("/callback")] == [5]
    assert not result.ephemeral
    assert read(result).startswith("You said: hello")
    turn = await server.parts.store.conversations.turn(1)
    assert turn is not None
    assert turn.source is Source.SLASH


async def test_chat_works_in_direct_messages(server: Server) -> None:
    user = server.env.create_user("carl")
    await user.send_dm("hello")
    result = await user.slash("chat", message="hello again")
    assert read(result).startswith("You said: hello again")


async def test_stop_ends_ones_own_answer(server: Server) -> None:
    server.engine.hold.clear()
    await server.ann.send(server.channel, f"{server.me} tell me a story")
    nothing = await server.bob.slash(server.channel, "stop")
    assert read(nothing) == "I'm not answering you here right now."
    assert server.engine.running == 1
    assert read(await server.ann.slash(server.channel, "stop")) == "Stopped."
    await server.env.settle()
    assert server.engine.running == 0
    assert server.last().content.startswith("You")


async def test_a_moderator_stops_everybodys_answers(server: Server) -> None:
    server.engine.hold.clear()
    await server.ann.send(server.channel, f"{server.me} tell me a story")
    assert read(await server.moderator.slash(server.channel, "stop")) == "Stopped."
    await server.env.settle()
    assert server.engine.running == 0


async def test_reset_begins_a_new_conversation(server: Server) -> None:
    await server.say("one")
    await server.ann.slash(server.channel, "reset")
    await server.say("two")
    assert [message.text for message in server.engine.seen[-1]] == ["two"]


async def test_help_tells_each_rank_what_it_may_do(server: Server) -> None:
    texts = {
        who.name: read(await who.slash(server.channel, "help")) for who in (server.ann, server.moderator, server.admin)
    }
    assert "/review" not in texts["ann"]
    assert "/review" in texts["mod"]
    assert "/retrain" not in texts["mod"]
    assert "/learning" not in texts["mod"]
    assert "/learning" in texts["admin"]
    assert "/retrain" in texts["admin"]


async def test_a_toxic_or_empty_slash_message_is_refused(server: Server) -> None:
    assert read(await server.ann.slash(server.channel, "chat", message="damn")) == sentences.UNWELCOME
    assert read(await server.ann.slash(server.channel, "chat", message=" ")) == sentences.EMPTY
    assert not await server.parts.store.candidates.by_state(CandidateState.WAITING)
