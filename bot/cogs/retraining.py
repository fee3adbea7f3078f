"""`/retrain`: admins start training, and see how it goes and what came of it, also after a restart of the bot."""

import logging
from datetime import timedelta
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.cogs.admins import Admin, deferred_admin
from bot.cogs.parts import BotParts
from bot.cogs.run_progress import RunProgress, rollback_view
from bot.cogs.run_report import progress_card, report_of
from bot.cogs.sending import send
from bot.cogs.tasks import Tasks
from storage.errors import MynahError
from storage.governance import SHARED_LINE
from storage.values import AuditEntry, Run, RunState

logger = logging.getLogger(__name__)

_SHOWN = "show run"
"""The audit entry that remembers which message shows a run."""
_RESUMED = 10
_STILL_OF_INTEREST = timedelta(days=1)


class Retraining(commands.Cog):
    """Runs of the trainer."""

    retrain = app_commands.Group(
        name="retrain",
        description="Train a better version (admins)",
        guild_only=True,
        default_permissions=discord.Permissions(manage_guild=True),
    )

    def __init__(self, bot: commands.Bot, parts: BotParts) -> None:
        self._bot = bot
        self._parts = parts
        self._tasks = Tasks()
        self._is_resumed = False

    async def cog_unload(self) -> None:
        """Stop following runs; the trainer goes on."""
        await self._tasks.close()

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Follow again what was followed before the bot was restarted; a lost connection is no restart."""
        if self._is_resumed:
            return
        self._is_resumed = True
        try:
            for entry in await self._parts.store.audit.latest(limit=_RESUMED, action=_SHOWN):
                await self._resume(entry)
        except MynahError as error:
            logger.warning("runs not followed again", extra={"error": type(error).__name__})

    @retrain.command(name="now", description="Train a new version from everything approved")
    async def now(self, interaction: discord.Interaction[Any]) -> None:
        """Ask the trainer for a run, and follow it with a message that moves."""
        admin = await deferred_admin(interaction, self._parts, is_private=False)
        run = await self._parts.store.runs.request(admin.key, admin.line)
        await self._parts.store.audit.record(admin.key, "retrain", f"run {run.id}", server=admin.server)
        for message in await send(interaction, embed=progress_card(run)):
            place = {"channel": str(message.channel.id), "message": str(message.id)}
            await self._parts.store.audit.record(admin.key, _SHOWN, f"run {run.id}", place, server=admin.server)
            self._follow(run, admin.server, message.channel.id, message.id)

    @retrain.command(name="status", description="How the newest run stands")
    async def status(self, interaction: discord.Interaction[Any]) -> None:
        """Show the newest run."""
        admin = await deferred_admin(interaction, self._parts)
        runs = await self._parts.store.runs.latest(limit=1, line=admin.line)
        if not runs:
            await send(interaction, "There was no run yet. `/retrain now` starts one.", is_private=True)
        elif not runs[0].state.is_final:
            await send(interaction, embed=progress_card(runs[0]), is_private=True)
        else:
            may_quote = self._may_quote(runs[0])
            embed, files = await report_of(self._parts, runs[0], admin.server, may_quote=may_quote)
            await send(interaction, embed=embed, files=files, view=rollback_view(runs[0]), is_private=True)

    @retrain.command(name="cancel", description="Cancel the run that waits or works")
    async def cancel(self, interaction: discord.Interaction[Any]) -> None:
        """Cancel it."""
        admin = await deferred_admin(interaction, self._parts)
        run = await self._going(admin)
        if run is None:
            await send(interaction, "No run waits or works, so there is nothing to cancel.", is_private=True)
            return
        cancelled = await self._parts.store.runs.cancel(run.id)
        await self._parts.store.audit.record(admin.key, "cancel run", f"run {run.id}", server=admin.server)
        is_over = cancelled.state is RunState.CANCELLED
        text = f"Run {run.id} is cancelled." if is_over else f"Run {run.id} will stop at its next step."
        await send(interaction, text, is_private=True)

    async def _going(self, admin: Admin) -> Run | None:
        """The run of the admin's line that works, or else the one that waits."""
        runs = [run for run in await self._parts.store.runs.latest(line=admin.line) if not run.state.is_final]
        return min(runs, key=lambda run: (run.state is RunState.REQUESTED, run.id), default=None)

    async def _resume(self, entry: AuditEntry) -> None:
        number = entry.subject.removeprefix("run ")
        channel, message = str(entry.details.get("channel", "")), str(entry.details.get("message", ""))
        if not (number.isdecimal() and channel.isdecimal() and message.isdecimal() and entry.server):
            return
        run = await self._parts.store.runs.get(int(number))
        if run is None:
            return
        if run.finished_at is None or self._parts.clock() - run.finished_at < _STILL_OF_INTEREST:
            self._follow(run, entry.server, int(channel), int(message))

    def _follow(self, run: Run, server: str, channel_id: int, message_id: int) -> None:
        # An interaction's own messages can be edited for 15 minutes only, and training may take longer.
        place = self._bot.get_partial_messageable(channel_id, guild_id=int(server))
        message = place.get_partial_message(message_id)
        progress = RunProgress(self._parts, message, run.id, server=server, may_quote=self._may_quote(run))
        self._tasks.start(progress.follow(), name=f"follow run {run.id}")

    def _may_quote(self, run: Run) -> bool:
        """Whether what members said may be shown: never what was said in one server to another."""
        return run.line != SHARED_LINE or len(self._bot.guilds) == 1
