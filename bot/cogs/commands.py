"""What every member may ask for: `/chat`, `/stop`, `/reset`, `/help`."""

from functools import partial
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat.values import Incoming
from bot.cogs.addressing import plain_text
from bot.cogs.conversation import give_answer
from bot.cogs.open_places import is_open
from bot.cogs.parts import BotParts, server_of
from bot.cogs.permissions import Rank, rank_now
from bot.cogs.sending import send
from storage.values import Source

_MAX_CHAT_CHARACTERS = 2000


class MemberCommands(commands.Cog):
    """The commands that need no rank."""

    def __init__(self, parts: BotParts) -> None:
        self._parts = parts

    @app_commands.command(description="Say something to Mynah")
    @app_commands.describe(message="What you want to say")
    async def chat(
        self, interaction: discord.Interaction[Any], message: app_commands.Range[str, 1, _MAX_CHAT_CHARACTERS]
    ) -> None:
        """Answer in the channel."""
        await interaction.response.defer(thinking=True)
        me = interaction.client.user
        incoming = Incoming(
            server=server_of(interaction),
            channel=str(interaction.channel_id),
            author_key=self._parts.author_key(interaction.user),
            text=plain_text(message, me.id if me else 0),
            source=Source.SLASH,
            is_open=partial(is_open, interaction.guild),
        )
        await give_answer(self._parts, incoming, interaction, interaction.user)

    @app_commands.command(description="Stop the answer that is being written to you here")
    async def stop(self, interaction: discord.Interaction[Any]) -> None:
        """Stop one's own answer; moderators stop every answer of the channel."""
        is_moderator = await rank_now(interaction, self._parts) >= Rank.MODERATOR
        author_key = None if is_moderator else self._parts.author_key(interaction.user)
        stopped = self._parts.chat.stop(server_of(interaction), str(interaction.channel_id), author_key)
        await send(interaction, "Stopped." if stopped else "I'm not answering you here right now.", is_private=True)

    @app_commands.command(description="Begin a new conversation in this channel")
    async def reset(self, interaction: discord.Interaction[Any]) -> None:
        """Forget, for the answers to come, what was said here."""
        await interaction.response.defer(thinking=True)
        await self._parts.chat.reset(server_of(interaction), str(interaction.channel_id))
        await send(interaction, "Let's begin anew. I no longer look at what was said here before.")

    @app_commands.command(description="What Mynah can do, and how")
    async def help(self, interaction: discord.Interaction[Any]) -> None:
        """Explain, by rank."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        rank = await rank_now(interaction, self._parts)
        may_learn = await self._parts.chat.may_learn_in(server_of(interaction))
        await send(interaction, _help_text(rank, may_learn=may_learn), is_private=True)


def _help_text(rank: Rank, *, may_learn: bool) -> str:
    lines = [
        "**Talk to me**: mention me, reply to me, write me a direct message, or use `/chat`.",
        "`/stop` ends an answer, `/reset` begins a new conversation.",
        "👍 👎 under an answer tell me how it was; ✏️ tells me a better one, also where I did not want to say mine.",
        "`/why` tells where my last answer to you came from; so does *Apps → Why this answer?* on a message of mine.",
        "`/privacy show|allow|deny|export|forget`: what I may learn from you, and what I keep.",
        "*Apps → Teach this* and *Don't learn this* on a message: one by one.",
    ]
    if not may_learn:
        lines.append("Learning is off here: I only talk.")
    if rank >= Rank.MODERATOR:
        lines.append(
            "**Moderators**: `/review queue` walks through what waits to be learnt; `/review stats`, `/review unblock`."
        )
    if rank >= Rank.ADMIN:
        lines.append(
            "**Admins**: `/learning on|off|status`, `/config show|set|unset`, `/retrain now|status|cancel`, "
            "`/schedule show|set|off`, `/model list|show|promote|rollback|canary`, `/stats`, `/audit`."
        )
    lines.append("I'm a small language model: I make things up, and I'm no substitute for a person.")
    return "\n".join(lines)
