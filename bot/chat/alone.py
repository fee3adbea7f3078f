"""Stands in for `Peers` where no other process hears the same messages."""

from bot.chat.values import Incoming
from storage.claims import Claim


class Alone:
    """Whatever comes is ours."""

    async def claim(self, incoming: Incoming, messages_per_minute: int) -> Claim:
        """What we may do with a message: all."""
        return Claim.OURS

    async def end(self, incoming: Incoming) -> None:
        """We are done with a message; nobody needs to know."""
