"""The figures that only the database knows: runs, examples, champions. Asked when somebody looks, and not too often."""

import asyncio
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from mynah.telemetry.figures import Figures
from mynah.trainer_life import trainer_is_alive
from storage.errors import MynahError
from storage.store import Store
from storage.values import Alias, CandidateState, Run, RunState

FRESH_SECONDS = 10.0
"""Counting reads whole indexes: whoever asks more often gets the same numbers again."""


class StoredFigures:
    """Fills in what the database tells."""

    def __init__(
        self, store: Store, home: Path, figures: Figures, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._home = home
        self._figures = figures
        self._monotonic = monotonic
        self._read_at: float | None = None

    async def refresh(self) -> None:
        """Read the figures anew, unless they were read just now; never raises a `MynahError`."""
        now = self._monotonic()
        if self._read_at is not None and now - self._read_at < FRESH_SECONDS:
            return
        self._read_at = now
        self._figures.free_bytes.set((await asyncio.to_thread(shutil.disk_usage, self._home)).free)
        try:
            await self._read()
        except MynahError:  # the database logs it, and `mynah_problems_total` counts that
            self._figures.database_up.set(0)
        else:
            self._figures.database_up.set(1)

    async def _read(self) -> None:
        store, figures = self._store, self._figures
        champion = await store.aliases.current(Alias.CHAMPION)
        examples = await store.candidates.counts()
        runs = await store.runs.counts()
        newest = await store.runs.latest(limit=5)
        figures.champion.clear()
        if champion is not None:
            figures.champion.labels(champion).set(1)
        for state in CandidateState:
            figures.candidates.labels(state.value).set(examples[state])
        for run_state in RunState:
            figures.runs.labels(run_state.value).set(runs[run_state])
        if newest:
            figures.run_progress.set(newest[0].progress)
            figures.run_changed.set(newest[0].updated_at.timestamp())
        figures.dropped.clear()
        for reason, count in _dropped(newest).items():
            figures.dropped.labels(reason).set(count)
        figures.review_waiting.set(await store.review_queue.waiting())
        figures.receipts_open.set(len(await store.receipts.open()))
        figures.trainer_alive.set(await trainer_is_alive(store))


def _dropped(newest_first: list[Run]) -> Mapping[str, int]:
    """How many examples the newest run with a report left out, by reason."""
    for run in newest_first:
        snapshot = (run.report or {}).get("snapshot")
        if isinstance(snapshot, Mapping):
            return {str(reason): int(count) for reason, count in dict(snapshot.get("dropped") or {}).items()}
    return {}
