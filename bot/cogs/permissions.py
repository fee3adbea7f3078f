"""Who may do what, decided at each use from the roles that the server's owner configured.

Discord's own default permissions only hide commands; nothing here relies on them.
"""

from enum import IntEnum

import discord

from bot.settings import DiscordSettings
from storage.errors import Refused


class Rank(IntEnum):
    """How far a person's rights go; each includes those before it."""

    MEMBER = 0
    MODERATOR = 1
    ADMIN = 2


def rank_of(user: discord.abc.User, settings: DiscordSettings) -> Rank:
    """The rank of a person where they are; in direct messages, and for bots, never above a member."""
    if not isinstance(user, discord.Member) or user.bot:
        return Rank.MEMBER
    may = user.guild_permissions
    if _has(user, settings.admin_role_ids, fallback=may.manage_guild):
        return Rank.ADMIN
    return Rank.MODERATOR if _has(user, settings.moderator_role_ids, fallback=may.manage_messages) else Rank.MEMBER


def require(interaction: discord.Interaction, rank: Rank, settings: DiscordSettings) -> None:
    """Let pass only who has a rank in the server where they ask.

    Raises:
        Refused: they have not, or this is no server.
    """
    if interaction.guild is None:
        raise Refused("That works only in a server.", advice="Use the command in a channel of your server.")
    if rank_of(interaction.user, settings) < rank:
        whom = "admins" if rank is Rank.ADMIN else "moderators"
        raise Refused(f"Only {whom} may do that.", advice="Ask the people who run this server.")


def _has(member: discord.Member, role_ids: tuple[int, ...], *, fallback: bool) -> bool:
    return any(role.id in role_ids for role in member.roles) if role_ids else fallback
