"""What members took back leaves the trainer's disk: snapshots that hold it, and quotes in reports of old runs.

Rows are cleared by the store in the transaction that takes the words back; files are cleared here, at the trainer's next
look. Doing it twice is harmless, and what cannot be deleted now is tried again.
"""

import asyncio
import logging
import shutil
from pathlib import Path

from storage.store import Store
from trainer.quotes import clear_quotes
from trainer.snapshots import SnapshotFolder

logger = logging.getLogger(__name__)


class TakenBack:
    """Clears one work folder; remembers what it has cleared."""

    def __init__(self, store: Store, work_folder: Path) -> None:
        self._store = store
        self._work_folder = work_folder
        self._snapshots = SnapshotFolder(work_folder / "snapshots")
        self._done: set[str | int] = set()

    async def clear(self) -> int:
        """Remove what must not lie here any more; returns how many snapshots and reports held some of it.

        Not while a run is under way: it reads its snapshot, and sees for itself whether it may still learn it.
        """
        snapshots, runs = await self._store.snapshots.incomplete(), await self._store.runs.without_quotes()
        self._done &= {*snapshots, *runs}  # a snapshot whose words came back may become incomplete once more
        due: list[str | int] = [one for one in snapshots if one not in self._done]
        due += [one for one in runs if one not in self._done]
        return sum([await asyncio.to_thread(self._clear, one) for one in due])

    def _clear(self, one: str | int) -> bool:
        try:
            held_some = (
                self._clear_snapshot(one) if isinstance(one, str) else clear_quotes(self._work_folder / str(one))
            )
        except OSError as error:
            logger.warning("words taken back not removed yet", extra={"of": one, "error": type(error).__name__})
            return False
        self._done.add(one)
        if held_some:
            logger.info("words taken back removed from disk", extra={"of": one})
        return held_some

    def _clear_snapshot(self, content_hash: str) -> bool:
        folder = self._snapshots.path(content_hash)
        if not folder.is_dir():
            return False
        shutil.rmtree(folder)
        return True
