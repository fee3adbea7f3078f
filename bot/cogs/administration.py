"""`/retrain` and `/model`: admins start training and choose which version answers."""

import asyncio
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.cogs.parts import BotParts
from bot.cogs.permissions import Rank, rank_of, require
from bot.cogs.run_progress import RunProgress, run_text
from bot.cogs.sending import send
from bot.cogs.tasks import Tasks
from storage.errors import MynahError, WrongUsage
from storage.values import Alias, Evaluation, ModelVersion, Run, RunState

_CHOICES = 25
"""Discord shows no more in an autocomplete."""
_LISTED = 20


class Administration(commands.Cog):
    """Training and model versions."""

    retrain = app_commands.Group(
        name="retrain",
        description="Train a better version (admins)",
        guild_only=True,
        default_permissions=discord.Permissions(manage_guild=True),
    )
    model = app_commands.Group(
        name="model",
        description="Choose which version answers (admins)",
        guild_only=True,
        default_permissions=discord.Permissions(manage_guild=True),
    )

    def __init__(self, bot: commands.Bot, parts: BotParts) -> None:
        self._bot = bot
        self._parts = parts
        self._tasks = Tasks()

    async def cog_unload(self) -> None:
        """Stop following runs; the trainer goes on."""
        await self._tasks.close()

    @retrain.command(name="now", description="Train a new version from everything approved")
    async def retrain_now(self, interaction: discord.Interaction[Any]) -> None:
        """Ask the trainer for a run, and follow it with a message that moves."""
        actor = await self._admin(interaction, is_private=False)
        run = await self._parts.store.runs.request(actor)
        await self._parts.store.audit.record(actor, "retrain", f"run {run.id}")
        for message in await send(interaction, run_text(run)):
            # An interaction's own messages can be edited for 15 minutes only, and training may take longer.
            place = self._bot.get_partial_messageable(message.channel.id, guild_id=interaction.guild_id)
            progress = RunProgress(self._parts, place.get_partial_message(message.id), run.id)
            self._tasks.start(progress.follow(), name=f"follow run {run.id}")

    @retrain.command(name="status", description="How the newest run stands")
    async def retrain_status(self, interaction: discord.Interaction[Any]) -> None:
        """Show the newest run."""
        await self._admin(interaction)
        runs = await self._parts.store.runs.latest(limit=1)
        text = run_text(runs[0]) if runs else "There was no run yet. `/retrain now` starts one."
        await send(interaction, text, is_private=True)

    @retrain.command(name="cancel", description="Cancel the run that waits or works")
    async def retrain_cancel(self, interaction: discord.Interaction[Any]) -> None:
        """Cancel it."""
        actor = await self._admin(interaction)
        run = await self._going()
        if run is None:
            await send(interaction, "No run waits or works, so there is nothing to cancel.", is_private=True)
            return
        cancelled = await self._parts.store.runs.cancel(run.id)
        await self._parts.store.audit.record(actor, "cancel run", f"run {run.id}")
        is_over = cancelled.state is RunState.CANCELLED
        text = f"Run {run.id} is cancelled." if is_over else f"Run {run.id} will stop at its next step."
        await send(interaction, text, is_private=True)

    @model.command(name="list", description="All versions, newest first")
    async def model_list(self, interaction: discord.Interaction[Any]) -> None:
        """List them, with the names that point to them."""
        await self._admin(interaction)
        versions = (await self._parts.store.aliases.versions())[::-1]
        names = await self._alias_names()
        lines = [_line(version, names) for version in versions[:_LISTED]]
        if len(versions) > _LISTED:
            lines.append(f"…and {len(versions) - _LISTED} older ones")
        await send(interaction, "\n".join(lines) or "There is no version yet.", is_private=True)

    @model.command(name="show", description="Where a version comes from, and how good it is")
    @app_commands.describe(name="A version, the beginning of one, or champion or previous")
    async def model_show(self, interaction: discord.Interaction[Any], name: str) -> None:
        """Show one."""
        await self._admin(interaction)
        version = await self._parts.registry.resolve(name)
        evaluations = await self._parts.store.evaluations.of_version(version.version)
        names = await self._alias_names()
        await send(interaction, _details(version, names, evaluations), is_private=True)

    @model.command(name="promote", description="Let a version answer from now on")
    @app_commands.describe(name="A version, or the beginning of one", reason="Why, for the record")
    async def model_promote(self, interaction: discord.Interaction[Any], name: str, reason: str = "") -> None:
        """Verify it, then make it the champion."""
        actor = await self._admin(interaction, is_private=False)
        champion = await self._parts.store.aliases.current(Alias.CHAMPION)
        version = (await self._parts.registry.resolve(name)).version
        if version == champion:
            raise WrongUsage(f"`{version}` answers already.", advice="Choose another: `/model list`.")
        await asyncio.to_thread(self._parts.registry.verify, version)
        await self._parts.store.aliases.promote(
            version, actor=actor, reason=reason or "promoted by an admin", expected_champion=champion
        )
        await send(interaction, f"`{version}` answers from now on. `/model rollback` takes that back.")

    @model.command(name="rollback", description="Give the place back to the version before")
    @app_commands.describe(reason="Why, for the record")
    async def model_rollback(self, interaction: discord.Interaction[Any], reason: str = "") -> None:
        """Undo the last promotion."""
        actor = await self._admin(interaction, is_private=False)
        change = await self._parts.store.aliases.rollback(actor=actor, reason=reason or "rolled back by an admin")
        await send(interaction, f"`{change.to_version}` answers again, instead of `{change.from_version}`.")

    @model_show.autocomplete("name")
    @model_promote.autocomplete("name")
    async def _suggest(self, interaction: discord.Interaction[Any], typed: str) -> list[app_commands.Choice[str]]:
        if interaction.guild is None or rank_of(interaction.user, self._parts.settings) < Rank.ADMIN:
            return []
        try:
            versions = (await self._parts.store.aliases.versions())[::-1]
            names = await self._alias_names()
        except MynahError:  # no suggestions are better than an error under a half-typed name
            return []
        fitting = [version for version in versions if version.version.startswith(typed.lower().strip())]
        return [
            app_commands.Choice(name=_choice(version, names), value=version.version) for version in fitting[:_CHOICES]
        ]

    async def _admin(self, interaction: discord.Interaction[Any], *, is_private: bool = True) -> str:
        """The key of the admin who asks, once the interaction is deferred.

        Raises:
            Refused: they are no admin, or this is no server.
        """
        require(interaction, Rank.ADMIN, self._parts.settings)
        await interaction.response.defer(ephemeral=is_private, thinking=True)
        return self._parts.author_key(interaction.user)

    async def _going(self) -> Run | None:
        runs = self._parts.store.runs
        return await runs.unfinished() or await runs.next_requested()

    async def _alias_names(self) -> dict[str, list[str]]:
        """Version to the aliases that point to it."""
        names: dict[str, list[str]] = {}
        for alias in Alias:
            version = await self._parts.store.aliases.current(alias)
            if version is not None:
                names.setdefault(version, []).append(alias.value)
        return names


def _line(version: ModelVersion, names: dict[str, list[str]]) -> str:
    aliases = "".join(f" **{name}**" for name in names.get(version.version, []))
    made = discord.utils.format_dt(version.created_at, "R")
    return f"`{version.version}`{aliases} {version.kind}, {made}"


def _choice(version: ModelVersion, names: dict[str, list[str]]) -> str:
    aliases = ", ".join(names.get(version.version, []))
    return f"{version.version} {version.kind}{f' ({aliases})' if aliases else ''}"[:100]


def _details(version: ModelVersion, names: dict[str, list[str]], evaluations: list[Evaluation]) -> str:
    lines = [_line(version, names)]
    origin = {"Base": version.base, "Parent": version.parent, "Snapshot": version.snapshot_hash, "Run": version.run_id}
    lines += [f"{label}: `{value}`" for label, value in origin.items() if value is not None]
    if version.note:
        lines.append(version.note)
    lines += [
        f"{figures.set_name}: perplexity {figures.perplexity:.2f}, token accuracy {figures.token_accuracy:.1%} "
        f"({figures.items} items)"
        for figures in evaluations
    ]
    return "\n".join(lines)
