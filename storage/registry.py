"""The model registry: immutable folders named by their content hash, and the only hand-off from trainer to bot.

Promise: a folder under its final name is whole. `manifest.json` is written last (temporary file, fsync, rename, fsync
of the folder), names every file with its SHA-256, and is checked before anything is loaded. Only safetensors, JSON,
text, Jinja and SentencePiece files are let in: a pickle never is. Tests kill a publishing process at random points
and look.
"""

import asyncio
import logging
import os
import re
import secrets
import shutil
import socket
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from storage.errors import ModelDamaged, MynahError, UnknownModel, UnsafeModel, WrongUsage
from storage.governance import SHARED_LINE
from storage.manifest import (
    Manifest,
    content_hash,
    entry_of,
    read_manifest,
    sync_file,
    sync_folder,
    version_of,
    write_manifest,
)
from storage.model_files import check_safetensors, files_of, files_to_import
from storage.processes import is_alive
from storage.store import Store
from storage.values import Alias, ModelVersion

logger = logging.getLogger(__name__)

T = TypeVar("T")

KINDS = ("full", "adapter")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_STAGING = re.compile(r"\.staging-(?P<host>[0-9a-f]{8})-(?P<pid>\d+)-[0-9a-f]+")
_SHORTEST_BEGINNING = 4
_ABANDONED_AFTER_SECONDS = 24 * 3600.0
"""Age from which another machine's staging folder is taken for a dead process's."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a version comes from."""

    kind: str
    base: str | None = None
    parent: str | None = None
    snapshot_hash: str | None = None
    run_id: int | None = None
    note: str = ""


