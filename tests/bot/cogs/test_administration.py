import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy
import pytest
from safetensors.numpy import save_file

from bot.settings import DiscordSettings
from storage.registry import Lineage
from storage.store import Store
from storage.values import Alias, Evaluation, RunState
from tests.bot.cogs.server import Server, open_server
from tests.fakes.clock import FakeClock

COMMANDS: dict[str, dict[str, str]] = {
    "retrain now": {},
    "retrain status": {},
    "retrain cancel": {},
    "model list": {},
    "model show": {"name": "champion"},
    "model promote": {"name": "champion"},
    "model rollback": {},
}


def read(result: Any) -> str:
    return str((result.response or result.followups[-1]).content)


async def publish(server: Server, number: int) -> str:
    """A version in the registry; its name."""

    def write() -> Any:
        staging = server.parts.registry.staging()
        (staging / "config.json").write_text("{}")
        save_file({"weights": numpy.full(4, number, dtype="float32")}, staging / "model.safetensors")
        return staging

    staging = await asyncio.to_thread(write)
    return (await server.parts.registry.publish(staging, Lineage("full", note=f"number {number}"))).version


@pytest.fixture
async def strict_server(store: Store, clock: FakeClock, tmp_path: Path) -> AsyncIterator[Server]:
    """A server whose admins are a role that nobody has: Discord's own permissions let people through, the bot must not."""
    settings = DiscordSettings(moderator_role_ids=(8,), admin_role_ids=(9,))
    async with open_server(store, clock, tmp_path / "home", settings=settings) as opened:
        opened.expects_errors = True
        yield opened


@pytest.mark.parametrize(("command", "options"), COMMANDS.items(), ids=COMMANDS.keys())
async def test_who_is_no_admin_is_refused(strict_server: Server, command: str, options: dict[str, str]) -> None:
    server = strict_server
    version = await publish(server, 1)
    await server.parts.store.aliases.promote(version, actor="test", reason="")
    result = await server.admin.slash(server.channel, command, **options)
    assert result.ephemeral
    assert read(result) == "Only admins may do that. Ask the people who run this server."
    assert await server.parts.store.runs.latest() == []
    assert len(await server.parts.store.aliases.history()) == 1


async def test_discord_hides_the_commands_from_moderators(server: Server) -> None:
    available = server.moderator.available_commands(server.channel)
    assert "review queue" in available
    assert not any(name.startswith(("retrain", "model")) for name in available)


async def test_who_is_no_admin_gets_no_suggestions(strict_server: Server) -> None:
    await publish(strict_server, 1)
    choices = await strict_server.admin.autocomplete(strict_server.channel, "model show", "name", "")
    assert choices == []


