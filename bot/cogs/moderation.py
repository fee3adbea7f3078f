"""`/review`: moderators decide what may be learnt."""

from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.cogs.parts import BotParts
from bot.cogs.permissions import Rank, require
from bot.cogs.review_card import first_card


class Moderation(commands.Cog):
    """The way to the review cards."""

    def __init__(self, parts: BotParts) -> None:
        self._parts = parts

    @app_commands.command(description="Decide what Mynah may learn (moderators)")
    @app_commands.guild_only()
    @app_commands.default_permissions(manage_messages=True)
    async def review(self, interaction: discord.Interaction[Any]) -> None:
        """Show the oldest candidate that waits."""
        require(interaction, Rank.MODERATOR, self._parts.settings)
        await interaction.response.defer(ephemeral=True, thinking=True)
        await first_card(interaction, self._parts)
