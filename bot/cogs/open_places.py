"""Which channels of a server everybody in it may read: what was said elsewhere is not brought into another channel."""

import discord


def is_open(guild: discord.Guild | None, channel_id: str) -> bool:
    """Whether the server's every member can read a channel; no for places that are gone, unknown or age-restricted."""
    if guild is None or not channel_id.isdecimal():
        return False
    channel = guild.get_channel_or_thread(int(channel_id))
    if channel is None or channel.is_nsfw():
        return False
    if isinstance(channel, discord.Thread) and (channel.is_private() or channel.parent is None):
        return False
    everybody = channel.permissions_for(guild.default_role)
    return everybody.read_messages and everybody.read_message_history
