"""The message that moves while the trainer works, and ends in the report."""

import asyncio
import logging
from datetime import timedelta

import discord

from bot.cogs.parts import BotParts
from bot.cogs.sending import revise
from storage.errors import MynahError
from storage.values import Run, RunState

logger = logging.getLogger(__name__)

_POLL_SECONDS = 2.0
_BAR_CELLS = 20
_NOBODY_AFTER = timedelta(minutes=1)
_TITLES = {
    RunState.REQUESTED: "waits for the trainer",
    RunState.PROMOTED: "is done: the new version answers from now on 🎉",
    RunState.REFUSED: "is done: the gate refused the new version",
    RunState.FAILED: "failed",
    RunState.CANCELLED: "was cancelled",
}


class RunProgress:
    """Follows one run until it is over, or its message is gone."""

    def __init__(self, parts: BotParts, message: discord.PartialMessage, run_id: int) -> None:
        self._parts = parts
        self._message = message
        self._run_id = run_id

    async def follow(self) -> None:
        """Edit the message whenever the run moved. Failures to look or to edit are tried again."""
        shown, is_over = "", False
        while not is_over:
            try:
                run = await self._parts.store.runs.get(self._run_id)
                if run is None:
                    return
                is_over, text = run.state.is_final, run_text(run) + self._nobody_there(run)
                if text != shown:
                    if not await revise(self._message, text):
                        return
                    shown = text
            except (MynahError, discord.HTTPException) as error:
                logger.warning("progress not shown", extra={"run": self._run_id, "error": type(error).__name__})
                is_over = False
            if not is_over:
                await asyncio.sleep(_POLL_SECONDS)

    def _nobody_there(self, run: Run) -> str:
        is_late = run.state is RunState.REQUESTED and self._parts.clock() - run.created_at > _NOBODY_AFTER
        return "\nNo trainer has taken it yet. Does `mynah trainer` run?" if is_late else ""


def run_text(run: Run) -> str:
    """A run as people read it."""
    title = f"**Run {run.id}** {_TITLES.get(run.state, f'is {run.state.value}')}"
    if run.state.is_final:
        report = _report(run)
        note = "" if run.note in report else run.note
        return "\n".join(part for part in (title, note, report) if part)
    full = round(min(max(run.progress, 0.0), 1.0) * _BAR_CELLS)
    bar = f"`{'█' * full}{'░' * (_BAR_CELLS - full)}` {run.progress:.0%}"
    stopping = "It will stop at its next step." if run.cancel_requested else ""
    return "\n".join(part for part in (title, bar, run.note, stopping) if part)


def _report(run: Run) -> str:
    """The report card's own text, if it brings one."""
    text = (run.report or {}).get("markdown")
    return text if isinstance(text, str) else ""
