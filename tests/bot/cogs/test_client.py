import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import discord
import pytest
import simcord
from aiohttp import web
from pydantic import SecretStr

from bot.cogs.client import Link, MynahBot, ShardedMynahBot, run_bot
from bot.cogs.parts import BotParts
from bot.settings import DiscordSettings
from storage.errors import MynahError, WrongUsage
from storage.store import Store
from tests.bot.cogs.server import make_parts, open_server
from tests.fakes.clock import FakeClock
from tests.fakes.engine import ScriptedEngine
from tests.fakes.screening import WordScreening


def parts_with(token: str | None, store: Store, clock: FakeClock, home: Path) -> BotParts:
    settings = DiscordSettings(token=SecretStr(token) if token is not None else None)
    return make_parts(store, clock, home, settings, ScriptedEngine(), WordScreening())


@pytest.fixture
async def refusing_discord(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """A Discord on this machine that knows no token at all."""

    async def unauthorised(_: web.Request) -> web.Response:
        return web.json_response({"message": "401: Unauthorized", "code": 0}, status=401)

    app = web.Application()
    app.router.add_get("/users/@me", unauthorised)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    [address] = runner.addresses
    monkeypatch.setattr(discord.http.Route, "BASE", f"http://127.0.0.1:{address[1]}")
    yield
    await runner.cleanup()


async def test_without_a_token_it_says_how_to_set_one(store: Store, clock: FakeClock, tmp_path: Path) -> None:
    with pytest.raises(WrongUsage, match="MYNAH_DISCORD__TOKEN"):
        await run_bot(parts_with(None, store, clock, tmp_path))


@pytest.mark.usefixtures("refusing_discord")
@pytest.mark.parametrize("token", ["wrong", "  ", "a.b.c\n"], ids=["wrong", "blank", "with a line end"])
async def test_a_wrong_token_says_where_to_get_one_and_never_repeats_it(
    store: Store, clock: FakeClock, tmp_path: Path, token: str
) -> None:
    with pytest.raises(WrongUsage, match="does not know this token") as caught:
        await run_bot(parts_with(token, store, clock, tmp_path))
    assert caught.value.exit_code == 2
    assert "a.b.c" not in str(caught.value)


async def test_an_unreachable_discord_says_so(
    store: Store, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setattr(discord.http.Route, "BASE", f"http://127.0.0.1:{port}")
    with pytest.raises(MynahError, match="cannot be reached"):
        await run_bot(parts_with("token", store, clock, tmp_path))


async def test_a_missing_intent_says_where_to_turn_it_on(
    store: Store, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def start(self: MynahBot, _: str) -> None:
        env = simcord.Env(self, approved_intents=discord.Intents.default())
        try:
            await env.start()
        finally:
            await env.shutdown()

    monkeypatch.setattr(MynahBot, "start", start)
    with pytest.raises(WrongUsage, match="Message Content Intent"):
        await run_bot(parts_with("token", store, clock, tmp_path))


async def test_commands_that_cannot_be_registered_do_not_keep_the_bot_from_talking(
    store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    bot = MynahBot(parts_with("token", store, clock, tmp_path))
    env = simcord.Env(bot)
    env.inject_error("PUT", "/applications/*/commands", status=403, code=50001)
    await env.start()
    try:
        guild = env.create_guild()
        channel = guild.create_text_channel("general")
        ann = guild.add_member(env.create_user("ann"))
        await ann.send(channel, f"{bot.user.mention if bot.user else ''} hello")
        assert channel.last_message is not None
        assert channel.last_message.content == "You said: hello"
    finally:
        await env.shutdown()


async def test_the_link_tells_whether_discord_hears_the_bot(store: Store, clock: FakeClock, tmp_path: Path) -> None:
    link = Link()
    bot = MynahBot(parts_with("token", store, clock, tmp_path), link)
    env = simcord.Env(bot)
    assert not link.is_up
    await env.start()
    try:
        assert link.is_up
        await bot.on_disconnect()
        assert not link.is_up
        await bot.on_resumed()
        assert link.is_up
    finally:
        await env.shutdown()


async def test_an_event_that_comes_while_it_closes_is_left(store: Store, clock: FakeClock, tmp_path: Path) -> None:
    async with MynahBot(parts_with("token", store, clock, tmp_path)) as bot:
        pass
    bot.dispatch("ready")  # finds no loop any more: it would fail, and leave a coroutine that nobody awaits


async def test_a_bot_of_shards_answers_as_one_without(store: Store, clock: FakeClock, tmp_path: Path) -> None:
    async with open_server(store, clock, tmp_path / "home", settings=DiscordSettings(shard_count=2)) as server:
        assert isinstance(server.env.bot, ShardedMynahBot)
        assert server.env.bot.shard_count == 2
        answer = await server.say("hello")
    assert answer.content == "You said: hello"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param({"shard_ids": (0,)}, "needs MYNAH_DISCORD__SHARD_COUNT", id="no count"),
        pytest.param({"shard_ids": (0, 2), "shard_count": 2}, "from 0 to 1", id="too high"),
    ],
)
def test_shards_that_do_not_exist_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        DiscordSettings(**given)


def test_the_shards_of_a_process_are_named() -> None:
    assert DiscordSettings(shard_ids=(3, 1), shard_count=4).shards == "1, 3 of 4"
    assert DiscordSettings(shard_count=4).shards == ""
