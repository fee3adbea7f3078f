"""What every member may ask for: `/chat`, `/stop`, `/reset`, `/privacy`, `/help`."""

from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat.values import Incoming
from bot.cogs.addressing import plain_text
from bot.cogs.conversation import give_answer
from bot.cogs.failures import reporting
from bot.cogs.parts import BotParts, server_of
from bot.cogs.permissions import Rank, rank_of
from bot.cogs.sending import revise, send
from storage.values import ForgetReceipt, Source

_CONFIRM_SECONDS = 120.0
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
        )
        await give_answer(self._parts, incoming, interaction)

    @app_commands.command(description="Stop the answer that is being written to you here")
    async def stop(self, interaction: discord.Interaction[Any]) -> None:
        """Stop one's own answer; moderators stop every answer of the channel."""
        is_moderator = rank_of(interaction.user, self._parts.settings) >= Rank.MODERATOR
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
        rank = rank_of(interaction.user, self._parts.settings)
        may_learn = self._parts.chat.may_learn_in(server_of(interaction))
        await send(interaction, _help_text(rank, may_learn=may_learn), is_private=True)

    privacy = app_commands.Group(name="privacy", description="What Mynah may learn from you, and what it keeps")

    @privacy.command(description="Show what you decided")
    async def show(self, interaction: discord.Interaction[Any]) -> None:
        """Say where the member stands."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        server = server_of(interaction)
        consent = await self._parts.chat.consent(server, self._parts.author_key(interaction.user))
        await send(interaction, _consent_text(consent, self._parts.chat.may_learn_in(server)), is_private=True)

    @privacy.command(description="Let Mynah learn from what you say to it here")
    async def allow(self, interaction: discord.Interaction[Any]) -> None:
        """Record a yes."""
        await self._decide(interaction, allowed=True)

    @privacy.command(description="Do not let Mynah learn from you here")
    async def deny(self, interaction: discord.Interaction[Any]) -> None:
        """Record a no."""
        await self._decide(interaction, allowed=False)

    @privacy.command(description="Delete everything Mynah keeps of you")
    @app_commands.describe(everywhere="In every server, not only here")
    async def forget(self, interaction: discord.Interaction[Any], everywhere: bool = False) -> None:
        """Ask once more, then delete."""
        where = "everywhere" if everywhere else "here"
        text = f"Delete everything I keep of you {where}? That cannot be undone, and I will not learn from you again."
        view = ConfirmForget(self._parts, None if everywhere else server_of(interaction))
        await send(interaction, text, view=view, is_private=True)

    async def _decide(self, interaction: discord.Interaction[Any], *, allowed: bool) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        server = server_of(interaction)
        await self._parts.chat.set_consent(server, self._parts.author_key(interaction.user), allowed=allowed)
        await send(interaction, _consent_text(allowed, self._parts.chat.may_learn_in(server)), is_private=True)


class ConfirmForget(discord.ui.View):
    """Deletes a member's rows once they confirmed."""

    def __init__(self, parts: BotParts, server: str | None) -> None:
        super().__init__(timeout=_CONFIRM_SECONDS)
        self._parts = parts
        self._server = server

    @discord.ui.button(label="Delete", style=discord.ButtonStyle.danger)
    async def delete(self, interaction: discord.Interaction[Any], _: discord.ui.Button["ConfirmForget"]) -> None:
        """Delete, and give a receipt."""
        await self._forget(interaction)

    @discord.ui.button(label="Keep", style=discord.ButtonStyle.secondary)
    async def keep(self, interaction: discord.Interaction[Any], _: discord.ui.Button["ConfirmForget"]) -> None:
        """Do nothing."""
        self.stop()
        await interaction.response.defer()
        await revise(await interaction.original_response(), "Nothing was deleted.")

    @reporting
    async def _forget(self, interaction: discord.Interaction[Any]) -> None:
        self.stop()
        await interaction.response.defer()
        author_key = self._parts.author_key(interaction.user)
        receipt = await self._parts.chat.forget(author_key, server=self._server)
        await revise(await interaction.original_response(), _receipt_text(receipt))


def _receipt_text(receipt: ForgetReceipt) -> str:
    lines = [
        f"Deleted: {receipt.turns} messages, {receipt.candidates} examples, {receipt.votes} votes.",
        "I will not learn from you again unless you allow it.",
    ]
    if receipt.versions:
        versions = ", ".join(f"`{version}`" for version in receipt.versions)
        lines.append(f"These model versions had learnt from you: {versions}. The next one is made without your words.")
    return "\n".join(lines)


def _consent_text(consent: bool | None, may_learn: bool) -> str:
    decision = {
        True: "You **allow** me to learn from what you say to me here. Change it with `/privacy deny`.",
        False: "You do **not** allow me to learn from you here. Change it with `/privacy allow`.",
        None: "You have not decided, so I do **not** learn from you here. Change it with `/privacy allow`.",
    }[consent]
    place = (
        "A moderator looks at every example before I learn it."
        if may_learn
        else "The operator has not turned learning on here, so nothing is learnt from anybody at the moment."
    )
    return f"{decision}\n{place}\n`/privacy forget` deletes everything I keep of you."


def _help_text(rank: Rank, *, may_learn: bool) -> str:
    lines = [
        "**Talk to me**: mention me, reply to me, write me a direct message, or use `/chat`.",
        "`/stop` ends an answer, `/reset` begins a new conversation.",
        "👍 👎 under an answer tell me how it was; ✏️ tells me a better one.",
        "`/privacy show|allow|deny|forget`: what I may learn from you, and what I keep.",
    ]
    if not may_learn:
        lines.append("Learning is off here: I only talk.")
    if rank >= Rank.MODERATOR:
        lines.append("**Moderators**: `/review` walks through what waits to be learnt.")
    if rank >= Rank.ADMIN:
        lines.append("**Admins**: `/retrain now|status|cancel`, `/model list|show|promote|rollback`.")
    lines.append("I'm a small language model: I make things up, and I'm no substitute for a person.")
    return "\n".join(lines)
