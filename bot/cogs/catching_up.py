"""What happened while nobody listened: after a lost session or a restart, Discord's own record is read.

Discord tells a new session nothing of what came before it. So whoever spoke to the bot meanwhile is answered now, and
whatever was edited or deleted meanwhile is edited or forgotten here too, as far back as the settings say.

A message is answered already where a whole answer to it stands in the channel; one that was cut off, because the bot was
killed, is made whole. Of direct messages, only those are found that
come from people who had talked with the bot before.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

import discord
from discord.ext import commands

from bot.cogs.addressing import plain_text
from bot.cogs.conversation import Conversation
from bot.cogs.cut_off import beginning
from bot.cogs.parts import DIRECT_MESSAGES, BotParts
from bot.cogs.persisting import UNREACHABLE, persistently
from bot.cogs.tasks import Tasks
from storage.errors import MynahError

logger = logging.getLogger(__name__)

MOST_MESSAGES = 100
"""Of one place, the newest: what Discord gives in one request."""
_KNOWN = timedelta(days=1)
"""Who wrote a direct message so lately may have written another."""

_Shared = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread
_Place = _Shared | discord.DMChannel


class CatchingUp(commands.Cog):
    """Reads after each new session what it missed."""

    def __init__(self, bot: commands.Bot, parts: BotParts, conversation: Conversation) -> None:
        self._bot = bot
        self._parts = parts
        self._conversation = conversation
        self._tasks = Tasks()
        self._lock = asyncio.Lock()

    async def cog_load(self) -> None:
        """Also look for what another bot left unanswered when it went."""
        if self._parts.peers is not None:
            self._parts.peers.on_left = self._begin

    async def cog_unload(self) -> None:
        """End the reading."""
        await self._tasks.close()

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """A session began in which nothing is told of what came before it; a resumed one is told of everything."""
        self._begin()

    def _begin(self) -> None:
        if self._parts.settings.catch_up_minutes and self._bot.is_ready():
            self._tasks.start(self.catch_up(), name="catch up")

    async def catch_up(self) -> None:
        """Read every place where somebody spoke lately, one after another; a place that cannot be read is left out."""
        since = self._parts.clock() - timedelta(minutes=self._parts.settings.catch_up_minutes)
        try:
            async with self._lock:
                async for place in self._places(since):
                    try:
                        await self._read(place, since)
                    except (discord.HTTPException, *UNREACHABLE, MynahError) as error:
                        logger.warning("not caught up", extra={"channel": place.id, "error": type(error).__name__})
        except Exception as error:
            logger.exception("catching up failed", extra={"error": type(error).__name__})

    async def _places(self, since: datetime) -> AsyncIterator[_Place]:
        for guild in self._bot.guilds:
            spoken_in: list[_Shared] = [
                *guild.text_channels,
                *guild.voice_channels,
                *guild.stage_channels,
                *guild.threads,
            ]
            for place in spoken_in:
                if _has_news(place, since) and _may_read(place):
                    yield place
        for channel in await self._parts.store.conversations.channels(DIRECT_MESSAGES, since=since - _KNOWN):
            try:
                found = await self._bot.fetch_channel(int(channel))
            except (discord.HTTPException, *UNREACHABLE) as error:  # gone, or not to be had now
                logger.info("not caught up", extra={"channel": channel, "error": type(error).__name__})
                continue
            if isinstance(found, discord.DMChannel):
                yield found

    async def _read(self, place: _Place, since: datetime) -> None:
        server, me = _server(place), self._bot.user
        if me is None:
            return
        # Asked before Discord is: what comes in meanwhile must not be taken for deleted.
        known = await self._parts.store.conversations.messages(server, str(place.id), since=since)
        messages = await persistently(lambda: _newest(place, since))
        gone = _gone(known, messages, since)
        settled = await self._asked_for(server, gone)
        if gone:
            await self._parts.chat.deleted(server, gone)
        said = [one for one in messages if not one.author.bot]
        for message in said:
            if message.edited_at is not None:
                await self._parts.chat.edited(server, str(message.id), plain_text(message.content, me.id))
        for message in said:
            if str(message.id) in settled:
                continue
            begun = await beginning(message, messages, me, self._parts.store, server)
            if begun is not None:
                await self._conversation.take_up_late(message, begun)

    async def _asked_for(self, server: str, gone: Sequence[str]) -> set[str]:
        """The messages whose answers are among those that were deleted: whoever did so wants no other one."""
        conversations = self._parts.store.conversations
        found: set[str] = set()
        for one in gone:
            turn = await conversations.turn_by_external_id(server, one)
            if turn is not None and turn.reply_to is not None:
                question = await conversations.turn(turn.reply_to)
                found |= {question.external_id} if question is not None and question.external_id is not None else set()
        return found


def _has_news(place: _Shared, since: datetime) -> bool:
    newest = place.last_message_id
    return newest is not None and discord.utils.snowflake_time(newest) >= since


def _may_read(place: _Shared) -> bool:
    may = place.permissions_for(place.guild.me)
    return may.read_messages and may.read_message_history


async def _newest(place: _Place, since: datetime) -> list[discord.Message]:
    """The newest messages since then, oldest first."""
    found = [message async for message in place.history(limit=MOST_MESSAGES, after=since, oldest_first=False)]
    return found[::-1]


def _gone(known: Sequence[str], messages: Sequence[discord.Message], since: datetime) -> list[str]:
    """Which of the known messages were in what was read, if they still existed."""
    there = {message.id for message in messages}
    read_after = messages[0].id if len(messages) == MOST_MESSAGES else discord.utils.time_snowflake(since, high=True)
    return [one for one in known if int(one) > read_after and int(one) not in there]


def _server(place: _Place) -> str:
    return DIRECT_MESSAGES if isinstance(place, discord.DMChannel) else str(place.guild.id)
