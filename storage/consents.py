"""Consent: a member's own yes to learning, per server; absent means no."""

from collections.abc import Iterable


class Consents:
    """Who may be learnt from."""

    async def get(self, server: str, author_key: str) -> bool | None:
        """True: allowed, False: denied, None: never asked."""
        raise NotImplementedError

    async def set(self, server: str, author_key: str, *, allowed: bool) -> None:
        """Record a member's decision; a denial also rejects their waiting candidates."""
        raise NotImplementedError

    async def all_allow(self, server: str, author_keys: Iterable[str]) -> bool:
        """Whether every one of these members has said yes here; True for none."""
        raise NotImplementedError
