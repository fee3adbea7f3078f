"""`/privacy`: what a member decided, what is kept of them, their data as a file, and forgetting."""

from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.cogs.consent_texts import consent_text
from bot.cogs.export_file import export_files
from bot.cogs.forgetting import ask_whether_to_forget
from bot.cogs.parts import DIRECT_MESSAGES, BotParts, server_of
from bot.cogs.sending import send
from storage.governance import MemberSummary
from storage.values import CandidateState

_VERSIONS_NAMED = 10


class Privacy(commands.Cog):
    """A member's own say. Everything is answered in private."""

    privacy = app_commands.Group(name="privacy", description="What Mynah may learn from you, and what it keeps")

    def __init__(self, parts: BotParts) -> None:
        self._parts = parts

    @privacy.command(description="Show what you decided, and what Mynah keeps of you here")
    async def show(self, interaction: discord.Interaction[Any]) -> None:
        """Say where the member stands, and how much there is."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        server, author_key = server_of(interaction), self._parts.author_key(interaction.user)
        summary = await self._parts.store.members.summary(author_key, server=server)
        standing = await consent_text(self._parts, server, author_key)
        await send(interaction, f"{standing}\n\n{_summary_text(summary, server)}", is_private=True)

    @privacy.command(description="Let Mynah learn from what you say to it here")
    async def allow(self, interaction: discord.Interaction[Any]) -> None:
        """Record a yes."""
        await self._decide(interaction, allowed=True)

    @privacy.command(description="Do not let Mynah learn from you here")
    async def deny(self, interaction: discord.Interaction[Any]) -> None:
        """Record a no."""
        await self._decide(interaction, allowed=False)

    @privacy.command(description="Get everything Mynah keeps of you, as a file")
    @app_commands.describe(everywhere="From every server, not only this one")
    async def export(self, interaction: discord.Interaction[Any], everywhere: bool = False) -> None:
        """Send the member's own words and what became of them."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        server = None if everywhere else server_of(interaction)
        exported = await self._parts.store.members.export(self._parts.author_key(interaction.user), server=server)
        text = "Everything I keep of you, as a file that only you can see here. README.txt explains it."
        for files in export_files(exported, self._parts.clock()):
            await send(interaction, text, files=files, is_private=True)
            text = "And the next part."

    @privacy.command(description="Delete everything Mynah keeps of you")
    @app_commands.describe(everywhere="In every server, not only here")
    async def forget(self, interaction: discord.Interaction[Any], everywhere: bool = False) -> None:
        """Ask once more, then delete."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await ask_whether_to_forget(interaction, self._parts, everywhere=everywhere)

    async def _decide(self, interaction: discord.Interaction[Any], *, allowed: bool) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        server, author_key = server_of(interaction), self._parts.author_key(interaction.user)
        await self._parts.chat.set_consent(
            server, author_key, allowed=allowed, account_made_at=interaction.user.created_at
        )
        await send(interaction, await consent_text(self._parts, server, author_key), is_private=True)


def _summary_text(summary: MemberSummary, server: str) -> str:
    where = "in direct messages" if server == DIRECT_MESSAGES else "in this server"
    lines = [
        f"**What I keep of you {where}**",
        f"Messages: {summary.turns} · votes: {summary.votes}",
        f"Examples with your words: {_examples_text(summary)}",
        f"Versions that have learnt from you: {_versions_text(summary.versions)}",
        "`/privacy export` sends you all of it, `/privacy forget` deletes it.",
    ]
    return "\n".join(lines)


def _examples_text(summary: MemberSummary) -> str:
    told = {CandidateState.WAITING: "waiting for a moderator", CandidateState.APPROVED: "approved"}
    counts = [f"{summary.candidates.get(state, 0)} {told.get(state, state.value)}" for state in CandidateState]
    return ", ".join(counts)


def _versions_text(versions: tuple[str, ...]) -> str:
    if not versions:
        return "none"
    named = ", ".join(f"`{version}`" for version in versions[-_VERSIONS_NAMED:])
    more = len(versions) - _VERSIONS_NAMED
    return f"{named} and {more} older ones" if more > 0 else named
