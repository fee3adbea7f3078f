"""What can be done with everything one member ever said."""

from storage.values import ForgetReceipt


class Members:
    """A member's rows across the tables."""

    async def forget(self, author_key: str, *, server: str | None = None) -> ForgetReceipt:
        """Delete a member's turns, candidates and votes (in one server or all), and record the denial."""
        raise NotImplementedError
