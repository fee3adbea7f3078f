"""What whoever has text to screen asks of screening."""

from collections.abc import Sequence
from typing import Protocol

from storage.values import Verdict


class Screener(Protocol):
    """Decides about texts; the chain of screens is one, the tests' word list another."""

    @property
    def version(self) -> str:
        """Changes whenever the same text could get another verdict."""
        ...

    def screen(self, texts: Sequence[str]) -> list[Verdict]:
        """A verdict for each text, in order. Blocks: not for the event loop."""
        ...

    async def check(self, texts: Sequence[str]) -> list[Verdict]:
        """A verdict for each text, in order, without holding up the event loop."""
        ...
