from typing import Any

import pytest

from bot.chat import sentences
from storage.errors import DatabaseBusy
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


async def test_privacy_shows_what_was_decided(server: Server) -> None:
    result = await server.ann.slash(server.channel, "privacy show")
    assert result.ephemeral
    assert "have not decided" in read(result)
    assert "**allow**" in read(await server.ann.slash(server.channel, "privacy allow"))
    assert "**allow**" in read(await server.ann.slash(server.channel, "privacy show"))
    assert "do **not** allow" in read(await server.ann.slash(server.channel, "privacy deny"))
    assert await server.parts.store.consents.get(server.key, server.key_of(server.ann)) is False


async def test_allowing_lets_exchanges_wait_for_review_and_denying_rejects_them(server: Server) -> None:
    await server.ann.slash(server.channel, "privacy allow")
    await server.say("hello")
    assert len(await server.waiting()) == 1
    await server.ann.slash(server.channel, "privacy deny")
    assert not await server.waiting()


async def test_forgetting_asks_once_more_and_gives_a_receipt(server: Server) -> None:
    await server.allow(server.ann)
    await server.say("hello")
    asked = await server.ann.slash(server.channel, "privacy forget")
    assert asked.ephemeral
    assert await server.parts.store.conversations.count() == 2
    await server.ann.click(asked.response.message, label="Delete")
    assert "Deleted: 1 messages, 1 examples" in read(asked)
    assert await server.parts.store.conversations.count() == 0
    assert await server.parts.store.consents.get(server.key, server.key_of(server.ann)) is False


async def test_forgetting_can_be_thought_better_of(server: Server) -> None:
    await server.say("hello")
    asked = await server.ann.slash(server.channel, "privacy forget")
    await server.ann.click(asked.response.message, label="Keep")
    assert read(asked) == "Nothing was deleted."
    assert await server.parts.store.conversations.count() == 2


async def test_forgetting_everywhere_reaches_direct_messages(server: Server) -> None:
    await server.ann.send_dm("hello")
    asked = await server.ann.slash(server.channel, "privacy forget", everywhere=True)
    await server.ann.click(asked.response.message, label="Delete")
    assert await server.parts.store.conversations.count() == 0


async def test_help_tells_each_rank_what_it_may_do(server: Server) -> None:
    texts = {
        who.name: read(await who.slash(server.channel, "help")) for who in (server.ann, server.moderator, server.admin)
    }
    assert "/review" not in texts["ann"]
    assert "/review" in texts["mod"]
    assert "/retrain" not in texts["mod"]
    assert "/retrain" in texts["admin"]


async def test_a_command_that_meets_a_locked_database_says_so(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.expects_errors = True

    async def locked(*_: object, **__: object) -> None:
        raise DatabaseBusy("The database is locked.", advice="Try again in a moment.")

    monkeypatch.setattr(server.parts.store.consents, "set", locked)
    result = await server.ann.slash(server.channel, "privacy allow")
    assert read(result) == "The database is locked. Try again in a moment."
    assert result.ephemeral


async def test_a_command_that_breaks_apologises_with_a_number(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.expects_errors = True

    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret words of somebody")

    monkeypatch.setattr(server.parts.store.consents, "get", broken)
    said = read(await server.ann.slash(server.channel, "privacy show"))
    assert "something went wrong" in said
    assert "secret" not in said


async def test_a_toxic_or_empty_slash_message_is_refused(server: Server) -> None:
    assert read(await server.ann.slash(server.channel, "chat", message="damn")) == sentences.UNWELCOME
    assert read(await server.ann.slash(server.channel, "chat", message=" ")) == sentences.EMPTY
    assert not await server.parts.store.candidates.by_state(CandidateState.WAITING)
