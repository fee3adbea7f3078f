"""Which messages are meant for the bot, and what they say without Discord's markup."""

import re
from functools import partial

import discord

from bot.chat.values import Incoming
from bot.cogs.open_places import is_open
from bot.cogs.parts import BotParts, server_of
from storage.values import Source

_SPOKEN = {discord.MessageType.default, discord.MessageType.reply}
_MEMBER = re.compile(r"<@!?(\d+)>")
_ROLE = re.compile(r"<@&\d+>")
_CHANNEL = re.compile(r"<#\d+>")
_EMOJI = re.compile(r"<a?:(\w+):\d+>")
_COMMAND = re.compile(r"</([^:>]+):\d+>")


async def incoming_from(message: discord.Message, me: discord.ClientUser, parts: BotParts) -> Incoming | None:
    """The message as the chat takes it; None when it is not meant for the bot.

    Raises:
        DatabaseBusy: whether its channel is one to chat in cannot be read now.
    """
    if message.author.bot or message.webhook_id is not None or message.type not in _SPOKEN:
        return None
    if not (_speaks_to(message, me) or await _is_in_chat_channel(message, parts)):
        return None
    return Incoming(
        server=server_of(message),
        channel=str(message.channel.id),
        author_key=parts.author_key(message.author),
        text=plain_text(message.content, me.id),
        source=Source.MESSAGE,
        external_id=str(message.id),
        is_open=partial(is_open, message.guild),
    )


def _speaks_to(message: discord.Message, me: discord.ClientUser) -> bool:
    """Whether it is a direct message, a mention, a reply to the bot, or in a thread that it opened."""
    if message.guild is None or me in message.mentions:
        return True
    if message.guild.self_role is not None and message.guild.self_role in message.role_mentions:
        return True
    if _answers_somebody(message) is not None:
        return _answers_somebody(message) == me.id
    return isinstance(message.channel, discord.Thread) and message.channel.owner_id == me.id


async def _is_in_chat_channel(message: discord.Message, parts: BotParts) -> bool:
    """Whether the server's admins want every message answered here; never a reply to somebody else."""
    if _answers_somebody(message) is not None:
        return False
    settings = await parts.servers.settings(server_of(message))
    chosen = settings.chat_channels or tuple(map(str, parts.settings.channel_ids))
    channel = message.channel
    parent = channel.parent_id if isinstance(channel, discord.Thread) else channel.id
    return str(channel.id) in chosen or str(parent) in chosen


def _answers_somebody(message: discord.Message) -> int | None:
    """Whose message it replies to, as far as Discord said so."""
    if message.reference is not None and isinstance(message.reference.resolved, discord.Message):
        return message.reference.resolved.author.id
    return None


def plain_text(content: str, my_id: int) -> str:
    """A message without Discord's markup: other people's ids are personal data, and mean nothing to a model."""
    text = _MEMBER.sub(lambda found: "" if int(found[1]) == my_id else "@someone", content)
    text = _CHANNEL.sub("#channel", _ROLE.sub("@role", text))
    return _COMMAND.sub(r"/\1", _EMOJI.sub(r":\1:", text)).strip()
