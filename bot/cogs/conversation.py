"""Talk: what people write to the bot, its answers, and what becomes of messages that are edited or deleted."""

import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace

import discord
from discord.ext import commands

from bot.chat import sentences
from bot.chat.values import Incoming, Reply, ReplyKind
from bot.cogs.addressing import incoming_from, plain_text
from bot.cogs.answer_buttons import answer_buttons
from bot.cogs.failures import told
from bot.cogs.first_contact import ask_once
from bot.cogs.parts import DIRECT_MESSAGES, BotParts
from bot.cogs.persisting import UNREACHABLE
from bot.cogs.seen import Seen
from bot.cogs.sending import Destination
from bot.cogs.streamed_answer import StreamedAnswer
from bot.cogs.tasks import Tasks

logger = logging.getLogger(__name__)

_BETTERED = {ReplyKind.ANSWER, ReplyKind.STOPPED, ReplyKind.REFUSAL}
"""Where a model had an answer, said or not: whoever knows better words may write them."""


async def give_answer(
    parts: BotParts,
    incoming: Incoming,
    destination: Destination,
    user: discord.abc.User,
    *,
    in_reply_to: discord.Message | None = None,
    begun: Sequence[discord.Message] = (),
) -> bool:
    """Stream the chat's reply to where the person is, whatever happens; after their first, ask about learning.

    Args:
        parts: of the world.
        incoming: what the person said.
        destination: where the reply goes.
        user: the person.
        in_reply_to: their message.
        begun: messages of ours with the beginning of an answer that a process left; they carry the whole one then.

    Returns:
        Whether this process answered; another one does otherwise.
    """
    with parts.tracer.span("message", source=incoming.source.value) as span:
        shown = StreamedAnswer(
            destination,
            in_reply_to=in_reply_to,
            interval_seconds=parts.settings.edit_interval_seconds,
            monotonic=parts.monotonic,
            begun=begun,
        )
        reply, is_answer = await _answered(parts, incoming, shown)
        if reply is not None:
            span.note(kind=reply.kind.value, turn=reply.user_turn_id)
    if is_answer:
        await ask_once(parts, incoming, destination, user, in_reply_to=in_reply_to)
    return reply is None or reply.kind is not ReplyKind.ELSEWHERE


async def _answered(parts: BotParts, incoming: Incoming, shown: StreamedAnswer) -> tuple[Reply | None, bool]:
    """The reply as it was streamed, if it came to its end; and whether it was a whole answer of a model, and arrived."""
    reply: Reply | None = None
    is_answer = False
    async with aclosing(parts.chat.answer(incoming)) as updates:
        async for update in updates:
            reply = update.reply
            if reply is None:
                await shown.show(update.text)
                if shown.is_gone:
                    return None, False
            else:  # in here: only then the chat counts it as arrived
                is_answer = await _ended(parts, reply, shown)
    if reply is None:
        await shown.take_back()
    return reply, is_answer


async def _ended(parts: BotParts, reply: Reply, shown: StreamedAnswer) -> bool:
    """Show the end of a turn; whether it was a whole answer of a model, and arrived."""
    if reply.kind is ReplyKind.ELSEWHERE:
        return False
    with parts.tracer.span("sending"):
        if reply.kind is ReplyKind.WITHDRAWN:
            await shown.take_back()
            return False
        return await _finish(parts, reply, shown)


async def _finish(parts: BotParts, reply: Reply, shown: StreamedAnswer) -> bool:
    """Show the whole reply; whether it was a whole answer of a model, and arrived."""
    if reply.kind not in _BETTERED or reply.assistant_turn_id is None:
        await shown.finish(reply.text, None)
        return False
    buttons = answer_buttons(reply.assistant_turn_id, with_votes=reply.kind is not ReplyKind.REFUSAL)
    message = await shown.finish(reply.text, buttons)
    if message is None:
        return False
    await _note_sent(parts, reply.assistant_turn_id, message)
    return reply.kind is ReplyKind.ANSWER


async def _note_sent(parts: BotParts, turn_id: int, message: discord.Message) -> None:
    """Tie the row to its message; the person has the answer already, so a failure is only logged."""
    try:
        with parts.tracer.span("noting"):
            await parts.chat.note_sent(turn_id, str(message.id))
    except Exception as error:
        logger.exception("answer's message not noted", extra={"error": type(error).__name__, "turn": turn_id})


