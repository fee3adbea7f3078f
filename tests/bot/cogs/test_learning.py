from pathlib import Path
from typing import Any

import pytest

from bot.cogs.client import MynahBot
from bot.cogs.learning import POLICY
from bot.settings import DiscordSettings
from storage.store import Store
from tests.bot.cogs.server import Server, open_server
from tests.fakes.clock import FakeClock

CONFIRM = "I confirm: Discord permits this bot to train on messages"


def read(result: Any) -> str:
    return str(result.followups[-1].content if result.followups else result.response.content)


async def is_on(server: Server) -> bool:
    return (await server.parts.store.server_settings.get(server.key)).learning_on


@pytest.fixture
async def quiet(store: Store, clock: FakeClock, tmp_path: Path) -> Any:
    """A server where nobody has turned learning on."""
    async with open_server(store, clock, tmp_path / "home", learns=False) as opened:
        yield opened


async def test_what_discord_demands_is_shown_and_confirmed_before_anything_is_learnt(quiet: Server) -> None:
    shown = await quiet.admin.slash(quiet.channel, "learning on")
    assert shown.ephemeral
    assert "rule 21" in read(shown)
    assert len(read(shown)) <= 2000
    [confirm, policy] = shown.response.message.components[0].children
    assert confirm.label == CONFIRM
    assert policy.url == POLICY
    assert not await is_on(quiet)
    await quiet.admin.click(shown.response.message, label=CONFIRM)
    settings = await quiet.parts.store.server_settings.get(quiet.key)
    assert settings.learning_on
    assert settings.learning_confirmed_by == quiet.key_of(quiet.admin)
    assert settings.learning_confirmed_at == quiet.parts.clock()
    assert "Learning is on" in read(shown)
    [entry] = await quiet.parts.store.audit.latest(server=quiet.key, action="learning on")
    assert entry.actor == quiet.key_of(quiet.admin)


@pytest.mark.parametrize("command", ["learning on", "learning off", "learning status"])
async def test_who_has_none_of_the_servers_admin_roles_may_not(server: Server, command: str) -> None:
    server.expects_errors = True
    await server.parts.store.server_settings.set(server.key, "admin_roles", ["1"], "another admin")
    result = await server.admin.slash(server.channel, command)
    assert "Only admins may do that" in read(result)
    assert result.ephemeral
    assert await is_on(server)


async def test_discord_hides_it_from_everybody_else(server: Server) -> None:
    assert "learning off" in server.admin.available_commands(server.channel)
    for who in (server.ann, server.moderator):
        assert not [name for name in who.available_commands(server.channel) if name.startswith("learning")]


async def test_an_admin_who_lost_the_role_cannot_confirm(quiet: Server) -> None:
    quiet.expects_errors = True
    shown = await quiet.admin.slash(quiet.channel, "learning on")
    await quiet.parts.store.server_settings.set(quiet.key, "admin_roles", ["1"], "another admin")
    pressed = await quiet.admin.click(shown.response.message, label=CONFIRM)
    assert "Only admins" in read(pressed)
    assert not await is_on(quiet)


async def test_an_old_confirmation_does_nothing(quiet: Server, clock: FakeClock) -> None:
    quiet.expects_errors = True
    shown = await quiet.admin.slash(quiet.channel, "learning on")
    clock.advance(11 * 60)
    pressed = await quiet.admin.click(shown.response.message, label=CONFIRM)
    assert "too old" in read(pressed)
    assert not await is_on(quiet)


async def test_the_confirmation_works_after_a_restart_and_only_counts_once(quiet: Server) -> None:
    shown = await quiet.admin.slash(quiet.channel, "learning on")
    message = shown.response.message
    await quiet.env.restart_bot(MynahBot(quiet.parts))
    await quiet.admin.click(message, label=CONFIRM)
    assert await is_on(quiet)
    assert "on already" in read(await quiet.admin.slash(quiet.channel, "learning on"))
    assert len(await quiet.parts.store.audit.latest(server=quiet.key, action="learning on")) == 1


async def test_without_the_operators_switch_it_cannot_be_turned_on(
    store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    async with open_server(store, clock, tmp_path / "home", settings=DiscordSettings(), learns=False) as server:
        server.expects_errors = True
        result = await server.admin.slash(server.channel, "learning on")
        assert "MYNAH_DISCORD__PERMISSION_TO_TRAIN_CONFIRMED" in read(result)
        assert not result.response.message.components
        assert "The operator of this bot has not confirmed" in read(
            await server.admin.slash(server.channel, "learning status")
        )


async def test_off_is_at_once_and_takes_what_was_approved_out_of_what_may_be_learnt(server: Server) -> None:
    await server.allow(server.ann)
    await server.say("hello")
    [candidate] = await server.waiting()
    await server.parts.store.candidates.approve(candidate.id, "a moderator")
    assert await server.parts.store.candidates.learnable()
    result = await server.admin.slash(server.channel, "learning off")
    assert result.ephemeral
    assert "Learning is off" in read(result)
    assert not await server.parts.store.candidates.learnable()
    await server.say("more words")
    assert not await server.waiting()


async def test_status_tells_how_things_stand(server: Server, clock: FakeClock) -> None:
    await server.allow(server.ann)
    await server.say("hello")
    text = read(await server.admin.slash(server.channel, "learning status"))
    assert "**on**" in text
    assert f"<t:{int(clock().timestamp())}:D>" in text
    assert "1 examples wait" in text
    await server.parts.store.server_settings.set(server.key, "sources", ["correction"], "admin")
    await server.admin.slash(server.channel, "learning off")
    text = read(await server.admin.slash(server.channel, "learning status"))
    assert "**off**" in text
    assert "Learnt from: correction" in text
