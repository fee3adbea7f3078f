"""Leases: one process at a time does a piece of work; a dead holder's lease runs out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Leases:
    """Named leases with an expiry."""

    async def acquire(self, name: str, holder: str, *, ttl_seconds: float) -> bool:
        """Take a free or expired lease, or renew one's own; False if another holds it."""
        raise NotImplementedError

    async def release(self, name: str, holder: str) -> None:
        """Give a lease back."""
        raise NotImplementedError

    async def holder(self, name: str) -> str | None:
        """Who holds an unexpired lease."""
        raise NotImplementedError

    @asynccontextmanager
    async def held(self, name: str, holder: str, *, ttl_seconds: float) -> AsyncIterator[None]:
        """Hold a lease, renewing it at a third of its time.

        Raises:
            LeaseHeld: another process holds it.
        """
        raise NotImplementedError
        yield