class ModelRegistry:
    """Versions as folders under one root, with their rows in the store.

    Args:
        root: the folder of the folders; made when something is first written.
        store: where the versions' rows and the aliases live.
    """

    def __init__(self, root: Path, store: Store) -> None:
        self._root = root
        self._store = store

    def staging(self) -> Path:
        """A fresh folder, inside the root, to write a version's files into before `publish`."""
        folder = self._root / f".staging-{_host()}-{os.getpid()}-{secrets.token_hex(8)}"
        folder.mkdir(parents=True)
        return folder

    async def publish(self, staging: Path, lineage: Lineage) -> ModelVersion:
        """Hash the staged files, write the manifest, move the folder to its name and write its row.

        The same contents again return the version there is. The staging folder is gone afterwards.

        Raises:
            UnsafeModel: a file is pickled, of an unknown kind, or a link out of the folder.
            ModelDamaged: a safetensors file is not whole.
            WrongUsage: there are no weights, or the kind is unknown.
            MynahError: the disk could not take it.
        """
        if lineage.kind not in KINDS:
            raise WrongUsage(f"There is no kind {lineage.kind!r} of model.", advice=f"Kinds: {', '.join(KINDS)}.")
        model = await self._on_disk(lambda: _place(self._root, staging, lineage, self._store.clock()))
        await self._store.aliases.add_version(model)
        logger.info("version published", extra={"version": model.version, "kind": model.kind})
        return model

    async def import_folder(self, folder: Path, *, note: str = "") -> ModelVersion:
        """Copy a base model's files in as a version; unknown files (such as a README) are left behind.

        Raises:
            WrongUsage: the folder is not a model.
            UnsafeModel: it has pickled weights and no safetensors.
            ModelDamaged: a file is missing or not whole.
        """

        def copy() -> Path:
            files = files_to_import(folder)
            staging = self.staging()
            try:
                for path in files:
                    shutil.copyfile(path, staging / path.name)
            except BaseException:
                shutil.rmtree(staging, ignore_errors=True)
                raise
            return staging

        staging = await self._on_disk(copy)
        try:
            return await self.publish(staging, Lineage(kind="full", note=note))
        finally:
            await asyncio.to_thread(shutil.rmtree, staging, ignore_errors=True)

    async def resolve(self, name: str, line: str = SHARED_LINE) -> ModelVersion:
        """The version that an alias of a line, a version, or an unambiguous beginning (4 digits or more) of one names.

        Raises:
            UnknownModel: nothing, or more than one, answers to it; or it is not a name at all.
        """
        if name in set(Alias):
            current = await self._store.aliases.current(Alias(name), line)
            if current is None:
                raise UnknownModel(
                    f"There is no {name} yet{f' on line {line}' if line else ''}.", advice="See `mynah model list`."
                )
            name = current
        _check_name(name)
        versions = await self._store.aliases.versions()
        found = [version for version in versions if version.version == name]
        if not found and len(name) >= _SHORTEST_BEGINNING:
            found = [version for version in versions if version.version.startswith(name)]
        if not found:
            raise UnknownModel(f"No model version or alias is called {name!r}.", advice="See `mynah model list`.")
        if len(found) > 1:
            raise UnknownModel(f"{len(found)} model versions begin with {name!r}.", advice="Give more of its name.")
        return found[0]

    def folder(self, version: str) -> Path:
        """A version's folder (whether or not it exists).

        Raises:
            UnknownModel: not a version's name (`^[a-z0-9][a-z0-9-]{0,63}$`).
        """
        return self._root / _check_name(version)

    def verify(self, version: str) -> None:
        """Check every file against the manifest, and safetensors headers against the files' sizes.

        Reads every byte: call it from a thread.

        Raises:
            UnknownModel: no such folder.
            UnsafeModel: files that the manifest does not name.
            ModelDamaged: a file is missing or differs.
        """
        folder = self.folder(version)
        if not folder.is_dir() or folder.is_symlink():
            raise UnknownModel(f"Model version {version} has no folder.", advice="See `mynah model list`.")
        _verify(folder)

    async def verify_all(self) -> dict[str, str]:
        """Each version to `ok` or to what is wrong with it; rows without folders and folders without rows included."""
        rows = {version.version for version in await self._store.aliases.versions()}
        folders = set(await asyncio.to_thread(self._folders))
        report = {}
        for name in sorted(rows | folders):
            try:
                await asyncio.to_thread(self.verify, name)
                report[name] = "ok" if name in rows else "has no row in the database: the trainer's next start adds it"
            except MynahError as error:
                report[name] = str(error)
            except OSError as error:
                report[name] = f"cannot be read: {error.strerror}"
        return report

    async def adopt(self) -> list[str]:
        """Write the rows of whole folders that have none (a process died in between); returns their versions."""
        rows = {version.version for version in await self._store.aliases.versions()}
        adopted = []
        for name in sorted(set(await asyncio.to_thread(self._folders)) - rows):
            try:
                await asyncio.to_thread(self.verify, name)
            except (MynahError, OSError) as error:
                logger.warning("folder not adopted", extra={"version": name, "error": type(error).__name__})
                continue
            await self._store.aliases.add_version(read_manifest(self.folder(name)).model)
            adopted.append(name)
        return adopted

    async def sweep(self) -> int:
        """Remove staging folders that dead processes left behind, and adopt whole folders without rows.

        Returns:
            How many staging folders were removed.
        """

        def clear() -> int:
            dead = [path for path in _listing(self._root) if _is_abandoned(path, self._store.clock())]
            for path in dead:
                shutil.rmtree(path, ignore_errors=True)
            return len(dead)

        removed = await self._on_disk(clear)
        await self.adopt()
        return removed

    def _folders(self) -> list[str]:
        return [path.name for path in _listing(self._root) if path.is_dir() and _NAME.fullmatch(path.name)]

    async def _on_disk(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(work)
        except OSError as error:
            raise MynahError(
                f"The model folder {self._root} failed: {error.strerror or type(error).__name__}.",
                advice="Check its disk space, owner and permissions.",
            ) from error


def _check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise UnknownModel(f"{name[:80]!r} is not the name of a model version.", advice="See `mynah model list`.")
    return name


def _host() -> str:
    return f"{zlib.crc32(socket.gethostname().encode('utf-8', 'replace')):08x}"


def _listing(root: Path) -> list[Path]:
    return sorted(root.iterdir()) if root.is_dir() else []


def _place(root: Path, staging: Path, lineage: Lineage, at: datetime) -> ModelVersion:
    """Turn a staging folder into a version's folder, or into nothing if that version is there already."""
    files = files_of(staging)
    _check_weights(staging, files)
    entries = {}
    for path in files:
        entries[path.name] = entry_of(path)
        path.chmod(0o444)
        sync_file(path)
    digest = content_hash(lineage.kind, lineage.base, entries)
    model = ModelVersion(
        version=version_of(digest),
        content_hash=digest,
        kind=lineage.kind,
        base=lineage.base,
        parent=lineage.parent,
        snapshot_hash=lineage.snapshot_hash,
        run_id=lineage.run_id,
        created_at=at,
        note=lineage.note,
    )
    write_manifest(staging, Manifest(model, entries))
    target = root / model.version
    present = _present(target)
    if present is None:
        try:
            staging.rename(target)
        except OSError:  # another process published the same contents meanwhile
            present = _present(target)
            if present is None:
                raise
    if present is not None:
        shutil.rmtree(staging)
        model = present
    sync_folder(root)
    return model


def _present(target: Path) -> ModelVersion | None:
    """The version that lies there whole; a damaged one is moved out of the way of its whole copy."""
    if not target.exists():
        return None
    try:
        return _verify(target).model
    except (ModelDamaged, UnsafeModel):
        logger.warning("damaged version replaced", extra={"version": target.name})
        away = target.with_name(f".staging-{_host()}-0-{secrets.token_hex(8)}")
        target.rename(away)  # whoever reads the damaged files keeps reading them, not half of the new ones
        shutil.rmtree(away, ignore_errors=True)
        return None


def _check_weights(folder: Path, files: list[Path]) -> None:
    weights = [path for path in files if path.suffix == ".safetensors"]
    if not weights:
        raise WrongUsage(f"{folder} has no weights to publish.", advice="Save the model with safetensors.")
    for path in weights:
        check_safetensors(path)


def _verify(folder: Path) -> Manifest:
    manifest = read_manifest(folder)
    found = {path.name: path for path in files_of(folder)}
    strange = sorted(found.keys() - manifest.files.keys())
    if strange:
        raise UnsafeModel(
            f"Model version {folder.name} holds {strange[0]}, which its manifest does not name.",
            advice="Remove that file, or restore the folder from a backup.",
        )
    for name, entry in manifest.files.items():
        if name not in found or entry_of(found[name]) != entry:
            what = "lacks" if name not in found else "has a changed"
            raise ModelDamaged(
                f"Model version {folder.name} {what} {name}.",
                advice="Restore the folder from a backup, or roll back to another version.",
            )
        if found[name].suffix == ".safetensors":
            check_safetensors(found[name])
    return manifest


def _is_abandoned(path: Path, now: datetime) -> bool:
    """Whether a folder is the staging of a process that is gone."""
    name = _STAGING.fullmatch(path.name)
    if name is None:
        return False
    if name["host"] != _host():
        return now.timestamp() - path.stat().st_mtime > _ABANDONED_AFTER_SECONDS
    return not is_alive(int(name["pid"]))
