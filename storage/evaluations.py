"""Evaluations: figures of a version on a set of items."""

from collections.abc import Sequence

from storage.values import Evaluation


class Evaluations:
    """Perplexity and accuracy, by version and set."""

    async def add(self, evaluations: Sequence[Evaluation]) -> None:
        """Write figures."""
        raise NotImplementedError

    async def of_version(self, version: str) -> list[Evaluation]:
        """All figures of a version, oldest first."""
        raise NotImplementedError
