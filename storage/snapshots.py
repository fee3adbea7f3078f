"""Snapshots: the exact, content-hashed set of examples that one run used."""

from collections.abc import Sequence

from storage.values import Snapshot


class Snapshots:
    """Which examples went into which snapshot."""

    async def add(self, snapshot: Snapshot, candidate_ids: Sequence[int]) -> None:
        """Write a snapshot and its lineage; a hash already there is left as it is."""
        raise NotImplementedError

    async def get(self, content_hash: str) -> Snapshot | None:
        """One snapshot."""
        raise NotImplementedError

    async def candidate_ids(self, content_hash: str) -> list[int]:
        """The candidates in it, in order."""
        raise NotImplementedError
