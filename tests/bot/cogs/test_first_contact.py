from pathlib import Path
from typing import Any

import pytest

from bot.chat import sentences
from bot.cogs.client import MynahBot
from bot.settings import DiscordSettings
from storage.errors import DatabaseBusy
from storage.store import Store
from tests.bot.cogs.server import Server, open_server
from tests.fakes.clock import FakeClock


def read(result: Any) -> str:
    return str(result.followups[-1].content if result.followups else result.response.content)


async def decision(server: Server, who: Any) -> bool | None:
    return await server.parts.store.consents.get(server.key, server.key_of(who))


async def test_a_member_is_asked_under_the_first_answer_and_never_again(server: Server) -> None:
    await server.say("one")
    [question] = server.questions()
    rows: list[Any] = question.components
    assert [button.label for row in rows for button in row.children] == ["Allow", "No thanks"]
    assert question.content.count("\n") == 0
    await server.say("two")
    await server.env.restart_bot(MynahBot(server.parts))
    await server.say("three")
    assert len(server.questions()) == 1
    await server.say("four", server.bob)
    assert len(server.questions()) == 2


@pytest.mark.parametrize(("label", "is_allowed"), [("Allow", True), ("No thanks", False)], ids=["yes", "no"])
async def test_the_answer_is_recorded_and_told_to_nobody_else(server: Server, label: str, is_allowed: bool) -> None:
    await server.say("hello")
    [question] = server.questions()
    pressed = await server.ann.click(question, label=label)
    assert await decision(server, server.ann) is is_allowed
    assert pressed.followups[-1].ephemeral
    assert ("**allow**" if is_allowed else "do **not** allow") in read(pressed)
    assert not server.questions()


async def test_only_the_one_who_is_asked_can_answer(server: Server) -> None:
    server.expects_errors = True
    await server.say("hello")
    [question] = server.questions()
    for who in (server.bob, server.moderator, server.admin):
        pressed = await who.click(question, label="Allow")
        assert "for somebody else" in read(pressed)
        assert pressed.ephemeral
        assert await decision(server, who) is None
    assert await decision(server, server.ann) is None
    assert server.questions()


async def test_the_buttons_work_after_a_restart(server: Server) -> None:
    await server.say("hello")
    [question] = server.questions()
    await server.env.restart_bot(MynahBot(server.parts))
    await server.ann.click(question, label="Allow")
    assert await decision(server, server.ann) is True


async def test_after_a_yes_the_next_exchange_waits_and_the_first_does_not(server: Server) -> None:
    await server.say("before")
    [question] = server.questions()
    await server.ann.click(question, label="Allow")
    assert not await server.waiting()
    await server.say("after")
    [candidate] = await server.waiting()
    assert "after" in candidate.messages[-2].text


async def test_a_slash_command_asks_in_private(server: Server) -> None:
    result = await server.ann.slash(server.channel, "chat", message="hello")
    asked = result.followups[-1]
    assert sentences.FIRST_CONTACT in asked.content
    assert asked.ephemeral
    await server.ann.click(asked.message, label="No thanks")
    assert await decision(server, server.ann) is False


async def test_who_decided_or_is_blocked_is_not_asked(server: Server) -> None:
    await server.allow(server.ann)
    await server.parts.store.blocks.block(server.key, server.key_of(server.bob), by="a moderator")
    for who in (server.ann, server.bob):
        await server.say("hello", who)
    assert not server.questions()


async def test_nobody_is_asked_where_learning_is_off(store: Store, clock: FakeClock, tmp_path: Path) -> None:
    async with open_server(store, clock, tmp_path / "home", learns=False) as server:
        await server.allow(server.bob)
        for who in (server.ann, server.bob):
            await server.say("hello", who)
        assert not server.questions()
        assert not await server.waiting()


async def test_without_the_operators_yes_nobody_is_asked_and_nothing_is_learnt(
    store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    async with open_server(store, clock, tmp_path / "home", settings=DiscordSettings()) as server:
        await server.allow(server.bob)
        for who in (server.ann, server.bob):
            await server.say("hello", who)
        assert not server.questions()
        assert not await server.waiting()


async def test_direct_messages_are_neither_asked_about_nor_learnt_from(server: Server) -> None:
    await server.parts.store.consents.set("dm", server.key_of(server.ann), allowed=True)
    for _ in range(2):
        await server.ann.send_dm("hello")
    written = [body["content"] for body in server.sent() if "content" in body]
    assert written == ["You said: hello", "You said: hello"]
    assert not await server.waiting()


async def test_a_question_that_was_deleted_meanwhile_still_records_the_answer(server: Server) -> None:
    await server.say("hello")
    [question] = server.questions()
    server.env.inject_error("DELETE", "/webhooks/*", status=404, code=10008)
    await server.ann.click(question, label="No thanks")
    assert await decision(server, server.ann) is False


async def test_a_failure_to_ask_keeps_the_answer(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    async def locked(*_: object) -> bool:
        raise DatabaseBusy("The database is locked.")

    monkeypatch.setattr(server.parts.store.first_contacts, "claim", locked)
    assert (await server.say("hello")).content == "You said: hello"
    assert not server.questions()
