"""Who asks for admin work, and whether they may: looked at on every command, button, menu, form and suggestion."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import discord

from bot.cogs.parts import BotParts, server_of
from bot.cogs.permissions import Rank, rank_of
from storage.errors import MynahError, Refused


@dataclass(frozen=True, slots=True)
class Admin:
    """An admin at work in a server."""

    key: str
    """The keyed hash that stands for them."""
    server: str
    line: str
    """The line of champions that answers in the server; `""`: the shared one."""


async def admin_of(interaction: discord.Interaction[Any], parts: BotParts) -> Admin:
    """Who asks, when they may.

    Raises:
        Refused: they are no admin, or this is no server.
        DatabaseBusy: it cannot be looked up now.
    """
    await _require(interaction, parts)
    server = server_of(interaction)
    return Admin(parts.author_key(interaction.user), server, await parts.store.server_settings.line_of(server))


async def deferred_admin(interaction: discord.Interaction[Any], parts: BotParts, *, is_private: bool = True) -> Admin:
    """Who asks, when they may, with the interaction deferred: there are 15 minutes for the answer, not three seconds.

    Raises:
        Refused: they are no admin, or this is no server.
        DatabaseBusy: it cannot be looked up now.
    """
    await _require(interaction, parts)
    await interaction.response.defer(ephemeral=is_private, thinking=True)
    return await admin_of(interaction, parts)


async def is_admin(interaction: discord.Interaction[Any], parts: BotParts) -> bool:
    """Whether suggestions may be shown: a half-typed command has no place for an error."""
    try:
        await _require(interaction, parts)
    except MynahError:
        return False
    return True


def is_admin_with(member: discord.abc.User, parts: BotParts, admin_roles: Collection[str]) -> bool:
    """Whether somebody would be an admin if these were the roles of admins."""
    roles = tuple(int(role) for role in admin_roles) or parts.settings.admin_role_ids
    return rank_of(member, parts.settings.model_copy(update={"admin_role_ids": roles})) >= Rank.ADMIN


async def _require(interaction: discord.Interaction[Any], parts: BotParts) -> None:
    if interaction.guild is None:
        raise Refused("That works only in a server.", advice="Use the command in a channel of your server.")
    chosen = await parts.store.server_settings.get(server_of(interaction))
    if not is_admin_with(interaction.user, parts, chosen.admin_roles):
        raise Refused("Only admins may do that.", advice="Ask the people who run this server.")
