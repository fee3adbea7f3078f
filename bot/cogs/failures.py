"""What a person hears when something went wrong, and what the log keeps: never a traceback, always an answer."""

import functools
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import discord
from discord import app_commands

from bot.cogs.sending import send
from storage.errors import MynahError

logger = logging.getLogger(__name__)

Owner = TypeVar("Owner")

_TAKEN = "mynah:taken"
_ANSWERED_ALREADY = 40060
"""Discord's code: another process of ours was first, as happens while one takes over from another."""


def told(error: BaseException, failure_id: int) -> str:
    """What a person is told about an error; unexpected ones are logged under an id that the sentence names."""
    error = _cause(error)
    if isinstance(error, MynahError):
        logger.info("refused", extra={"error": type(error).__name__, "failure": failure_id})
        return str(error)
    if isinstance(error, app_commands.CheckFailure):
        return "That works only in a server."
    if isinstance(error, discord.NotFound):
        logger.info("gone meanwhile", extra={"code": error.code, "failure": failure_id})
        return "The message that you used is gone. Use the command again to see how things stand."
    logger.error("unexpected error", extra={"error": type(error).__name__, "failure": failure_id}, exc_info=error)
    return f"Sorry, something went wrong on my side. If it stays so, tell the operator this number: {failure_id:x}"


def is_taken(interaction: discord.Interaction[Any]) -> bool:
    """Whether a form or button of ours has begun to answer."""
    return bool(interaction.extras.get(_TAKEN))


async def report(interaction: discord.Interaction, error: BaseException) -> None:
    """Tell whoever used a command, button or form that it failed."""
    interaction.extras[_TAKEN] = True
    if _is_answered_elsewhere(error):
        logger.info("another process answered", extra={"interaction": interaction.id})
        return
    try:
        await send(interaction, told(error, interaction.id), is_private=True)
    except discord.HTTPException as failure:
        logger.warning("failure not reported", extra={"status": failure.status, "failure": interaction.id})


def _cause(error: BaseException) -> BaseException:
    """What a command raised, without discord.py's wrapping."""
    return error.original if isinstance(error, app_commands.CommandInvokeError) else error


def _is_answered_elsewhere(error: BaseException) -> bool:
    error = _cause(error)
    return isinstance(error, discord.HTTPException) and error.code == _ANSWERED_ALREADY


def reporting(
    callback: Callable[[Owner, discord.Interaction[Any]], Coroutine[Any, Any, None]],
) -> Callable[[Owner, discord.Interaction[Any]], Coroutine[Any, Any, None]]:
    """Let a button's callback tell its user when it failed; discord.py would only log it."""

    @functools.wraps(callback)
    async def guarded(self: Owner, interaction: discord.Interaction[Any]) -> None:
        interaction.extras[_TAKEN] = True
        try:
            await callback(self, interaction)
        except Exception as error:  # noqa: BLE001 - logged there, and the person gets an answer
            await report(interaction, error)

    return guarded


class Form(discord.ui.Modal):
    """A modal whose failures reach the person."""

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Take it: only what no form takes is answered elsewhere."""
        interaction.extras[_TAKEN] = True
        return True

    async def on_error(self, interaction: discord.Interaction, error: Exception, /) -> None:  # type: ignore[override] # as in discord.py
        """Report it."""
        await report(interaction, error)


class CommandTree(app_commands.CommandTree[Any]):
    """Slash commands whose failures reach the person."""

    async def on_error(self, interaction: discord.Interaction, error: app_commands.AppCommandError, /) -> None:
        """Report it."""
        await report(interaction, error)
