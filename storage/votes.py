"""Votes on answers: one per member and answer, changeable."""


class Votes:
    """👍 and 👎 on the bot's turns."""

    async def cast(self, turn_id: int, author_key: str, value: int) -> None:
        """Vote +1 or -1, replacing the member's earlier vote."""
        raise NotImplementedError

    async def withdraw(self, turn_id: int, author_key: str) -> None:
        """Take a vote back."""
        raise NotImplementedError

    async def tally(self, turn_id: int) -> tuple[int, int]:
        """Votes up and down."""
        raise NotImplementedError
