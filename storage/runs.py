"""Runs of the trainer: requested by anyone allowed, done by whoever holds the lease."""

from collections.abc import Mapping

from storage.values import Run, RunState


class Runs:
    """Requests, progress and outcomes."""

    async def request(self, by: str) -> Run:
        """Ask for a run; returns the one already requested and not begun, if there is one."""
        raise NotImplementedError

    async def next_requested(self) -> Run | None:
        """The oldest run that waits to begin."""
        raise NotImplementedError

    async def unfinished(self) -> Run | None:
        """A run that began and has no outcome: its process died, or works on it now."""
        raise NotImplementedError

    async def advance(
        self, run_id: int, state: RunState, *, progress: float | None = None, note: str | None = None,
        snapshot_hash: str | None = None, version: str | None = None, report: Mapping[str, object] | None = None,
        newest_review_id: int | None = None,
    ) -> Run:
        """Move a run on; what is None stays as it was. A final state sets `finished_at`."""
        raise NotImplementedError

    async def cancel(self, run_id: int) -> Run:
        """Ask for a run to be cancelled; one not begun is cancelled at once."""
        raise NotImplementedError

    async def get(self, run_id: int) -> Run | None:
        """One run."""
        raise NotImplementedError

    async def latest(self, *, limit: int = 10) -> list[Run]:
        """The newest runs, newest first."""
        raise NotImplementedError

    async def newest_review_learnt(self) -> int:
        """The newest review id that any run which reached the gate has taken into account; 0 if none."""
        raise NotImplementedError
