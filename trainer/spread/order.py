"""What the process that asks for a training and those that do it tell each other: by files in one folder.

    order.json     what to do; written by the one that asks, before the others start
    stop           why they shall stop; likewise, later
    told.jsonl     how far they are; by the first of them, a line each
    outcome.json   how it ended; likewise, last

Whoever asks may hold a lease and a database; those that train need neither.
"""

import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # it ships no types

from trainer.progress import Why


@dataclass
class Folder:
    """The folder, for either side."""

    path: Path
    on_told: Callable[[Mapping[str, Any]], None] | None = None
    """Where whoever asked is this process: told at once, and not by a file."""
    _read: int = field(default=0, init=False)
    """Bytes of what was told."""
    _mine: str | None = field(default=None, init=False)
    """The order that this process carries out."""

    @property
    def weights(self) -> Path:
        """What was trained of the model, in safetensors."""
        return self.path / "trained.safetensors"

    @property
    def log(self) -> Path:
        """What the processes printed."""
        return self.path / "log.txt"

    def ask(self, order: Mapping[str, object]) -> str:
        """Write an order, signed by this process: those that carry it out end when it does. Returns its name, never used before."""
        for name in ("stop", "told.jsonl", "outcome.json"):
            (self.path / name).unlink(missing_ok=True)
        me, name = psutil.Process(), secrets.token_hex(8)
        _write(self.path / "order.json", {**order, "by": [me.pid, me.create_time()], "name": name})
        return name

    def take(self, name: str | None = None) -> dict[str, Any] | None:
        """What to do; None where that order has gone, and another one may lie there.

        Args:
            name: of the order; None: whichever lies there.
        """
        order = self._order()
        if name is not None and order.get("name") != name:
            return None
        self._mine = order.get("name")
        return order

    def ask_to_stop(self, why: Why) -> None:
        """Have the processes stop after the step that they are at."""
        _write(self.path / "stop", {"why": why.value})

    def asked_to_stop(self) -> Why | None:
        """Why the processes shall stop; also when whoever asked is gone, whose successor may be at work already."""
        asked = _record(self.path / "stop")
        if asked is not None:
            return Why(asked["why"])
        return None if self._is_wanted() else Why.LOST

    def tell(self, what: Mapping[str, object]) -> None:
        """Say how far it is."""
        if self.on_told is not None:
            self.on_told(what)
            return
        with (self.path / "told.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(what) + "\n")

    def told(self) -> Iterator[dict[str, Any]]:
        """What was said since the last call. A line that a killed process left half is passed over."""
        try:
            with (self.path / "told.jsonl").open("rb") as file:
                file.seek(self._read)
                whole, end, _ = file.read().rpartition(b"\n")
        except OSError:
            return
        self._read += len(whole) + len(end)
        for line in whole.splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue

    def end(self, outcome: Mapping[str, object]) -> None:
        """Say how it ended, to whoever still asks for it."""
        if self._is_wanted():
            _write(self.path / "outcome.json", outcome)

    def outcome(self) -> dict[str, Any] | None:
        """How it ended; None where nobody could say."""
        return _record(self.path / "outcome.json")

    def _is_wanted(self) -> bool:
        order = self._order()
        if self._mine is not None and order.get("name") != self._mine:
            return False
        try:
            number, since = order["by"]
            return bool(psutil.Process(number).create_time() == since)
        except (KeyError, psutil.Error):
            return False

    def _order(self) -> dict[str, Any]:
        return _record(self.path / "order.json") or {}


def _write(path: Path, record: Mapping[str, object]) -> None:
    beside = path.with_name(f"{path.name}.writing")
    beside.write_text(json.dumps(record), "utf-8")
    os.replace(beside, path)


def _record(path: Path) -> dict[str, Any] | None:
    try:
        record = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None
