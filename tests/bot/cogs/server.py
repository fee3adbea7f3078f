"""A Discord server in memory with the real bot in it: members, a moderator, an admin, a scripted engine."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import discord
import simcord

from bot.chat import sentences
from bot.chat.peers import Peers
from bot.chat.service import ChatService
from bot.cogs.client import make_bot
from bot.cogs.parts import BotParts
from bot.review.desk import ReviewDesk
from bot.settings import ChatSettings, DiscordSettings, EngineSettings
from bot.tracing import NO_TRACER, Tracer
from storage.registry import ModelRegistry
from storage.store import Store
from storage.values import Candidate, CandidateState, Message
from tests.fakes.clock import FakeClock
from tests.fakes.engine import Script, ScriptedEngine
from tests.fakes.screening import WordScreening

CRISIS_TEXT = "Please talk to somebody you trust. Here is who to call."


BASE_HASH = "b" * 64
"""Of the base under everything."""


class PatientEngine(ScriptedEngine):
    """A scripted engine whose waiting SimCord knows of, so that people can act while an answer is on its way."""

    env: Any = None
    wake: asyncio.Event
    pieces: Sequence[str] | None = None
    """What is answered to whatever is said, piece by piece; None: by the script."""

    def _words(self, messages: Sequence[Message]) -> list[str]:
        return super()._words(messages) if self.pieces is None else list(self.pieces)

    async def _pause(self, stop: asyncio.Event) -> None:
        if not self.hold.is_set() and not stop.is_set():
            self.wake = asyncio.Event()
            await self.env.external_wait(self.wake.wait(), reason="the model thinks")

    def stop(self, request_id: str) -> bool:
        found = super().stop(request_id)
        if found:
            self.wake.set()
        return found


@dataclass
class Server:
    """The server and everything behind the bot."""

    env: Any
    parts: BotParts
    engine: PatientEngine
    screening: WordScreening
    guild: Any = None
    channel: Any = None
    ann: Any = None
    bob: Any = None
    moderator: Any = None
    other_moderator: Any = None
    admin: Any = None
    moderators: Any = None
    expects_errors: bool = False
    """SimCord also notes errors that the bot answered; a test that causes some says so."""

    @property
    def me(self) -> str:
        return str(self.env.bot.user.mention)

    @property
    def key(self) -> str:
        return str(self.guild.id)

    def key_of(self, who: Any) -> str:
        return self.parts.store.author_key(str(who.id))

    async def say(self, text: str, who: Any = None, channel: Any = None) -> discord.Message:
        """Mention the bot; returns the newest message of the channel."""
        channel = channel or self.channel
        await (who or self.ann).send(channel, f"{self.me} {text}")
        return self.last(channel)

    def last(self, channel: Any = None) -> discord.Message:
        """The newest message that is no question about learning."""
        asked = {question.id for question in self.questions(channel)}
        messages: list[discord.Message] = [
            message for message in (channel or self.channel).history() if message.id not in asked
        ]
        return max(messages, key=lambda message: message.id)

    def questions(self, channel: Any = None) -> list[discord.Message]:
        """The questions whether somebody may be learnt from, oldest first."""
        found = [
            message for message in (channel or self.channel).history() if sentences.FIRST_CONTACT in message.content
        ]
        return sorted(found, key=lambda message: message.id)

    def sent(self) -> list[dict[str, Any]]:
        """The body of every message and edit that the bot sent."""
        return [entry.json for entry in self.env.http_requests if isinstance(entry.json, dict) and _is_message(entry)]

    async def waiting(self) -> list[Candidate]:
        return await self.parts.store.candidates.by_state(CandidateState.WAITING)

    async def allow(self, *people: Any) -> None:
        for who in people:
            await self.parts.store.consents.set(self.key, self.key_of(who), allowed=True)


def _is_message(entry: Any) -> bool:
    return entry.method in {"POST", "PATCH"} and ("/messages" in entry.path or "/webhooks/" in entry.path)


def make_parts(
    store: Store,
    clock: Callable[[], datetime],
    home: Path,
    settings: DiscordSettings,
    engine: ScriptedEngine,
    screening: WordScreening,
    peers: Peers | None = None,
    tracer: Tracer = NO_TRACER,
) -> BotParts:
    """The parts that the composition root would make, over fakes where models would be."""
    ticks = iter(range(0, 10**9, 10))
    chat = ChatService(
        store=store,
        engine=engine,
        screening=screening,
        chat=ChatSettings(),
        engine_settings=EngineSettings(),
        crisis_text=CRISIS_TEXT,
        clock=clock,
        may_learn_in=lambda _: settings.permission_to_train_confirmed,
        monotonic=lambda: float(next(ticks)),
        base_hash=BASE_HASH,
        peers=peers,
        tracer=tracer,
    )
    return BotParts(
        settings=settings,
        store=store,
        registry=ModelRegistry(home / "models", store),
        chat=chat,
        desk=ReviewDesk(store, screening),
        clock=clock,
        monotonic=lambda: float(next(ticks)),
        peers=peers,
        tracer=tracer,
    )


@asynccontextmanager
async def open_server(
    store: Store,
    clock: FakeClock,
    home: Path,
    *,
    settings: DiscordSettings | None = None,
    script: Script | None = None,
    learns: bool = True,
    tracer: Tracer = NO_TRACER,
) -> AsyncIterator[Server]:
    """A server with a text channel and five people, and the bot connected to it; where it learns, an admin said so."""
    settings = settings or DiscordSettings(permission_to_train_confirmed=True)
    engine, screening = PatientEngine(script), WordScreening()
    parts = make_parts(store, clock, home, settings, engine, screening, tracer=tracer)
    env = engine.env = simcord.Env(make_bot(parts))
    await env.start()
    try:
        server = Server(env, parts, engine, screening)
        guild = server.guild = env.create_guild()
        if learns:
            await store.server_settings.turn_learning_on(server.key, "an admin")
        server.channel = guild.create_text_channel("general")
        mods = server.moderators = guild.create_role("Mods", permissions=discord.Permissions(manage_messages=True))
        admins = guild.create_role("Admins", permissions=discord.Permissions(manage_guild=True))
        server.ann = guild.add_member(env.create_user("ann"))
        server.bob = guild.add_member(env.create_user("bob"))
        server.moderator = guild.add_member(env.create_user("mod"), roles=[mods])
        server.other_moderator = guild.add_member(env.create_user("mod2"), roles=[mods])
        server.admin = guild.add_member(env.create_user("admin"), roles=[admins])
        yield server
    finally:
        await env.shutdown()
    if not server.expects_errors:
        env.raise_errors()
