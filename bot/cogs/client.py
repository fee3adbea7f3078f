"""The Discord client: which events it asks for, how it starts, and what a person reads when it cannot."""

from bot.cogs.parts import BotParts


async def run_bot(parts: BotParts) -> None:
    """Connect to Discord and answer until cancelled; closes the connection at the end.

    Raises:
        WrongUsage: there is no token, Discord does not know it, or the message content intent is off.
        MynahError: Discord cannot be reached.
    """
    raise NotImplementedError
