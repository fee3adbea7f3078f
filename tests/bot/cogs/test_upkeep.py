from typing import Any

import pytest

from bot.cogs.client import MynahBot
from storage.errors import DatabaseBusy
from tests.bot.cogs.server import Server
from tests.fakes.clock import FakeClock

DAY = 24 * 60 * 60.0


def chores(server: Server) -> Any:
    return server.env.bot.get_cog("Upkeep")


async def test_talk_older_than_the_server_keeps_is_deleted_and_the_rest_stays(server: Server, clock: FakeClock) -> None:
    await server.say("old words")
    clock.advance(20 * DAY)
    await server.say("newer words")
    await chores(server).delete_old_talk()
    assert await server.parts.store.conversations.count() == 4, "nothing is deleted unless the server says so"
    await server.parts.store.server_settings.set(server.key, "retention_days", 15, "admin")
    await chores(server).delete_old_talk()
    assert await server.parts.store.conversations.count() == 2


async def test_old_talk_is_deleted_every_day(server: Server, clock: FakeClock) -> None:
    await server.say("old words")
    await server.parts.store.server_settings.set(server.key, "retention_days", 15, "admin")
    clock.advance(16 * DAY)
    await server.env.restart_bot(MynahBot(server.parts))
    await server.env.settle()
    assert await server.parts.store.conversations.count() == 0


async def test_a_server_that_the_bot_was_removed_from_is_no_longer_learnt_from(server: Server) -> None:
    await server.parts.store.server_settings.turn_learning_on("999", "its admin")
    await server.parts.store.server_settings.set("terminal", "quorum", 2, "operator")
    await server.env.restart_bot(MynahBot(server.parts))
    await server.env.settle()
    assert not (await server.parts.store.server_settings.get("999")).learning_on
    assert (await server.parts.store.server_settings.get(server.key)).learning_on
    [entry] = await server.parts.store.audit.latest(server="999", action="learning off")
    assert entry.actor == "discord"


async def test_being_removed_ends_learning_at_once(server: Server) -> None:
    await chores(server).on_guild_remove(server.env.bot.get_guild(server.guild.id))
    assert not (await server.parts.store.server_settings.get(server.key)).learning_on


async def test_a_chore_that_fails_is_no_end_of_the_bot(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    async def locked(*_: object) -> list[object]:
        raise DatabaseBusy("The database is locked.")

    monkeypatch.setattr(server.parts.store.retention, "due", locked)
    monkeypatch.setattr(server.parts.store.receipts, "to_tell", locked)
    await server.env.restart_bot(MynahBot(server.parts))
    await server.env.settle()
    assert (await server.say("hello")).content == "You said: hello"
