"""Model versions and the names that point to them.

Every move of an alias is a row: who, when, why, from, to. Where an alias points is its newest row, so that a rollback
is one more row.
"""

from storage.values import Alias, AliasChange, ModelVersion


class Aliases:
    """Versions as rows, and champion, challenger and previous."""

    async def add_version(self, version: ModelVersion) -> None:
        """Write a version; one already there is left as it is."""
        raise NotImplementedError

    async def version(self, version: str) -> ModelVersion | None:
        """One version."""
        raise NotImplementedError

    async def versions(self) -> list[ModelVersion]:
        """All versions, oldest first."""
        raise NotImplementedError

    async def current(self, alias: Alias) -> str | None:
        """The version an alias points to."""
        raise NotImplementedError

    async def set(self, alias: Alias, version: str | None, *, actor: str, reason: str) -> AliasChange:
        """Point an alias (other than the champion) somewhere."""
        raise NotImplementedError

    async def promote(
        self, version: str, *, actor: str, reason: str, expected_champion: str | None = None
    ) -> AliasChange:
        """Make a version the champion, and the champion the previous.

        Raises:
            Refused: `expected_champion` is given and is not the champion any more (someone else moved it).
            UnknownModel: no such version.
        """
        raise NotImplementedError

    async def rollback(self, *, actor: str, reason: str) -> AliasChange:
        """Give the champion's place back to the one before it: promotions push, rollbacks pop.

        Raises:
            Refused: there is nothing to go back to.
        """
        raise NotImplementedError

    async def history(self, *, limit: int = 50) -> list[AliasChange]:
        """The newest moves, newest first."""
        raise NotImplementedError

    async def was_rolled_back(self, version: str) -> bool:
        """Whether people took this version back and nobody promoted it since."""
        raise NotImplementedError