async def test_retraining_shows_a_message_that_moves_and_ends_in_the_report(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.cogs.run_progress._POLL_SECONDS", 60.0)
    result = await server.admin.slash(server.channel, "retrain now")
    message = result.response.message
    assert not result.ephemeral
    assert "**Run 1** waits for the trainer" in message.content
    runs = server.parts.store.runs
    [run] = await runs.latest()
    assert run.requested_by == server.key_of(server.admin)
    await runs.advance(run.id, RunState.TRAINING, progress=0.5, note="step 5 of 10")
    await server.env.advance_time(60)
    assert "50%" in server.last().content
    assert "step 5 of 10" in server.last().content
    report = {"markdown": "| set | before | after |"}
    await runs.advance(run.id, RunState.PROMOTED, progress=1.0, note="Better on 9 of 10.", report=report)
    await server.env.advance_time(60)
    assert server.last().id == message.id
    assert "the new version answers from now on" in server.last().content
    assert "Better on 9 of 10." in server.last().content
    assert "| set | before | after |" in server.last().content


async def test_a_run_that_no_trainer_takes_says_so(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.cogs.run_progress._POLL_SECONDS", 60.0)
    await server.admin.slash(server.channel, "retrain now")
    server.parts.clock.advance(120)  # type: ignore[attr-defined]
    await server.env.advance_time(60)
    assert "No trainer has taken it yet" in server.last().content


async def test_progress_stops_when_its_message_is_deleted(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.cogs.run_progress._POLL_SECONDS", 60.0)
    result = await server.admin.slash(server.channel, "retrain now")
    await server.moderator.delete(result.response.message)
    await server.parts.store.runs.advance(1, RunState.TRAINING, progress=0.5)
    await server.env.advance_time(60)
    requests = len(server.env.http_requests)
    await server.parts.store.runs.advance(1, RunState.TRAINING, progress=0.6)
    await server.env.advance_time(60)
    assert len(server.env.http_requests) == requests


async def test_the_status_of_the_newest_run_is_shown(server: Server) -> None:
    assert "no run yet" in read(await server.admin.slash(server.channel, "retrain status"))
    run = await server.parts.store.runs.request("schedule")
    await server.parts.store.runs.advance(run.id, RunState.REFUSED, note="The gate said no: nonsense.")
    said = read(await server.admin.slash(server.channel, "retrain status"))
    assert "the gate refused the new version" in said
    assert "The gate said no: nonsense." in said


async def test_a_run_is_cancelled(server: Server) -> None:
    assert "nothing to cancel" in read(await server.admin.slash(server.channel, "retrain cancel"))
    waiting = await server.parts.store.runs.request("schedule")
    assert read(await server.admin.slash(server.channel, "retrain cancel")) == f"Run {waiting.id} is cancelled."
    working = await server.parts.store.runs.request("schedule")
    await server.parts.store.runs.advance(working.id, RunState.TRAINING)
    assert "will stop at its next step" in read(await server.admin.slash(server.channel, "retrain cancel"))


async def test_versions_are_listed_shown_promoted_and_rolled_back(server: Server) -> None:
    aliases = server.parts.store.aliases
    first, second = await publish(server, 1), await publish(server, 2)
    await aliases.promote(first, actor="test", reason="first")
    await server.parts.store.evaluations.add([Evaluation(None, second, "heldout", 10, 100, 12.345, 0.5, 1.0)])
    listed = read(await server.admin.slash(server.channel, "model list"))
    assert f"`{first}` **champion**" in listed
    assert f"`{second}`" in listed
    shown = read(await server.admin.slash(server.channel, "model show", name=second[:8]))
    assert "number 2" in shown
    assert "heldout: perplexity 12.35, token accuracy 50.0%" in shown
    promoted = read(await server.admin.slash(server.channel, "model promote", name=second, reason="nicer"))
    assert f"`{second}` answers from now on" in promoted
    assert await aliases.current(Alias.CHAMPION) == second
    [change, *_] = await aliases.history()
    assert change.actor == server.key_of(server.admin)
    rolled = read(await server.admin.slash(server.channel, "model rollback"))
    assert f"`{first}` answers again" in rolled
    assert await aliases.current(Alias.CHAMPION) == first


@pytest.mark.parametrize("name", ["nonsense", "../../etc", "a" * 100, "champion; drop"], ids=str)
async def test_an_unknown_version_is_refused_with_advice(server: Server, name: str) -> None:
    server.expects_errors = True
    for command in ("model show", "model promote"):
        result = await server.admin.slash(server.channel, command, name=name)
        assert read(result)
        assert "something went wrong" not in read(result)
    assert await server.parts.store.aliases.current(Alias.CHAMPION) is None


async def test_a_damaged_version_is_not_promoted(server: Server) -> None:
    server.expects_errors = True
    first, second = await publish(server, 1), await publish(server, 2)
    await server.parts.store.aliases.promote(first, actor="test", reason="first")
    weights = server.parts.registry.folder(second) / "model.safetensors"
    await asyncio.to_thread(weights.write_bytes, b"broken")
    result = await server.admin.slash(server.channel, "model promote", name=second)
    assert "something went wrong" not in read(result)
    assert await server.parts.store.aliases.current(Alias.CHAMPION) == first


async def test_rolling_back_with_nothing_before_is_refused(server: Server) -> None:
    server.expects_errors = True
    version = await publish(server, 1)
    await server.parts.store.aliases.promote(version, actor="test", reason="first")
    assert "something went wrong" not in read(await server.admin.slash(server.channel, "model rollback"))
    assert await server.parts.store.aliases.current(Alias.CHAMPION) == version


async def test_names_are_suggested_while_they_are_typed(server: Server) -> None:
    first, second = await publish(server, 1), await publish(server, 2)
    await server.parts.store.aliases.promote(first, actor="test", reason="first")
    choices = await server.admin.autocomplete(server.channel, "model promote", "name", "")
    assert {choice["value"] for choice in choices} == {first, second}
    assert any("champion" in choice["name"] for choice in choices)
    [only] = await server.admin.autocomplete(server.channel, "model show", "name", second[:6])
    assert only["value"] == second
