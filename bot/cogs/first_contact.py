"""The question that a member is asked once: may Mynah learn from you here? All it knows is in its buttons' custom ids.

Promises: only the member who is asked can answer; what they answered is told to nobody else; the buttons work after a
restart of the bot; nobody is asked twice in a server.
"""

import logging
import re
from typing import Any

import discord

from bot.chat.values import Incoming
from bot.cogs.consent_texts import consent_text
from bot.cogs.failures import reporting
from bot.cogs.parts import BotParts, server_of
from bot.cogs.sending import Destination, send
from storage.errors import Refused

logger = logging.getLogger(__name__)

_CHOICES = {
    "allow": ("Allow", discord.ButtonStyle.success),
    "deny": ("No thanks", discord.ButtonStyle.secondary),
}


class ConsentButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]],
    template=r"mynah:consent:(?P<choice>allow|deny):(?P<user>\d{1,20})",
):
    """One of the two answers."""

    def __init__(self, choice: str, user_id: int) -> None:
        self.choice = choice
        self.user_id = user_id
        label, style = _CHOICES[choice]
        super().__init__(discord.ui.Button(style=style, label=label, custom_id=f"mynah:consent:{choice}:{user_id}"))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> "ConsentButton":
        """The button that was pressed."""
        return cls(match["choice"], int(match["user"]))

    @reporting
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Record the answer, take the question away, and confirm in private."""
        if interaction.user.id != self.user_id:
            raise Refused("That question is for somebody else.", advice="Your own answer: `/privacy allow` or `deny`.")
        parts: BotParts = interaction.client.parts
        await interaction.response.defer()
        server, author_key = server_of(interaction), parts.author_key(interaction.user)
        await parts.chat.set_consent(
            server, author_key, allowed=self.choice == "allow", account_made_at=interaction.user.created_at
        )
        await _take_away(interaction)
        await send(interaction, await consent_text(parts, server, author_key), is_private=True)


async def ask_once(
    parts: BotParts,
    incoming: Incoming,
    destination: Destination,
    user: discord.abc.User,
    *,
    in_reply_to: discord.Message | None,
) -> None:
    """After an answer: ask a member who never decided, if it is time. A failure is logged; they have their answer."""
    try:
        line = await parts.chat.first_contact(incoming.server, incoming.author_key)
        if line is None:
            return
        view = discord.ui.View(timeout=None)
        for choice in _CHOICES:
            view.add_item(ConsentButton(choice, user.id))
        await send(destination, f"-# {line}", in_reply_to=in_reply_to, view=view, is_private=True)
    except Exception as error:
        logger.exception("member not asked", extra={"error": type(error).__name__, "server": incoming.server})


async def _take_away(interaction: discord.Interaction[Any]) -> None:
    """Delete the question; one that is gone, or that may not be deleted, is fine."""
    try:
        await interaction.delete_original_response()
    except discord.HTTPException as error:
        logger.info("question not deleted", extra={"status": error.status, "code": error.code})
