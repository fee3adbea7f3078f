"""The stand-in Discord with people in it who act over real sockets, and, where a test wants it, the real bot."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bot.cogs.client import MynahBot, discord_at
from bot.settings import DiscordSettings
from playground.server import Options, Playground, open_playground
from storage.store import Store
from tests.bot.cogs.server import make_parts
from tests.fakes.clock import FakeClock
from tests.fakes.engine import ScriptedEngine
from tests.fakes.screening import WordScreening

PATIENCE_SECONDS = 30.0
"""Far more than anything takes; only a test that fails waits for it."""

Frame = Mapping[str, Any]


@dataclass
class Town:
    """A running stand-in, and a session that holds the key to its page."""

    server: Playground
    session: aiohttp.ClientSession

    def id_of(self, name: str) -> str:
        """A person's id."""
        users = self.server.world.users
        people = self.server.seeded.people.all
        return next(str(one.user_id) for one in people if users[one.user_id].global_name == name)

    def channel(self, name: str) -> str:
        """A channel's id."""
        return str(self.server.seeded.channels[name])

    @property
    def me(self) -> str:
        """How the bot is mentioned."""
        return f"<@{self.server.world.bot_user.id}>"

    async def call(self, method: str, path: str, *, who: str | None = None, **fields: Any) -> tuple[int, Any]:
        """Status and body of one call to `/play`."""
        params = {} if who is None else {"as": self.id_of(who)}
        async with self.session.request(method, f"{self.server.base}/play{path}", params=params, **fields) as response:
            return response.status, (await response.json() if response.content_length else None)

    async def done(self, method: str, path: str, **fields: Any) -> Any:
        """The body of a call that must succeed."""
        status, body = await self.call(method, path, **fields)
        assert status < 300, (status, body)
        return body

    async def say(self, who: str, text: str, channel: str = "general", **more: Any) -> Any:
        """A message."""
        body = {"content": text, **more}
        return await self.done("POST", f"/channels/{self.channel(channel)}/messages", who=who, json=body)

    async def fault(self, kind: str, **options: Any) -> Any:
        """Something goes wrong."""
        return await self.done("POST", "/faults", json={"kind": kind, **options})

    async def ask(self, who: str, body: Mapping[str, Any]) -> Any:
        """An interaction."""
        return await self.done("POST", "/interactions", who=who, json=body)

    async def command(self, who: str, name: str, channel: str = "general") -> Any:
        """A command that somebody may use."""
        found = await self.done("GET", f"/channels/{self.channel(channel)}/commands", who=who)
        return next(command for command in found if command["name"] == name)

    async def slash(self, who: str, name: str, *options: Mapping[str, Any], channel: str = "general") -> Any:
        """A slash command."""
        command = await self.command(who, name, channel)
        data = {"id": command["id"], "options": list(options)}
        return await self.ask(who, {"type": 2, "channel_id": self.channel(channel), "data": data})

    async def history(self, who: str, channel: str = "general") -> list[Any]:
        """What somebody sees in a channel, oldest first."""
        found: list[Any] = await self.done("GET", f"/channels/{self.channel(channel)}/messages", who=who)
        return found

    @asynccontextmanager
    async def watching(self, who: str, *, after: int | None = None) -> AsyncIterator["Watcher"]:
        """Somebody's eyes, from now on or from an event on."""
        params = {"as": self.id_of(who)} | ({} if after is None else {"after": str(after)})
        url = f"{self.server.base}/play/events"
        async with self.session.ws_connect(url, params=params, heartbeat=None) as socket:
            yield Watcher(socket)


class Watcher:
    """What one person sees, as it comes."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self.seen: list[Frame] = []

    async def until(self, name: str, fits: Callable[[Any], bool] = lambda _: True) -> Any:
        """The payload of the next event of a name that fits."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                frame = await self._socket.receive_json()
                self.seen.append(frame)
                if frame["t"] == name and fits(frame["d"]):
                    return frame["d"]

    async def answer(self, text: str) -> Any:
        """The bot's message once it is whole: with these words, and its buttons under them."""

        def is_whole(message: Any) -> bool:
            return bool(message["author"]["bot"] and text in message["content"] and message["components"])

        return await self.until_message(is_whole)

    async def until_message(self, fits: Callable[[Any], bool]) -> Any:
        """The next message, new or changed, that fits."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                frame = await self._socket.receive_json()
                self.seen.append(frame)
                if frame["t"] in {"MESSAGE_CREATE", "MESSAGE_UPDATE"} and fits(frame["d"]):
                    return frame["d"]


@asynccontextmanager
async def open_town(**options: Any) -> AsyncIterator[Town]:
    """A stand-in on a free port, without a bot."""
    async with open_playground(Options(ports=(0,), **options)) as server:
        headers = {"Authorization": f"Bearer {server.page_token}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            yield Town(server, session)


@dataclass
class BotInTown:
    """The real bot, with a scripted engine, and its database."""

    client: MynahBot
    engine: ScriptedEngine
    store: Store


class QuickBot(MynahBot):
    """The real bot, without the five seconds that discord.py waits before it identifies anew."""

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Wait for nothing."""


@asynccontextmanager
async def mynah_in(
    town: Town, store: Store, clock: FakeClock, home: Path, *, silence_seconds: float = 60.0
) -> AsyncIterator[BotInTown]:
    """The real bot, connected by its settings alone. After so much silence it takes its connection for dead."""
    server = town.server
    settings = DiscordSettings(
        api_url=server.api_url,
        gateway_url=server.gateway_url,
        edit_interval_seconds=0.2,
        members_intent=True,
        permission_to_train_confirmed=True,
    )
    engine = ScriptedEngine()
    client = QuickBot(make_parts(store, clock, home, settings, engine, WordScreening()))
    client._connection.guild_ready_timeout = 0.05
    client._connection.heartbeat_timeout = silence_seconds
    with discord_at(settings):
        async with client:
            serving = asyncio.create_task(client.start(server.bot_token))
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await client.wait_until_ready()
                yield BotInTown(client, engine, store)
            finally:
                await client.close()
                await asyncio.gather(serving, return_exceptions=True)
