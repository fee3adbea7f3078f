"""Snapshots on disk: the exact examples of a run, in a folder named by their content.

Promises: the same examples on the same sides have the same hash, whatever their ids, order or age; a folder under its
name is whole (it is written beside it, then renamed); a snapshot that holds words which may no longer be learnt from
is removed from the disk before anything new is written (`purge`).

The files are `datasets`' own Arrow format, opened in place: reading any other format would leave a copy of people's
words in that library's cache.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from storage.governance import SHARED_LINE
from storage.values import Message, Role
from trainer.curation import Example
from trainer.split import HELD_OUT, TRAIN

_SIDES = (TRAIN, HELD_OUT)
_EXAMPLES = "examples"
_DESCRIPTION = "snapshot.json"


@dataclass(frozen=True, slots=True)
class Conversation:
    """One example as the run reads it."""

    messages: tuple[Message, ...]
    content_hash: str
    candidate_id: int = field(default=0, compare=False)
    """Of whose row it was made; 0: read from the disk, where nothing names a row. The store has the lineage."""


@dataclass(frozen=True, slots=True)
class DatasetSnapshot:
    """The examples of a run, each side in an order that depends on nothing but the contents."""

    content_hash: str
    train: tuple[Conversation, ...]
    heldout: tuple[Conversation, ...]
    line: str = SHARED_LINE
    """Whose models may learn from it."""

    @classmethod
    def of(cls, examples: Sequence[Example], held_out: Collection[int], line: str = SHARED_LINE) -> "DatasetSnapshot":
        """The examples of a line, those with the given indices held out."""
        sides: dict[str, list[Conversation]] = {side: [] for side in _SIDES}
        for index, example in enumerate(examples):
            sides[HELD_OUT if index in held_out else TRAIN].append(
                Conversation(example.messages, example.content_hash, example.candidate_id)
            )
        train, heldout = (tuple(sorted(sides[side], key=lambda one: one.content_hash)) for side in _SIDES)
        return cls(_hash(train, heldout, line), train, heldout, line)


def lineage(snapshot: DatasetSnapshot) -> list[int]:
    """The candidate of each row of a snapshot's file, in the order of the rows."""
    return [one.candidate_id for one in (*snapshot.train, *snapshot.heldout)]


def _hash(train: Sequence[Conversation], heldout: Sequence[Conversation], line: str) -> str:
    """The line is told first, where it is a server's own: two servers may have said the same, and stay apart."""
    told = [f"line:{line}"] if line else []
    told += [f"train:{one.content_hash}" for one in train] + [f"heldout:{one.content_hash}" for one in heldout]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


class SnapshotFolder:
    """All snapshots that are on this disk."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, content_hash: str) -> Path:
        """Where a snapshot lies, or would."""
        return self._root / content_hash

    def write(self, snapshot: DatasetSnapshot) -> Path:
        """Put a snapshot on the disk, unless it is there already. Blocks."""
        import datasets

        final = self.path(snapshot.content_hash)
        if final.is_dir():
            return final
        beside = self._root / f".writing-{snapshot.content_hash}"
        shutil.rmtree(beside, ignore_errors=True)
        datasets.disable_progress_bars()
        rows = [
            {
                "side": side,
                "content_hash": one.content_hash,
                "messages": [{"role": m.role.value, "content": m.text} for m in one.messages],
            }
            for side, conversations in zip(_SIDES, (snapshot.train, snapshot.heldout), strict=True)
            for one in conversations
        ]
        # Both sides in one table: the format cannot hold an empty one, and often nothing is held out.
        datasets.Dataset.from_list(rows, features=_features(datasets)).save_to_disk(str(beside / _EXAMPLES))
        description: dict[str, object] = {"content_hash": snapshot.content_hash, "line": snapshot.line} | {
            side: len(rows) for side, rows in zip(_SIDES, (snapshot.train, snapshot.heldout), strict=True)
        }
        (beside / _DESCRIPTION).write_text(json.dumps(description, indent=2) + "\n", "utf-8")
        for path in beside.rglob("*"):
            _sync(path)
        os.replace(beside, final)
        _sync(self._root)
        return final

    def read(self, content_hash: str) -> DatasetSnapshot | None:
        """A snapshot from the disk; None when it is not there or not what its name says. Blocks."""
        import datasets

        folder = self.path(content_hash)
        if not (folder / _DESCRIPTION).is_file():
            return None
        try:
            line = str(json.loads((folder / _DESCRIPTION).read_text("utf-8")).get("line", SHARED_LINE))
            rows = datasets.load_from_disk(str(folder / _EXAMPLES)).to_list()
            train, heldout = (tuple(_conversation(row) for row in rows if row["side"] == side) for side in _SIDES)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        found = DatasetSnapshot(content_hash, train, heldout, line)
        return found if _hash(train, heldout, line) == content_hash else None

    def purge(self, learnable: Collection[str], line: str = SHARED_LINE) -> int:
        """Remove a line's snapshots with any example whose content hash is not learnable there now. Blocks.

        What cannot be read goes too, whosever it was.

        Returns:
            How many were removed.
        """
        removed = 0
        for folder in self._root.iterdir() if self._root.is_dir() else ():
            snapshot = self.read(folder.name)
            if snapshot is not None and snapshot.line != line:
                continue
            if snapshot is None or any(
                one.content_hash not in learnable for one in (*snapshot.train, *snapshot.heldout)
            ):
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
        return removed


def _features(datasets: Any) -> Any:
    text = datasets.Value("string")
    messages = datasets.List({"role": text, "content": text})
    return datasets.Features({"side": text, "content_hash": text, "messages": messages})


def _conversation(row: Any) -> Conversation:
    messages = tuple(Message(Role(message["role"]), message["content"]) for message in row["messages"])
    return Conversation(messages, row["content_hash"])


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
