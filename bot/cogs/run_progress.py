"""The message that moves while the trainer works, and ends in the report card."""

import asyncio
import logging
from datetime import timedelta

import discord

from bot.cogs.models import RollbackButton
from bot.cogs.my_votes import MyVotesButton
from bot.cogs.parts import BotParts
from bot.cogs.run_report import has_quotes, progress_card, report_of
from bot.cogs.sending import revise
from storage.errors import MynahError
from storage.governance import RunCard
from storage.values import Run, RunState

logger = logging.getLogger(__name__)

_POLL_SECONDS = 2.0
_NOBODY_AFTER = timedelta(minutes=1)


class RunProgress:
    """Follows one run until it is over, or its message is gone.

    Args:
        parts: the world.
        message: shows the run; one of a bot's own messages, which can be edited however long the training takes.
        card: what the store knows of it.
        may_quote: whether the report may quote what members said.
    """

    def __init__(self, parts: BotParts, message: discord.PartialMessage, card: RunCard, *, may_quote: bool) -> None:
        self._parts = parts
        self._message = message
        self._card = card
        self._may_quote = may_quote

    async def follow(self) -> bool:
        """Edit the message whenever the run moved. Failures to look or to edit are tried again.

        Returns:
            Whether it shows the run's end; False: the run is gone, or the message is, or it is not the bot's to edit.
        """
        shown: object = None
        is_over = False
        while not is_over:
            try:
                run = await self._parts.store.runs.get(self._card.run_id)
                if run is None:
                    return False
                now = (run.state, f"{run.progress:.0%}", run.note, run.cancel_requested, self._is_late(run))
                if now != shown:
                    if not await self._show(run):
                        return False
                    shown = now
                is_over = run.state.is_final
            except (MynahError, discord.HTTPException) as error:
                logger.warning("progress not shown", extra={"run": self._card.run_id, "error": type(error).__name__})
            if not is_over:
                await asyncio.sleep(_POLL_SECONDS)
        return True

    async def _show(self, run: Run) -> bool:
        if not run.state.is_final:
            return await revise(self._message, embed=progress_card(run, nobody_there=self._is_late(run)))
        server = self._card.server
        embed, files = await report_of(self._parts, run, server, may_quote=self._may_quote)
        is_shown = await revise(self._message, embed=embed, files=files, view=report_view(run))
        if not is_shown and files:  # files may not be allowed here: the words matter more than the picture
            embed.set_image(url=None)
            is_shown = await revise(self._message, embed=embed, view=report_view(run))
        if is_shown:
            await self._parts.store.run_cards.shown(self._card.id, shows_quotes=has_quotes(run))
        return is_shown

    def _is_late(self, run: Run) -> bool:
        return run.state is RunState.REQUESTED and self._parts.clock() - run.created_at > _NOBODY_AFTER


def report_view(run: Run) -> discord.ui.View | None:
    """Under a run that was promoted: each member's own part in it, and the way back."""
    if run.state is not RunState.PROMOTED or run.version is None:
        return None
    view = discord.ui.View(timeout=None)
    view.add_item(MyVotesButton(run.version))
    view.add_item(RollbackButton(run.version))
    return view
