"""The model registry: immutable folders named by their content hash, and the only hand-off from trainer to bot.

Promise: a folder under its final name is whole. `manifest.json` is written last (temporary file, fsync, rename, fsync
of the folder), names every file with its SHA-256, and is checked before anything is loaded. Only safetensors, JSON,
text, Jinja and SentencePiece files are let in: a pickle never is. Tests kill a publishing process at random points
and look. With a model store, a version is there before its row is, and one that is not here is fetched from there when
it is wanted, and let in only whole.
"""

import asyncio
import logging
import os
import re
import secrets
import shutil
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from storage.errors import MynahError, UnknownModel, WrongUsage
from storage.governance import SHARED_LINE
from storage.manifest import read_manifest
from storage.model_files import files_to_import
from storage.model_store import ModelStore
from storage.processes import is_alive
from storage.store import Store
from storage.values import Alias, ModelVersion
from storage.version_folders import Lineage, fetch, host, place, verify_folder

__all__ = ["KINDS", "Lineage", "ModelRegistry"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

KINDS = ("full", "adapter")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_STAGING = re.compile(r"\.staging-(?P<host>[0-9a-f]{8})-(?P<pid>\d+)-[0-9a-f]+")
_SHORTEST_BEGINNING = 4
_ABANDONED_AFTER_SECONDS = 24 * 3600.0
"""Age from which another machine's staging folder is taken for a dead process's."""


class ModelRegistry:
    """Versions as folders under one root, with their rows in the store.

    Args:
        root: the folder of the folders; made when something is first written.
        store: where the versions' rows and the aliases live.
        shared: where machines share versions; None: nowhere.
    """

    def __init__(self, root: Path, store: Store, shared: ModelStore | None = None) -> None:
        self._root = root
        self._store = store
        self._shared = shared

    def staging(self) -> Path:
        """A fresh folder, inside the root, to write a version's files into before `publish`."""
        folder = self._root / f".staging-{host()}-{os.getpid()}-{secrets.token_hex(8)}"
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
        model = await self._on_disk(lambda: place(self._root, staging, lineage, self._store.clock()))
        await self._push(model.version)
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

        A version that is not here is fetched from the model store first. Reads every byte: call it from a thread.

        Raises:
            UnknownModel: no such folder.
            UnsafeModel: files that the manifest does not name.
            ModelDamaged: a file is missing or differs.
            MynahError: the model store cannot be reached, or the disk could not take it.
        """
        folder = self.folder(version)
        if folder.is_dir() and not folder.is_symlink():
            verify_folder(folder)
        elif self._shared is not None:
            self._disk(partial(fetch, self._shared, version, self.staging(), folder))
        else:
            raise UnknownModel(f"Model version {version} has no folder.", advice="See `mynah model list`.")

    async def verify_all(self) -> dict[str, str]:
        """Each version to `ok` or to what is wrong with it; rows without folders and folders without rows included."""
        rows = {version.version for version in await self._store.aliases.versions()}
        folders = set(await asyncio.to_thread(self._folders))
        report = {}
        elsewhere = await self._shared_versions() if rows - folders else set()
        for name in sorted(rows | folders):
            if name in elsewhere - folders:
                report[name] = "ok"  # fetched, and verified then, when it is wanted here
                continue
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
                await self._push(name)
            except (MynahError, OSError) as error:
                logger.warning("folder not adopted", extra={"version": name, "error": type(error).__name__})
                continue
            await self._store.aliases.add_version(read_manifest(self.folder(name)).model)
            adopted.append(name)
        return adopted

    async def sweep(self) -> int:
        """Remove staging folders that dead processes left behind, and adopt whole folders without rows.

        Versions that the model store lacks are pushed there, as far as it can be reached.

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
        await self._push_missing()
        return removed

    async def _push(self, version: str) -> None:
        if self._shared is not None:
            await asyncio.to_thread(self._shared.push, self.folder(version))

    async def _push_missing(self) -> None:
        if self._shared is None:
            return
        try:
            there = await self._shared_versions()
            for version in sorted(set(await asyncio.to_thread(self._folders)) - there):
                await asyncio.to_thread(self.verify, version)
                await self._push(version)
        except MynahError as error:
            logger.warning("versions not pushed", extra={"error": type(error).__name__})

    async def _shared_versions(self) -> set[str]:
        return set() if self._shared is None else await asyncio.to_thread(self._shared.versions)

    def _folders(self) -> list[str]:
        return [path.name for path in _listing(self._root) if path.is_dir() and _NAME.fullmatch(path.name)]

    async def _on_disk(self, work: Callable[[], T]) -> T:
        return await asyncio.to_thread(self._disk, work)

    def _disk(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except OSError as error:
            raise MynahError(
                f"The model folder {self._root} failed: {error.strerror or type(error).__name__}.",
                advice="Check its disk space, owner and permissions.",
            ) from error


def _check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise UnknownModel(f"{name[:80]!r} is not the name of a model version.", advice="See `mynah model list`.")
    return name


def _listing(root: Path) -> list[Path]:
    return sorted(root.iterdir()) if root.is_dir() else []


def _is_abandoned(path: Path, now: datetime) -> bool:
    """Whether a folder is the staging of a process that is gone."""
    name = _STAGING.fullmatch(path.name)
    if name is None:
        return False
    if name["host"] != host():
        return now.timestamp() - path.stat().st_mtime > _ABANDONED_AFTER_SECONDS
    return not is_alive(int(name["pid"]))
