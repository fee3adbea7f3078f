"""Who may do admin work: looked at on every command, suggestion, button, menu and form."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.settings import DiscordSettings
from storage.store import Store
from tests.bot.cogs.admin_work import COMMANDS, answer, champion, chosen, publish, read
from tests.bot.cogs.server import Server, open_server
from tests.fakes.clock import FakeClock

REFUSED = "Only admins may do that. Ask the people who run this server."


@pytest.fixture
async def strict_server(store: Store, clock: FakeClock, tmp_path: Path) -> AsyncIterator[Server]:
    """A server whose admins are a role that nobody has: Discord's own permissions let people through, the bot must not."""
    settings = DiscordSettings(moderator_role_ids=(8,), admin_role_ids=(9,))
    async with open_server(store, clock, tmp_path / "home", settings=settings) as opened:
        opened.expects_errors = True
        yield opened


async def test_who_is_no_admin_is_refused_every_command(strict_server: Server) -> None:
    server = strict_server
    await champion(server)
    for command, options in COMMANDS.items():
        result = await server.admin.slash(server.channel, command, **options)
        assert answer(result).ephemeral
        assert read(result) == REFUSED, command
    assert await server.parts.store.runs.latest() == []
    assert len(await server.parts.store.aliases.history()) == 1
    assert await chosen(server) == {}
    actions = {entry.action for entry in await server.parts.store.audit.latest(server=server.key)}
    assert actions <= {"learning on"}


async def test_a_role_chosen_by_the_server_counts_and_discords_own_permission_does_not(server: Server) -> None:
    server.expects_errors = True
    role = server.guild.create_role("Keepers")
    await server.parts.store.server_settings.set(server.key, "admin_roles", [str(role.id)], "test")
    assert read(await server.admin.slash(server.channel, "audit")) == REFUSED


async def test_discord_hides_the_commands_from_moderators(server: Server) -> None:
    hidden = set(COMMANDS) & set(server.moderator.available_commands(server.channel))
    assert hidden == set()
    assert set(COMMANDS) <= set(server.admin.available_commands(server.channel))


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("model show", "name"),
        ("model promote", "name"),
        ("model canary", "version"),
        ("schedule set", "when"),
        ("schedule set", "time_zone"),
        ("config set", "name"),
        ("config unset", "name"),
        ("audit", "action"),
    ],
)
async def test_who_is_no_admin_gets_no_suggestions(strict_server: Server, command: str, option: str) -> None:
    await publish(strict_server, 1)
    assert await strict_server.admin.autocomplete(strict_server.channel, command, option, "") == []


async def test_no_press_of_who_is_no_admin_any_more_does_anything(server: Server) -> None:
    server.expects_errors = True
    first = await champion(server, 1)
    second = await publish(server, 2)
    asked = answer(await server.admin.slash(server.channel, "model promote", name=second))
    canary = answer(await server.admin.slash(server.channel, "model canary", share=20, version=second))
    picker = answer(await server.admin.slash(server.channel, "config set", name="review_channel"))
    form = await server.admin.slash(server.channel, "config set", name="persona")
    role = server.guild.create_role("Keepers")
    await server.parts.store.server_settings.set(server.key, "admin_roles", [str(role.id)], "test")
    results: list[Any] = [
        await server.admin.click(asked.message, label="Promote"),
        await server.admin.click(canary.message, label="End"),
        await server.admin.select(picker.message, [server.channel]),
        await server.admin.submit_modal(form, {form.modal["components"][0]["components"][0]["custom_id"]: "a pirate"}),
    ]
    assert [read(result) for result in results] == [REFUSED] * len(results)
    assert await server.parts.store.aliases.champions() == {"": first}
    assert await server.parts.store.canaries.open() is not None
    assert set(await chosen(server)) == {"admin_roles"}
