"""The message that moves while the trainer works, and ends in the report card."""

import asyncio
import logging
from datetime import timedelta

import discord

from bot.cogs.models import RollbackButton
from bot.cogs.parts import BotParts
from bot.cogs.run_report import progress_card, report_of
from bot.cogs.sending import revise
from storage.errors import MynahError
from storage.values import Run, RunState

logger = logging.getLogger(__name__)

_POLL_SECONDS = 2.0
_NOBODY_AFTER = timedelta(minutes=1)


class RunProgress:
    """Follows one run until it is over, or its message is gone.

    Args:
        parts: the world.
        message: shows the run; one of a bot's own messages, which can be edited however long the training takes.
        run_id: the run.
        server: where the message is.
        may_quote: whether the report may quote what members said.
    """

    def __init__(
        self, parts: BotParts, message: discord.PartialMessage, run_id: int, *, server: str, may_quote: bool
    ) -> None:
        self._parts = parts
        self._message = message
        self._run_id = run_id
        self._server = server
        self._may_quote = may_quote

    async def follow(self) -> None:
        """Edit the message whenever the run moved. Failures to look or to edit are tried again."""
        shown: object = None
        is_over = False
        while not is_over:
            try:
                run = await self._parts.store.runs.get(self._run_id)
                if run is None:
                    return
                now = (run.state, f"{run.progress:.0%}", run.note, run.cancel_requested, self._is_late(run))
                if now != shown:
                    if not await self._show(run):
                        return
                    shown = now
                is_over = run.state.is_final
            except (MynahError, discord.HTTPException) as error:
                logger.warning("progress not shown", extra={"run": self._run_id, "error": type(error).__name__})
            if not is_over:
                await asyncio.sleep(_POLL_SECONDS)

    async def _show(self, run: Run) -> bool:
        if not run.state.is_final:
            return await revise(self._message, embed=progress_card(run, nobody_there=self._is_late(run)))
        embed, files = await report_of(self._parts, run, self._server, may_quote=self._may_quote)
        return await revise(self._message, embed=embed, files=files, view=rollback_view(run))

    def _is_late(self, run: Run) -> bool:
        return run.state is RunState.REQUESTED and self._parts.clock() - run.created_at > _NOBODY_AFTER


def rollback_view(run: Run) -> discord.ui.View | None:
    """The way back, under a run that was promoted."""
    if run.state is not RunState.PROMOTED or run.version is None:
        return None
    view = discord.ui.View(timeout=None)
    view.add_item(RollbackButton(run.version))
    return view
