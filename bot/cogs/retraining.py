"""`/retrain`: admins start training, and see how it goes and what came of it, also after a restart of the bot.

Runs that begin by themselves, by the clock or after enough approvals, are announced where the server wants it; so is it
when a run is worth asking for, because the model wears.
"""

import asyncio
import logging
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.cogs.admins import Admin, deferred_admin
from bot.cogs.parts import BotParts
from bot.cogs.proposal_notes import ProposalNotes
from bot.cogs.run_cards import RunCardKeeper
from bot.cogs.run_progress import report_view
from bot.cogs.run_report import progress_card, report_of
from bot.cogs.sending import send
from bot.cogs.tasks import Tasks
from storage.errors import MynahError
from storage.values import Run, RunState

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 10.0


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
        self._cards = RunCardKeeper(bot, parts, self._tasks)
        self._notes = ProposalNotes(bot, parts)
        self._looks = False

    async def cog_unload(self) -> None:
        """Stop following runs; the trainer goes on."""
        await self._tasks.close()

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Begin to look, once: Discord says ready again after each lost connection."""
        if not self._looks:
            self._looks = True
            self._tasks.start(self._keep_looking(), name="cards of runs")

    @retrain.command(name="now", description="Train a new version from everything approved")
    async def now(self, interaction: discord.Interaction[Any]) -> None:
        """Ask the trainer for a run, and follow it with a message that moves."""
        admin = await deferred_admin(interaction, self._parts, is_private=False)
        self._parts.check_takes_versions()
        run = await self._parts.store.runs.request(admin.key, admin.line)
        await self._parts.store.audit.record(admin.key, "retrain", f"run {run.id}", server=admin.server)
        for message in await send(interaction, embed=progress_card(run)):
            await self._cards.asked_for(run, admin.server, message)

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
            may_quote = self._cards.may_quote(runs[0])
            embed, files = await report_of(self._parts, runs[0], admin.server, may_quote=may_quote)
            await send(interaction, embed=embed, files=files, view=report_view(runs[0]), is_private=True)

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

    async def _keep_looking(self) -> None:
        while True:
            try:
                await self._cards.look()
                await self._notes.look()
            except (MynahError, discord.HTTPException) as error:  # the next look may do better
                logger.warning("cards of runs not looked at", extra={"error": type(error).__name__})
            except Exception as error:
                logger.exception("cards of runs not looked at", extra={"error": type(error).__name__})
            await asyncio.sleep(_LOOK_SECONDS)
