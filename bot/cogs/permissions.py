"""Who may do what, decided at each use from the roles that the server's owner configured.

Discord's own default permissions only hide commands; nothing here relies on them.
"""

from enum import IntEnum

import discord

from bot.cogs.parts import BotParts, server_of
from bot.settings import DiscordSettings
from storage.errors import Refused


class Rank(IntEnum):
    """How far a person's rights go; each includes those before it."""

    MEMBER = 0
    MODERATOR = 1
    ADMIN = 2


async def rank_now(interaction: discord.Interaction, parts: BotParts) -> Rank:
    """The rank of whoever uses a command, button or form, as the server's roles and settings are at this moment.

    Raises:
        DatabaseBusy: the settings cannot be read now.
    """
    user = interaction.user
    if interaction.guild is None or not isinstance(user, discord.Member) or user.guild.id != interaction.guild_id:
        return Rank.MEMBER
    chosen = await parts.servers.settings(server_of(interaction))
    return _rank(
        user,
        admin_roles=chosen.admin_roles or tuple(map(str, parts.settings.admin_role_ids)),
        reviewer_roles=chosen.reviewer_roles or tuple(map(str, parts.settings.moderator_role_ids)),
    )


async def require_now(interaction: discord.Interaction, rank: Rank, parts: BotParts) -> None:
    """Let pass only who has a rank in the server where they ask.

    Raises:
        Refused: they have not, or this is no server.
        DatabaseBusy: it cannot be looked up now.
    """
    if interaction.guild is None:
        raise Refused("That works only in a server.", advice="Use the command in a channel of your server.")
    if await rank_now(interaction, parts) < rank:
        whom = "admins" if rank is Rank.ADMIN else "moderators"
        raise Refused(f"Only {whom} may do that.", advice="Ask the people who run this server.")


def rank_of(user: discord.abc.User, settings: DiscordSettings) -> Rank:
    """The rank of a person by the process's own settings alone."""
    if not isinstance(user, discord.Member):
        return Rank.MEMBER
    return _rank(
        user,
        admin_roles=tuple(map(str, settings.admin_role_ids)),
        reviewer_roles=tuple(map(str, settings.moderator_role_ids)),
    )


def _rank(member: discord.Member, *, admin_roles: tuple[str, ...], reviewer_roles: tuple[str, ...]) -> Rank:
    if member.bot:
        return Rank.MEMBER
    may = member.guild_permissions
    if _has(member, admin_roles, fallback=may.manage_guild):
        return Rank.ADMIN
    return Rank.MODERATOR if _has(member, reviewer_roles, fallback=may.manage_messages) else Rank.MEMBER


def _has(member: discord.Member, role_ids: tuple[str, ...], *, fallback: bool) -> bool:
    return any(str(role.id) in role_ids for role in member.roles) if role_ids else fallback