class Conversation(commands.Cog):
    """Answers messages, and follows their edits and deletions."""

    def __init__(self, bot: commands.Bot, parts: BotParts) -> None:
        self._bot = bot
        self._parts = parts
        self._tasks = Tasks()
        self._seen = Seen()

    async def cog_unload(self) -> None:
        """End the answers on their way."""
        await self._tasks.close()

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Answer it, if it is meant for the bot and can be answered where it is."""
        await self._take_up(message)

    async def take_up_late(self, message: discord.Message, begun: Sequence[discord.Message] = ()) -> None:
        """Answer what was said while nobody listened, or what a process that is gone had begun to answer.

        Args:
            message: a person's.
            begun: our messages with the beginning of an answer to it; they carry the whole one then.
        """
        await self._take_up(message, begun, is_late=True)

    async def _take_up(
        self, message: discord.Message, begun: Sequence[discord.Message] = (), *, is_late: bool = False
    ) -> None:
        me = self._bot.user
        if me is None or not _may_speak_in(message):
            return
        incoming = await incoming_from(message, me, self._parts)
        if incoming is None or not self._seen.is_new(message.id):
            return
        with self._tasks.this_one():
            await self._answer(message, replace(incoming, is_late=is_late), begun)

    @commands.Cog.listener()
    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        """Screen the new words and replace the old; that Discord pinned a message or added a preview is no edit."""
        me = self._bot.user
        message = payload.message
        if me is None or message.author.bot or message.edited_at is None or "content" not in payload.data:
            return
        text = plain_text(message.content, me.id)
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

    @commands.Cog.listener()
    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """Forget what was said in the channel."""
        await self._parts.chat.channel_deleted(str(channel.guild.id), str(channel.id))

    @commands.Cog.listener()
    async def on_raw_thread_delete(self, payload: discord.RawThreadDeleteEvent) -> None:
        """Forget what was said in the thread; Discord tells of it also when its channel went."""
        await self._parts.chat.channel_deleted(str(payload.guild_id), str(payload.thread_id))

    @commands.Cog.listener()
    async def on_raw_member_remove(self, payload: discord.RawMemberRemoveEvent) -> None:
        """Who leaves can no longer say no here; only told to bots with the members intent."""
        server, author_key = str(payload.guild_id), self._parts.author_key(payload.user)
        await self._parts.store.members.left(server, author_key)

    async def _answer(self, message: discord.Message, incoming: Incoming, begun: Sequence[discord.Message]) -> None:
        try:
            async with AsyncExitStack() as stack:
                await _show_typing(stack, message)
                is_ours = await give_answer(
                    self._parts, incoming, message.channel, message.author, in_reply_to=message, begun=begun
                )
                if not is_ours:  # should whoever answers it be gone before they have, it is ours when told again
                    self._seen.forget(message.id)
        except Exception as error:  # noqa: BLE001 - logged there, and the person gets an answer
            await self._apologise(message, error, begun)

    async def _apologise(self, message: discord.Message, error: Exception, begun: Sequence[discord.Message]) -> None:
        told(error, message.id)
        shown = StreamedAnswer(
            message.channel, in_reply_to=message, interval_seconds=0, monotonic=self._parts.monotonic, begun=begun
        )
        try:
            await shown.finish(sentences.TROUBLE, None)
        except (discord.HTTPException, *UNREACHABLE) as failure:
            logger.warning("apology not sent", extra={"error": type(failure).__name__, "failure": message.id})
            self._seen.forget(message.id)  # whoever reads the channel later takes it up again


def _may_speak_in(message: discord.Message) -> bool:
    if message.guild is None:
        return True
    may = message.channel.permissions_for(message.guild.me)
    return may.send_messages_in_threads if isinstance(message.channel, discord.Thread) else may.send_messages


async def _show_typing(stack: AsyncExitStack, message: discord.Message) -> None:
    try:
        await stack.enter_async_context(message.channel.typing())
    except (discord.HTTPException, *UNREACHABLE) as error:
        logger.info("typing not shown", extra={"error": type(error).__name__})


def _server(guild_id: int | None) -> str:
    return DIRECT_MESSAGES if guild_id is None else str(guild_id)
