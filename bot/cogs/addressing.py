"""Which messages are meant for the bot, and what they say without Discord's markup."""

import re

import discord

from bot.chat.values import Incoming
from bot.cogs.parts import BotParts, server_of
from storage.values import Source

_SPOKEN = {discord.MessageType.default, discord.MessageType.reply}
_MEMBER = re.compile(r"<@!?(\d+)>")
_ROLE = re.compile(r"<@&\d+>")
_CHANNEL = re.compile(r"<#\d+>")
_EMOJI = re.compile(r"<a?:(\w+):\d+>")
_COMMAND = re.compile(r"</([^:>]+):\d+>")


def incoming_from(message: discord.Message, me: discord.ClientUser, parts: BotParts) -> Incoming | None:
    """The message as the chat takes it; None when it is not meant for the bot."""
    if message.author.bot or message.webhook_id is not None or message.type not in _SPOKEN:
        return None
    if not is_addressed(message, me, parts.settings.channel_ids):
        return None
    return Incoming(
        server=server_of(message),
        channel=str(message.channel.id),
        author_key=parts.author_key(message.author),
        text=plain_text(message.content, me.id),
        source=Source.MESSAGE,
        external_id=str(message.id),
    )


def is_addressed(message: discord.Message, me: discord.ClientUser, channel_ids: tuple[int, ...]) -> bool:
    """Whether a message speaks to the bot: a DM, a mention, a reply to it, a chat channel, or a thread it opened."""
    if message.guild is None or me in message.mentions:
        return True
    if message.guild.self_role is not None and message.guild.self_role in message.role_mentions:
        return True
    if message.reference is not None and isinstance(message.reference.resolved, discord.Message):
        return message.reference.resolved.author.id == me.id
    channel = message.channel
    if isinstance(channel, discord.Thread):
        return channel.parent_id in channel_ids or channel.id in channel_ids or channel.owner_id == me.id
    return channel.id in channel_ids


def plain_text(content: str, my_id: int) -> str:
    """A message without Discord's markup: other people's ids are personal data, and mean nothing to a model."""
    text = _MEMBER.sub(lambda found: "" if int(found[1]) == my_id else "@someone", content)
    text = _CHANNEL.sub("#channel", _ROLE.sub("@role", text))
    return _COMMAND.sub(r"/\1", _EMOJI.sub(r":\1:", text)).strip()
