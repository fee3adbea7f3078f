"""Under the report of a new version: a button that tells each member how many of their own votes are in it."""

import re
from typing import Any

import discord

from bot.cogs.failures import reporting
from bot.cogs.parts import BotParts, server_of
from bot.cogs.sending import send


class MyVotesButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]],
    template=r"mynah:votes:in:(?P<version>[a-z0-9-]{1,64})",
):
    """Tells whoever presses it, and nobody else."""

    def __init__(self, version: str) -> None:
        self.version = version
        super().__init__(
            discord.ui.Button(
                style=discord.ButtonStyle.secondary,
                label="My votes",
                emoji="💚",
                custom_id=f"mynah:votes:in:{version}",
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> "MyVotesButton":
        """The button that was pressed."""
        return cls(match["version"])

    @reporting
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Count the member's votes of this server on what the version learnt."""
        parts: BotParts = interaction.client.parts
        await interaction.response.defer(ephemeral=True, thinking=True)
        voter = parts.author_key(interaction.user)
        votes = await parts.store.votes.behind(voter, self.version, server=server_of(interaction))
        await send(interaction, _told(votes, self.version), is_private=True)


def _told(votes: int, version: str) -> str:
    if not votes:
        return f"None of your votes is in `{version}`. 👍 and 👎 under my answers decide what the next one learns from."
    whose = "Your vote is" if votes == 1 else f"Your {votes} votes are"
    return f"{whose} in `{version}`. Thank you! 💚"
