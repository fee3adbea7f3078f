"""What the cogs work with: made by the composition root, passed in, shared by all of them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import discord

from bot.chat.peers import Peers
from bot.chat.servers import Servers
from bot.chat.service import ChatService
from bot.engine.remote.own_model import own_model_only
from bot.review.desk import ReviewDesk
from bot.settings import DiscordSettings
from bot.tracing import NO_TRACER, Tracer
from storage.registry import ModelRegistry
from storage.store import Store

DIRECT_MESSAGES = "dm"
"""The server's name under which direct messages are stored, and consent to learn from them."""


@dataclass(frozen=True, slots=True)
class BotParts:
    """The world as the cogs see it."""

    settings: DiscordSettings
    store: Store
    registry: ModelRegistry
    chat: ChatService
    desk: ReviewDesk
    clock: Callable[[], datetime]
    monotonic: Callable[[], float] = time.monotonic
    """Seconds; says when a streamed answer may be edited again."""
    peers: Peers | None = None
    """Other bots on the same database; None: nobody looks whether there are any."""
    tracer: Tracer = NO_TRACER
    """Writes down which way messages went."""
    takes_versions: bool = True
    """Whether versions of ours can answer; False where a model server has a model of its own."""

    def check_takes_versions(self) -> None:
        """Nothing, where versions of ours can answer.

        Raises:
            Refused: they cannot.
        """
        if not self.takes_versions:
            raise own_model_only()

    @property
    def servers(self) -> Servers:
        """What each server's admins chose."""
        return self.chat.servers

    def author_key(self, user: discord.abc.User) -> str:
        """The keyed hash that stands for a Discord user."""
        return self.store.author_key(str(user.id))


def server_of(place: discord.Message | discord.Interaction) -> str:
    """The name under which a message's or an interaction's server is stored."""
    guild_id = place.guild_id if isinstance(place, discord.Interaction) else place.guild and place.guild.id
    return DIRECT_MESSAGES if guild_id is None else str(guild_id)
