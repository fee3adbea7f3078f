import json
from pathlib import Path
from typing import Any

import pytest

from bot.cogs.client import MynahBot
from storage.errors import DatabaseBusy
from storage.store import Store
from storage.values import ModelVersion, Snapshot
from tests.bot.cogs.server import Server, open_server
from tests.fakes.clock import FakeClock

TELL = "Delete, and tell me when it is unlearnt"


def read(result: Any) -> str:
    """What the person reads in answer to a command."""
    return str((result.response or result.followups[-1]).content)


async def learn_a_version(server: Server, version: str, candidate_ids: list[int]) -> None:
    """A version that was trained on these candidates becomes the champion."""
    store, now = server.parts.store, server.parts.clock()
    snapshot = f"snapshot-{version}"
    await store.snapshots.add(Snapshot(snapshot, snapshot, len(candidate_ids), 0, now), candidate_ids)
    await store.aliases.add_version(ModelVersion(version, version * 4, "adapter", None, None, snapshot, None, now))
    await store.aliases.promote(version, actor="test", reason="test")
    await store.receipts.settle()


async def taught(server: Server) -> None:
    """Ann said something, it was approved, and version `v1` has learnt it."""
    await server.allow(server.ann)
    await server.say("hello")
    [candidate] = await server.waiting()
    await server.parts.store.candidates.approve(candidate.id, "a moderator")
    await learn_a_version(server, "v1", [candidate.id])


async def test_show_tells_what_was_decided_and_how_much_is_kept(server: Server) -> None:
    result = await server.ann.slash(server.channel, "privacy show")
    assert result.ephemeral
    assert "have not decided" in read(result)
    assert "Messages: 0 · votes: 0" in read(result)
    await taught(server)
    text = read(await server.ann.slash(server.channel, "privacy show"))
    assert "**allow**" in text
    assert "Messages: 1 · votes: 0" in text
    assert "0 waiting for a moderator, 1 approved, 0 rejected" in text
    assert "learnt from you: `v1`" in text


async def test_show_tells_nothing_of_others(server: Server) -> None:
    await taught(server)
    text = read(await server.bob.slash(server.channel, "privacy show"))
    assert "Messages: 0" in text
    assert "learnt from you: none" in text


async def test_show_tells_a_blocked_member_that_their_yes_does_not_count(server: Server) -> None:
    await server.parts.store.blocks.block(server.key, server.key_of(server.ann), by="a moderator", reason="spam")
    result = await server.ann.slash(server.channel, "privacy allow")
    assert "**blocked**" in read(result)
    assert "spam" not in read(result)
    await server.say("hello")
    assert not await server.waiting()


async def test_show_tells_where_nothing_is_learnt(store: Store, clock: FakeClock, tmp_path: Path) -> None:
    async with open_server(store, clock, tmp_path / "home", learns=False) as server:
        assert "Learning is off in this server" in read(await server.ann.slash(server.channel, "privacy show"))
        user = server.env.create_user("carl")
        await user.send_dm("hello")
        assert "Nothing is learnt from direct messages" in read(await user.slash("privacy show"))


async def test_deciding_is_recorded_and_private(server: Server) -> None:
    for command, is_allowed in (("privacy allow", True), ("privacy deny", False)):
        result = await server.ann.slash(server.channel, command)
        assert result.ephemeral
        assert await server.parts.store.consents.get(server.key, server.key_of(server.ann)) is is_allowed


async def test_allowing_lets_exchanges_wait_for_review_and_denying_rejects_them(server: Server) -> None:
    await server.ann.slash(server.channel, "privacy allow")
    await server.say("hello")
    assert len(await server.waiting()) == 1
    await server.ann.slash(server.channel, "privacy deny")
    assert not await server.waiting()


async def test_export_sends_ones_own_words_in_private(server: Server) -> None:
    await server.allow(server.ann, server.bob)
    await server.say("the words of ann")
    await server.say("the words of bob", server.bob)
    result = await server.ann.slash(server.channel, "privacy export")
    assert result.ephemeral
    [page, data] = (result.response or result.followups[-1]).attachments
    assert (page.filename, data.filename) == ("README.txt", "data.json")
    content = json.loads(await data.read())
    assert [row["text"] for row in content["messages"]] == ["the words of ann"]
    assert "bob" not in json.dumps(content)
    assert content["examples"][0]["state"] == "waiting"


async def test_export_of_nothing_is_still_an_answer(server: Server) -> None:
    result = await server.bob.slash(server.channel, "privacy export")
    [_, data] = (result.response or result.followups[-1]).attachments
    assert json.loads(await data.read())["messages"] == []


async def test_export_stays_in_this_server_unless_everything_is_wanted(server: Server) -> None:
    await server.ann.send_dm("said in private")
    for everywhere, expected in ((False, []), (True, ["said in private"])):
        result = await server.ann.slash(server.channel, "privacy export", everywhere=everywhere)
        [_, data] = (result.response or result.followups[-1]).attachments
        assert [row["text"] for row in json.loads(await data.read())["messages"]] == expected


