import asyncio

import pytest

from storage.store import Store
from storage.values import Alias, Evaluation, Snapshot
from tests.bot.cogs.admin_work import answer, champion, publish, read
from tests.bot.cogs.limits import check_all
from tests.bot.cogs.server import Server


async def test_versions_are_listed_and_shown(server: Server) -> None:
    first = await champion(server, 1)
    second = await publish(server, 2)
    await server.parts.store.evaluations.add([Evaluation(None, second, "heldout", 10, 100, 12.345, 0.5, 1.0)])
    listed = read(await server.admin.slash(server.channel, "model list"))
    assert f"`{first}` **champion**" in listed
    assert f"`{second}`" in listed
    shown = read(await server.admin.slash(server.channel, "model show", name=second[:8]))
    assert "number 2" in shown
    assert "perplexity 12.35, token accuracy 50.0%" in shown
    assert check_all(server.env)


async def test_a_version_is_promoted_only_when_that_is_confirmed_and_only_once(server: Server) -> None:
    first, second = await champion(server, 1), await publish(server, 2)
    asked = answer(await server.admin.slash(server.channel, "model promote", name=second, reason="nicer"))
    assert asked.ephemeral
    assert await server.parts.store.aliases.current(Alias.CHAMPION) == first
    await server.admin.click(asked.message, label="Promote")
    assert await server.parts.store.aliases.current(Alias.CHAMPION) == second
    [change, *_] = await server.parts.store.aliases.history()
    assert "nicer" in {one.reason for one in await server.parts.store.aliases.history()}
    assert change.actor == server.key_of(server.admin)
    [entry, *_] = await server.parts.store.audit.latest(server=server.key)
    assert (entry.action, entry.subject) == ("promote", second)


async def test_a_question_that_was_left_changes_nothing(server: Server) -> None:
    first, second = await champion(server, 1), await publish(server, 2)
    asked = answer(await server.admin.slash(server.channel, "model promote", name=second))
    await server.admin.click(asked.message, label="Leave as it is")
    assert await server.parts.store.aliases.current(Alias.CHAMPION) == first


async def test_an_old_question_changes_nothing_when_another_version_answers_by_now(server: Server) -> None:
    await champion(server, 1)
    second, third = await publish(server, 2), await publish(server, 3)
    asked = answer(await server.admin.slash(server.channel, "model promote", name=second))
    doubled = answer(await server.admin.slash(server.channel, "model promote", name=second))
    await server.parts.store.aliases.promote(third, actor="trainer", reason="")
    result = await server.admin.click(asked.message, label="Promote")
    assert "Another version answers by now" in answer(result).content
    await server.admin.click(doubled.message, label="Promote")
    assert await server.parts.store.aliases.current(Alias.CHAMPION) == third


async def test_one_rollback_is_done_by_two_confirmations(server: Server) -> None:
    first = await champion(server, 1)
    second = await champion(server, 2)
    await champion(server, 3)
    questions = [answer(await server.admin.slash(server.channel, "model rollback")) for _ in range(2)]
    for asked in questions:
        await server.admin.click(asked.message, label="Roll back")
    assert await server.parts.store.aliases.current(Alias.CHAMPION) == second != first


async def test_going_back_to_what_should_be_forgotten_warns(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await champion(server, 1)
    await champion(server, 2)

    async def naming(version: str) -> int:
        return 2 if version == first else 0

    monkeypatch.setattr(server.parts.store.receipts, "naming", naming)
    told = read(await server.admin.slash(server.channel, "model rollback"))
    assert "2 members asked to be forgotten" in told


async def test_buttons_work_after_a_restart_of_the_bot(server: Server) -> None:
    from bot.cogs.client import MynahBot

    first = await champion(server, 1)
    await champion(server, 2)
    asked = answer(await server.admin.slash(server.channel, "model rollback"))
    await server.env.restart_bot(MynahBot(server.parts))
    await server.admin.click(asked.message, label="Roll back")
    assert await server.parts.store.aliases.current(Alias.CHAMPION) == first


@pytest.mark.parametrize("name", ["nonsense", "../../etc", "a" * 100, "champion; drop"], ids=str)
async def test_an_unknown_version_is_refused_with_advice(server: Server, name: str) -> None:
    server.expects_errors = True
    for command, more in (("model show", {}), ("model promote", {}), ("model canary", {"share": 10})):
        option = "version" if command == "model canary" else "name"
        result = await server.admin.slash(server.channel, command, **{option: name}, **more)
        assert read(result)
        assert "something went wrong" not in read(result)
    assert await server.parts.store.aliases.current(Alias.CHAMPION) is None


async def test_a_damaged_version_is_not_promoted(server: Server) -> None:
    first, second = await champion(server, 1), await publish(server, 2)
    weights = server.parts.registry.folder(second) / "model.safetensors"
    await asyncio.to_thread(weights.chmod, 0o600)
    await asyncio.to_thread(weights.write_bytes, b"broken")
    asked = answer(await server.admin.slash(server.channel, "model promote", name=second))
    await server.admin.click(asked.message, label="Promote")
    assert await server.parts.store.aliases.current(Alias.CHAMPION) == first


async def test_rolling_back_with_nothing_before_is_refused(server: Server) -> None:
    server.expects_errors = True
    version = await champion(server)
    assert "no earlier champion" in read(await server.admin.slash(server.channel, "model rollback"))
    assert await server.parts.store.aliases.current(Alias.CHAMPION) == version


async def test_names_are_suggested_while_they_are_typed(server: Server) -> None:
    first, second = await champion(server, 1), await publish(server, 2)
    choices = await server.admin.autocomplete(server.channel, "model promote", "name", "")
    assert {choice["value"] for choice in choices} == {first, second}
    assert any("champion" in choice["name"] for choice in choices)
    [only] = await server.admin.autocomplete(server.channel, "model show", "name", second[:6])
    assert only["value"] == second


async def test_a_version_of_another_servers_line_is_nowhere(server: Server, store: Store) -> None:
    server.expects_errors = True
    await store.snapshots.add(Snapshot("5" * 64, "folder", 1, 0, server.parts.clock(), line="4711"), [])
    other = await publish(server, 5, snapshot_hash="5" * 64)
    assert other not in read(await server.admin.slash(server.channel, "model list"))
    assert "for another server" in read(await server.admin.slash(server.channel, "model show", name=other))
    assert await server.admin.autocomplete(server.channel, "model show", "name", "") == []
