"""What a person hears whose form or button nothing knows any more, where Discord would only say that it failed.

A form that was opened before a restart of the bot, or was sent already; a button of an older version of the bot. Whoever
wrote something into such a form gets their words back.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

import discord
from discord.ext import commands

from bot.cogs.failures import is_taken, report
from bot.cogs.sending import send
from storage.errors import Refused

_WORDS_CHARACTERS = 4000
_FORM = "I don't know this form any more: it was sent already, or I was restarted meanwhile. Please open it again."
_BUTTON = Refused("That button is older than I am and does nothing any more.", advice="Use the command again.")


class LatePresses(commands.Cog):
    """Answers what no form and no button takes."""

    @commands.Cog.listener()
    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """Answer, if nobody else does."""
        await asyncio.sleep(0)  # discord.py starts the form's or button's own task first; let it say so
        if is_taken(interaction):
            return
        if interaction.type is discord.InteractionType.component:
            await report(interaction, _BUTTON)
        elif interaction.type is discord.InteractionType.modal_submit:
            sent: Any = interaction.data or {}
            words = "\n\n".join(_written(sent.get("components", ())))[:_WORDS_CHARACTERS]
            await send(interaction, f"{_FORM}\n\n{words}", is_private=True)


def _written(parts: Any) -> Iterator[str]:
    """What was written into a form."""
    for part in parts:
        yield from _written(part.get("components", ()))
        yield from _written([part["component"]] if "component" in part else [])
        if isinstance(part.get("value"), str) and part["value"]:
            yield part["value"]
