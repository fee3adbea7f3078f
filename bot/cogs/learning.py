"""`/learning on|off|status`: an admin decides whether anything said in a server may be learnt.

It is off until an admin was shown what Discord's Developer Policy demands and confirmed it with a button that says what is
confirmed. The operator's own switch for the process is needed as well; neither replaces the other.
"""

import re
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.cogs.dated import PATTERN, Asked
from bot.cogs.failures import reporting
from bot.cogs.parts import BotParts, server_of
from bot.cogs.permissions import Rank, require_now
from bot.cogs.sending import revise, send
from storage.errors import Refused
from storage.server_settings import ServerSettings
from storage.values import Source

POLICY = "https://support-dev.discord.com/hc/en-us/articles/8563934450327-Discord-Developer-Policy"

_DEMANDS = """**Before I learn from this server**
Discord's Developer Policy (8 July 2024, rule 21) forbids training AI models on message content that comes through its \
API, **unless Discord has permitted it**. That members agree, that the server is yours, or that the model stays on your \
own machine does not change that.

With the button you confirm, for this server, that **Discord has permitted this bot to train on its messages**. Who \
confirmed and when is recorded and stays in the audit log. Please ask Discord first if you are not sure, and keep the \
answer.

After that, each member is still asked for their own yes, a moderator still looks at every example, and `/learning off` \
ends it at once. The bot's operator has confirmed the same for the whole bot."""
_OPERATOR_HAS_NOT = (
    "The operator of this bot has not confirmed that Discord permits training, so learning cannot be turned on in any "
    "server."
)
_OPERATOR_ADVICE = "Ask whoever runs the bot; their setting is MYNAH_DISCORD__PERMISSION_TO_TRAIN_CONFIRMED."
_ON = (
    "**Learning is on** in this server, and that you confirmed it is recorded. Members are asked when they next talk to "
    "me; until they say yes, nothing of them is learnt. `/review queue` shows what waits, `/learning off` ends it."
)
_OFF = (
    "**Learning is off** in this server. Nothing said here becomes an example, nobody is asked, and the next version is made "
    "without this server's words, also those that were approved. What members decided and what was approved is kept, "
    "in case you turn it on again; `/privacy forget` is how a member deletes theirs."
)


class LearningSwitch(commands.Cog):
    """Turns learning on and off in a server."""

    learning = app_commands.Group(
        name="learning",
        description="Whether Mynah learns from this server (admins)",
        guild_only=True,
        default_permissions=discord.Permissions(manage_guild=True),
    )

    def __init__(self, parts: BotParts) -> None:
        self._parts = parts

    @learning.command(name="on", description="Let Mynah learn from members who agree; shows what Discord demands first")
    async def turn_on(self, interaction: discord.Interaction[Any]) -> None:
        """Show what is demanded, with the button that confirms it."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        settings = await self._settings(interaction)
        _require_operator(self._parts, server_of(interaction))
        if settings.learning_on:
            await send(interaction, f"Learning is on already.\n{_confirmation(settings)}", is_private=True)
            return
        view = discord.ui.View(timeout=None)
        view.add_item(ConfirmLearning(Asked.now(interaction, self._parts)))
        view.add_item(discord.ui.Button(style=discord.ButtonStyle.link, label="Read the policy", url=POLICY))
        await send(interaction, _DEMANDS, view=view, is_private=True)

    @learning.command(name="off", description="Learn nothing from this server any more")
    async def turn_off(self, interaction: discord.Interaction[Any]) -> None:
        """Turn it off at once."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self._settings(interaction)
        server = server_of(interaction)
        await self._parts.store.server_settings.turn_learning_off(server, self._parts.author_key(interaction.user))
        self._parts.servers.changed(server)
        await send(interaction, _OFF, is_private=True)

    @learning.command(name="status", description="Whether Mynah learns from this server, and who confirmed it")
    async def status(self, interaction: discord.Interaction[Any]) -> None:
        """Tell how things stand."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        settings = await self._settings(interaction)
        server = server_of(interaction)
        waiting = await self._parts.store.review_queue.waiting(server)
        is_permitted = self._parts.servers.operator_permits(server)
        await send(interaction, _status_text(settings, waiting, is_permitted=is_permitted), is_private=True)

    async def _settings(self, interaction: discord.Interaction[Any]) -> ServerSettings:
        """The server's choices as they are stored, for an admin.

        Raises:
            Refused: they are no admin, or this is no server.
        """
        await require_now(interaction, Rank.ADMIN, self._parts)
        return await self._parts.store.server_settings.get(server_of(interaction))


class ConfirmLearning(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]], template=rf"mynah:learning:confirm:{PATTERN}"
):
    """The confirmation, by the admin who was shown what it means."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        super().__init__(
            discord.ui.Button(
                style=discord.ButtonStyle.danger,
                label="I confirm: Discord permits this bot to train on messages",
                custom_id=f"mynah:learning:confirm:{asked.text}",
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> "ConfirmLearning":
        """The button that was pressed."""
        return cls(Asked.parse(match["user"], match["asked"]))

    @reporting
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Record who confirmed and when; rank and the operator's switch are looked at once more."""
        parts: BotParts = interaction.client.parts
        self.asked.require_open(interaction, parts, command="/learning on")
        await require_now(interaction, Rank.ADMIN, parts)
        server = server_of(interaction)
        _require_operator(parts, server)
        await interaction.response.defer()
        if not (await parts.store.server_settings.get(server)).learning_on:
            await parts.store.server_settings.turn_learning_on(server, parts.author_key(interaction.user))
            parts.servers.changed(server)
        await revise(await interaction.original_response(), _ON)


def _require_operator(parts: BotParts, server: str) -> None:
    if not parts.servers.operator_permits(server):
        raise Refused(_OPERATOR_HAS_NOT, advice=_OPERATOR_ADVICE)


def _status_text(settings: ServerSettings, waiting: int, *, is_permitted: bool) -> str:
    sources = ", ".join(source.value for source in settings.sources) or "none"
    lines = [
        f"Learning is **{'on' if settings.learning_on else 'off'}** in this server.",
        _confirmation(settings),
        "" if is_permitted else f"{_OPERATOR_HAS_NOT} Until then nothing is learnt here.",
        f"Learnt from: {sources}" if set(settings.sources) != set(Source) else "",
        "This server has a model of its own." if settings.own_line else "",
        f"Talk is deleted after {settings.retention_days} days." if settings.retention_days else "",
        f"{waiting} examples wait for review." if waiting else "No example waits for review.",
    ]
    return "\n".join(line for line in lines if line)


def _confirmation(settings: ServerSettings) -> str:
    if settings.learning_confirmed_at is None:
        return "Nobody has confirmed yet that Discord permits it."
    when = discord.utils.format_dt(settings.learning_confirmed_at, "D")
    return f"An admin last confirmed on {when} that Discord permits it; the audit log has it."
