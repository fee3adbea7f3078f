"""Which registered version is the base that the settings select.

A note in the home folder remembers the answer, so that a large model is not copied and hashed at every start. Losing
the note costs one import; it never moves the champion.
"""

import asyncio
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from mynah.settings import Settings
from storage.errors import UnknownModel
from storage.registry import ModelRegistry
from storage.values import ModelVersion


@dataclass(frozen=True)
class _Note:
    setting: str
    """What `MYNAH_ENGINE__BASE` said."""
    fingerprint: str
    """Of the files' names, sizes and times."""
    version: str


class SelectedBase:
    """The base of the settings, brought into the registry."""

    def __init__(self, settings: Settings, registry: ModelRegistry) -> None:
        self._setting = settings.engine.base
        self._registry = registry
        self._path = settings.home / "base.json"

    async def take(self) -> tuple[ModelVersion, bool]:
        """The base's version, and whether the setting has changed since the last start.

        Raises:
            WrongUsage: the setting names no model.
            UnsafeModel: it has pickled weights only.
        """
        note = self._read()
        changed = note is not None and note.setting != self._setting
        if note is not None and not changed and self._is_hub_name:
            known = await self._known(note.version)
            if known is not None:  # a hub is asked once: what a bot answers with must not change by itself
                return known, False
        folder = await asyncio.to_thread(self._fetch)
        fingerprint = await asyncio.to_thread(_fingerprint, folder)
        if note is not None and not changed and note.fingerprint == fingerprint:
            known = await self._known(note.version)
            if known is not None:
                return known, False
        version = await self._registry.import_folder(folder, note=f"base: {self._setting}")
        self._write(_Note(self._setting, fingerprint, version.version))
        return version, changed

    @property
    def _is_hub_name(self) -> bool:
        return self._setting != "embedded" and not Path(self._setting).expanduser().exists()

    async def _known(self, version: str) -> ModelVersion | None:
        """The noted version; None when the database is a new one or the folder is gone, so that it is imported again."""
        try:
            known = await self._registry.resolve(version)
        except UnknownModel:
            return None
        return known if self._registry.folder(version).is_dir() else None

    def _fetch(self) -> Path:
        from bot.engine.weights import fetch_base

        return fetch_base(self._setting)

    def _read(self) -> _Note | None:
        try:
            return _Note(**json.loads(self._path.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def _write(self, note: _Note) -> None:
        staged = self._path.with_suffix(f".{os.getpid()}")
        staged.write_text(json.dumps(asdict(note), indent=2) + "\n", "utf-8")
        staged.replace(self._path)


def _fingerprint(folder: Path) -> str:
    files = sorted(path for path in folder.iterdir() if path.is_file())
    facts = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
