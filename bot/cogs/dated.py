"""Questions that only one person may answer, and only for a while: who and when is in their buttons' custom ids.

So they answer also after a restart of the bot, and an old or somebody else's question says why it does nothing.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import discord

from bot.cogs.parts import BotParts
from storage.errors import Refused

PATTERN = r"(?P<user>\d{1,20}):(?P<asked>\d{1,12})"
_OPEN_FOR = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Asked:
    """Who was asked, and when."""

    user_id: int
    at: datetime

    @classmethod
    def now(cls, interaction: discord.Interaction, parts: BotParts) -> "Asked":
        """A question to whoever uses a command or button."""
        return cls(interaction.user.id, parts.clock())

    @classmethod
    def parse(cls, user: str, asked: str) -> "Asked":
        """As `PATTERN` found it."""
        return cls(int(user), datetime.fromtimestamp(int(asked), UTC))

    @property
    def text(self) -> str:
        """As `PATTERN` reads it."""
        return f"{self.user_id}:{int(self.at.timestamp())}"

    def require_open(self, interaction: discord.Interaction, parts: BotParts, *, command: str) -> None:
        """Let pass only the one who was asked, in time.

        Raises:
            Refused: it is somebody else's question, or too old.
        """
        if interaction.user.id != self.user_id:
            raise Refused("That question is for somebody else.", advice=f"Ask for your own: `{command}`.")
        if parts.clock() - self.at > _OPEN_FOR:
            raise Refused("That question is too old to be answered.", advice=f"Ask again: `{command}`.")
