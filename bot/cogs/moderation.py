"""`/review`: moderators decide what may be learnt, and see who waits how long."""

from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.cogs.parts import BotParts, server_of
from bot.cogs.review_buttons import require_moderator, showing
from bot.cogs.review_stats import stats_report
from bot.cogs.sending import send


class Moderation(commands.Cog):
    """The way to the review cards."""

    def __init__(self, parts: BotParts) -> None:
        self._parts = parts

    review = app_commands.Group(
        name="review",
        description="Decide what Mynah may learn (moderators)",
        guild_only=True,
        default_permissions=discord.Permissions(manage_messages=True),
    )

    @review.command(description="Walk through what waits, the most useful and most doubtful first")
    async def queue(self, interaction: discord.Interaction[Any]) -> None:
        """Show the first card, in private."""
        await require_moderator(interaction)
        await interaction.response.defer(ephemeral=True, thinking=True)
        await showing(interaction).first()

    @review.command(description="Who waits how long, and who decided what")
    @app_commands.describe(days="Of how many days")
    async def stats(self, interaction: discord.Interaction[Any], days: app_commands.Range[int, 1, 90] = 7) -> None:
        """Show figures and a plot, in private."""
        await require_moderator(interaction)
        await interaction.response.defer(ephemeral=True, thinking=True)
        stats = await self._parts.desk.stats(server_of(interaction), days=days)
        embed, files = await stats_report(stats, days, self._names(interaction), self._parts.clock())
        await send(interaction, embed=embed, files=files, is_private=True)

    @review.command(description="Let Mynah learn again from a member whom moderators kept out")
    @app_commands.describe(member="Whom")
    async def unblock(self, interaction: discord.Interaction[Any], member: discord.User) -> None:
        """Lift a block."""
        await require_moderator(interaction)
        await interaction.response.defer(ephemeral=True, thinking=True)
        reviewer = self._parts.author_key(interaction.user)
        await self._parts.desk.unblock(server_of(interaction), self._parts.author_key(member), reviewer)
        text = f"{member.mention} is no longer kept out. I learn from them only if they themselves allow it."
        await send(interaction, text, is_private=True)

    def _names(self, interaction: discord.Interaction[Any]) -> dict[str, str]:
        """The names of those members whom Discord told of, by author key: the store knows no names."""
        members = interaction.guild.members if interaction.guild is not None else []
        names = {self._parts.author_key(member): member.display_name for member in members if not member.bot}
        return names | {self._parts.author_key(interaction.user): interaction.user.display_name}
