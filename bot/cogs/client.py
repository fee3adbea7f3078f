"""The Discord client: which events it asks for, how it starts, and what a person reads when it cannot."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import discord
import yarl
from discord.ext import commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.cogs.administration import Administration
from bot.cogs.answer_buttons import BetterAnswerButton, VoteButton
from bot.cogs.catching_up import CatchingUp
from bot.cogs.commands import MemberCommands
from bot.cogs.conversation import Conversation
from bot.cogs.failures import CommandTree
from bot.cogs.first_contact import ConsentButton
from bot.cogs.forgetting import ForgetButton
from bot.cogs.late_presses import LatePresses
from bot.cogs.learning import ConfirmLearning, LearningSwitch
from bot.cogs.moderation import Moderation
from bot.cogs.parts import BotParts
from bot.cogs.privacy import Privacy
from bot.cogs.review_buttons import ITEMS
from bot.cogs.review_channel import ReviewChannel
from bot.cogs.teaching import TeachingMenus
from bot.cogs.upkeep import Upkeep
from bot.cogs.why import Why
from bot.settings import DiscordSettings
from storage.errors import MynahError, WrongUsage

logger = logging.getLogger(__name__)


@dataclass
class Link:
    """Whether Discord hears the bot now; changed by the bot, read by whoever looks after it."""

    is_up: bool = False


class MynahBot(commands.Bot):
    """Mynah on Discord: cogs over the parts that the composition root made."""

    def __init__(self, parts: BotParts, link: Link | None = None, **sharding: Any) -> None:
        super().__init__(
            command_prefix=(),
            help_command=None,
            tree_cls=CommandTree,
            intents=_intents(parts.settings),
            chunk_guilds_at_startup=False,
            allowed_mentions=discord.AllowedMentions.none(),
            **sharding,
        )
        self.parts = parts
        self._link = link or Link()

    async def setup_hook(self) -> None:
        """Add the cogs and the persistent buttons, and register the commands."""
        conversation = Conversation(self, self.parts)
        await self.add_cog(conversation)
        await self.add_cog(CatchingUp(self, self.parts, conversation))
        await self.add_cog(MemberCommands(self.parts))
        await self.add_cog(Privacy(self.parts))
        await self.add_cog(LearningSwitch(self.parts))
        await self.add_cog(Why(self, self.parts))
        await self.add_cog(LatePresses())
        await self.add_cog(Upkeep(self, self.parts))
        await self.add_cog(Moderation(self.parts))
        await self.add_cog(ReviewChannel(self, self.parts))
        await self.add_cog(TeachingMenus(self, self.parts))
        await self.add_cog(Administration(self, self.parts))
        self.add_dynamic_items(VoteButton, BetterAnswerButton, *ITEMS)
        self.add_dynamic_items(ConsentButton, ConfirmLearning, ForgetButton)
        if self.parts.settings.sync_commands:
            await self._register_commands()

    def dispatch(self, event_name: str, /, *args: Any, **kwargs: Any) -> None:
        """Pass an event on, unless the bot is closing: what still lay in the socket finds no loop to run in then."""
        if not self.is_closed():
            super().dispatch(event_name, *args, **kwargs)

    async def on_message(self, message: discord.Message, /) -> None:
        """Leave messages to the conversation: there are no prefix commands."""

    async def on_ready(self) -> None:
        """Say so in the log."""
        self._link.is_up = True
        logger.info("connected to Discord", extra={"servers": len(self.guilds)})

    async def on_resumed(self) -> None:
        """Note that a lost connection is back."""
        self._link.is_up = True

    async def on_disconnect(self) -> None:
        """Note that the connection is lost; discord.py makes another by itself."""
        self._link.is_up = False

    async def on_error(self, event_method: str, /, *_: Any, **__: Any) -> None:
        """Log what went wrong with an event, without its arguments: they hold people's words."""
        logger.exception("event failed", extra={"event": event_method})

    async def _register_commands(self) -> None:
        try:
            registered = await self.tree.sync()
        except discord.HTTPException as error:
            logger.warning("slash commands not registered; talking works", extra={"status": error.status})
        else:
            logger.info("slash commands registered", extra={"commands": len(registered)})


class ShardedMynahBot(MynahBot, commands.AutoShardedBot):
    """The same over several connections to Discord, each for a part of the servers."""


def make_bot(parts: BotParts, link: Link | None = None) -> MynahBot:
    """The client that the settings ask for."""
    settings = parts.settings
    if settings.shard_count is None:
        return MynahBot(parts, link)
    return ShardedMynahBot(parts, link, shard_count=settings.shard_count, shard_ids=list(settings.shard_ids) or None)


def _intents(settings: DiscordSettings) -> discord.Intents:
    """What the bot listens to; only message content is privileged, and, where the operator wants it, who leaves."""
    return discord.Intents(
        guilds=True, guild_messages=True, dm_messages=True, message_content=True, members=settings.members_intent
    )


@contextmanager
def discord_at(settings: DiscordSettings) -> Iterator[None]:
    """Let discord.py reach Discord where the settings say; it keeps both addresses on its classes, for all clients."""
    api, gateway = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    Route.BASE = settings.api_url.rstrip("/") if settings.api_url else api
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(settings.gateway_url) if settings.gateway_url else gateway
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = api, gateway


async def run_bot(parts: BotParts, link: Link | None = None) -> None:
    """Connect to Discord and answer until cancelled; closes the connection at the end.

    Args:
        parts: the world.
        link: is told whether Discord hears the bot.

    Raises:
        WrongUsage: there is no token, Discord does not know it, or the message content intent is off.
        MynahError: Discord cannot be reached.
    """
    if parts.settings.token is None:
        raise WrongUsage(
            "There is no Discord token.", advice="Set MYNAH_DISCORD__TOKEN, or run `mynah init`, which asks for it."
        )
    bot = make_bot(parts, link)
    try:
        with discord_at(parts.settings):
            async with bot:
                await bot.start(parts.settings.token.get_secret_value().strip())
    except discord.LoginFailure:
        raise WrongUsage(
            "Discord does not know this token.",
            advice="Copy it again from https://discord.com/developers/applications (Bot, Reset Token), "
            "or run `mynah init`.",
        ) from None
    except discord.PrivilegedIntentsRequired:
        raise WrongUsage(
            "Discord does not let the bot read messages"
            + (", or not see who leaves." if parts.settings.members_intent else "."),
            advice="Turn on Message Content Intent"
            + (" and Server Members Intent" if parts.settings.members_intent else "")
            + " at https://discord.com/developers/applications (Bot, Privileged Gateway Intents), then start again.",
        ) from None
    except (aiohttp.ClientError, discord.GatewayNotFound, OSError) as error:
        raise MynahError(
            f"Discord cannot be reached ({type(error).__name__}).", advice="Check the network, then start again."
        ) from error
