"""Talk: what people write to the bot, its answers, and what becomes of messages that are edited or deleted."""

import logging
from contextlib import AsyncExitStack, aclosing

import discord
from discord.ext import commands

from bot.chat import sentences
from bot.chat.values import Incoming, Reply, ReplyKind
from bot.cogs.addressing import incoming_from, plain_text
from bot.cogs.answer_buttons import answer_buttons
from bot.cogs.failures import told
from bot.cogs.parts import DIRECT_MESSAGES, BotParts
from bot.cogs.sending import Destination
from bot.cogs.streamed_answer import StreamedAnswer
from bot.cogs.tasks import Tasks

logger = logging.getLogger(__name__)


async def give_answer(
    parts: BotParts, incoming: Incoming, destination: Destination, *, in_reply_to: discord.Message | None = None
) -> None:
    """Stream the chat's reply to where the person is, whatever happens."""
    shown = StreamedAnswer(
        destination,
        in_reply_to=in_reply_to,
        interval_seconds=parts.settings.edit_interval_seconds,
        monotonic=parts.monotonic,
    )
    reply: Reply | None = None
    async with aclosing(parts.chat.answer(incoming)) as updates:
        async for update in updates:
            reply = update.reply
            if reply is None:
                await shown.show(update.text)
            if shown.is_gone:
                return
    if reply is None or reply.kind is ReplyKind.WITHDRAWN:
        await shown.take_back()
        return
    await _finish(parts, incoming, reply, shown)


async def _finish(parts: BotParts, incoming: Incoming, reply: Reply, shown: StreamedAnswer) -> None:
    if reply.kind not in {ReplyKind.ANSWER, ReplyKind.STOPPED} or reply.assistant_turn_id is None:
        await shown.finish(reply.text, None)
        return
    hint = await _hint(parts, incoming)
    text = reply.text if hint is None else f"{reply.text}\n-# {hint}"
    message = await shown.finish(text, answer_buttons(reply.assistant_turn_id))
    if message is not None:
        await _note_sent(parts, reply.assistant_turn_id, message)


async def _note_sent(parts: BotParts, turn_id: int, message: discord.Message) -> None:
    """Tie the row to its message; the person has the answer already, so a failure is only logged."""
    try:
        await parts.chat.note_sent(turn_id, str(message.id))
    except Exception as error:
        logger.exception("answer's message not noted", extra={"error": type(error).__name__, "turn": turn_id})


async def _hint(parts: BotParts, incoming: Incoming) -> str | None:
    """How to allow learning, if it is time to say so; never a reason for an answer not to arrive."""
    try:
        return await parts.chat.consent_hint(incoming.server, incoming.author_key)
    except Exception as error:
        logger.exception("no consent hint", extra={"error": type(error).__name__})
        return None


class Conversation(commands.Cog):
    """Answers messages, and follows their edits and deletions."""

    def __init__(self, bot: commands.Bot, parts: BotParts) -> None:
        self._bot = bot
        self._parts = parts
        self._tasks = Tasks()

    async def cog_unload(self) -> None:
        """End the answers on their way."""
        await self._tasks.close()

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Answer it, if it is meant for the bot and can be answered where it is."""
        me = self._bot.user
        if me is None or not _may_speak_in(message):
            return
        incoming = incoming_from(message, me, self._parts)
        if incoming is None:
            return
        with self._tasks.this_one():
            await self._answer(message, incoming)

    @commands.Cog.listener()
    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        """Screen the new words and replace the old; Discord also tells of embeds that it added, which is no edit."""
        me = self._bot.user
        if me is None or payload.message.author.bot or "content" not in payload.data:
            return
        text = plain_text(payload.message.content, me.id)
        await self._parts.chat.edited(_server(payload.guild_id), str(payload.message_id), text)

    @commands.Cog.listener()
    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        """Forget the message."""
        await self._parts.chat.deleted(_server(payload.guild_id), [str(payload.message_id)])

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        """Forget the messages."""
        ids = [str(message_id) for message_id in sorted(payload.message_ids)]
        await self._parts.chat.deleted(_server(payload.guild_id), ids)

    async def _answer(self, message: discord.Message, incoming: Incoming) -> None:
        try:
            async with AsyncExitStack() as stack:
                await _show_typing(stack, message)
                await give_answer(self._parts, incoming, message.channel, in_reply_to=message)
        except Exception as error:  # noqa: BLE001 - logged there, and the person gets an answer
            await self._apologise(message, error)

    async def _apologise(self, message: discord.Message, error: Exception) -> None:
        told(error, message.id)
        shown = StreamedAnswer(
            message.channel, in_reply_to=message, interval_seconds=0, monotonic=self._parts.monotonic
        )
        try:
            await shown.finish(sentences.TROUBLE, None)
        except discord.HTTPException as failure:
            logger.warning("apology not sent", extra={"status": failure.status, "failure": message.id})


def _may_speak_in(message: discord.Message) -> bool:
    if message.guild is None:
        return True
    may = message.channel.permissions_for(message.guild.me)
    return may.send_messages_in_threads if isinstance(message.channel, discord.Thread) else may.send_messages


async def _show_typing(stack: AsyncExitStack, message: discord.Message) -> None:
    try:
        await stack.enter_async_context(message.channel.typing())
    except discord.HTTPException as error:
        logger.info("typing not shown", extra={"status": error.status})


def _server(guild_id: int | None) -> str:
    return DIRECT_MESSAGES if guild_id is None else str(guild_id)