async def test_forgetting_asks_once_more_and_gives_a_receipt(server: Server) -> None:
    await taught(server)
    asked = await server.ann.slash(server.channel, "privacy forget")
    assert asked.ephemeral
    assert "1 messages with my answers to them, 1 examples" in read(asked)
    assert await server.parts.store.conversations.count() == 2
    await server.ann.click(asked.response.message, label="Delete")
    assert "Deleted: 1 messages, 1 examples, 0 votes." in read(asked)
    assert "`v1`" in read(asked)
    assert await server.parts.store.conversations.count() == 0
    assert await server.parts.store.consents.get(server.key, server.key_of(server.ann)) is False
    [receipt] = await server.parts.store.receipts.of(server.key_of(server.ann))
    assert receipt.notify_id is None
    assert f"Receipt {receipt.id}" in read(asked)


async def test_without_a_version_to_unlearn_nothing_is_promised(server: Server) -> None:
    await server.say("hello")
    asked = await server.ann.slash(server.channel, "privacy forget")
    assert [button.label for row in asked.response.message.components for button in row.children] == ["Delete", "Keep"]


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


async def test_forgetting_here_leaves_other_places(server: Server) -> None:
    await server.ann.send_dm("hello")
    asked = await server.ann.slash(server.channel, "privacy forget")
    await server.ann.click(asked.response.message, label="Delete")
    assert await server.parts.store.conversations.count() == 2


async def test_the_question_about_forgetting_outlives_a_restart_and_is_answered_once(server: Server) -> None:
    server.expects_errors = True
    await server.say("hello")
    first = await server.ann.slash(server.channel, "privacy forget")
    second = await server.ann.slash(server.channel, "privacy forget")
    messages = [asked.response.message for asked in (first, second)]
    await server.env.restart_bot(MynahBot(server.parts))
    await server.ann.click(messages[0], label="Delete")
    assert await server.parts.store.conversations.count() == 0
    again = await server.ann.click(messages[1], label="Delete")
    assert "done already" in str(again.followups[-1].content)
    assert len(await server.parts.store.receipts.of(server.key_of(server.ann))) == 1


async def test_an_old_question_about_forgetting_deletes_nothing(server: Server, clock: FakeClock) -> None:
    server.expects_errors = True
    await server.say("hello")
    asked = await server.ann.slash(server.channel, "privacy forget")
    clock.advance(11 * 60)
    pressed = await server.ann.click(asked.response.message, label="Delete")
    assert "too old" in str(pressed.response.content)
    assert await server.parts.store.conversations.count() == 2


async def test_who_asked_is_told_once_when_a_clean_version_answers_also_after_a_restart(server: Server) -> None:
    await taught(server)
    asked = await server.ann.slash(server.channel, "privacy forget")
    await server.ann.click(asked.response.message, label=TELL)
    [receipt] = await server.parts.store.receipts.of(server.key_of(server.ann))
    assert receipt.notify_id == str(server.ann.id)
    await server.env.bot.get_cog("Upkeep").tell_the_unlearnt()
    assert not direct(server)
    await learn_a_version(server, "v2", [])
    await server.env.restart_bot(MynahBot(server.parts))
    await server.env.settle()
    for _ in range(2):
        await server.env.bot.get_cog("Upkeep").tell_the_unlearnt()
    [told] = direct(server)
    assert "`v2` answers now" in told
    [receipt] = await server.parts.store.receipts.of(server.key_of(server.ann))
    assert receipt.notify_id is None
    assert receipt.told_at is not None


async def test_who_cannot_be_written_to_is_not_tried_for_ever(server: Server) -> None:
    await taught(server)
    asked = await server.ann.slash(server.channel, "privacy forget")
    await server.ann.click(asked.response.message, label=TELL)
    await learn_a_version(server, "v2", [])
    server.env.inject_error("POST", "/channels/*/messages", status=403, code=50007)
    await server.env.bot.get_cog("Upkeep").tell_the_unlearnt()
    assert not await server.parts.store.receipts.to_tell()


async def test_a_discord_that_fails_is_tried_again(server: Server) -> None:
    await taught(server)
    asked = await server.ann.slash(server.channel, "privacy forget")
    await server.ann.click(asked.response.message, label=TELL)
    await learn_a_version(server, "v2", [])
    server.env.inject_error("GET", "/users/*", status=400, code=0)
    await server.env.bot.get_cog("Upkeep").tell_the_unlearnt()
    assert len(await server.parts.store.receipts.to_tell()) == 1


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


def direct(server: Server) -> list[str]:
    """What the bot wrote to somebody about being unlearnt."""
    return [body["content"] for body in server.sent() if "asked me to forget you" in body.get("content", "")]
