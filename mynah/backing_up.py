"""A backup of one Mynah: the database first, then what its rows name, into one archive.

Rows are copied before files, and a version's folder is there before its row, so that every version in the copy can be
found whatever bot and trainer do meanwhile. What is not in it: secrets (unless asked for), logs, what can be fetched or
made again (hub, checkpoints, reports, whose rows have them), and what an operator made by hand (datasets, sweeps).
"""

import asyncio
import logging
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version as version_of_package
from pathlib import Path

from mynah.backup_scratch import scratch_beside
from mynah.world import World
from storage import secret
from storage.archive import ArchiveWriter, may_hold, new_archive
from storage.database_copies import DatabaseCopies
from storage.errors import MynahError, UnknownModel, WrongUsage
from storage.migrations import HEAD
from storage.model_files import MANIFEST
from storage.model_store import open_model_store
from storage.values import Alias
from storage.version_folders import verify_folder

logger = logging.getLogger(__name__)

DATABASE_MEMBERS = {"sqlite": "database.sqlite", "postgresql": "database.pgdump"}
STATE_FILES = ("golden.jsonl", "base.json")
"""Of the home folder: what every version must say, and which version a base of the hub is."""


_ROWS = "rows"
_PREFIX, _SUFFIX = "mynah-", ".tar.gz"
_NAMED = re.compile(rf"{_PREFIX}\d{{8}}T\d{{12}}Z{re.escape(_SUFFIX)}")


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What a backup holds."""

    file: Path
    bytes: int
    begun_at: datetime
    database: str
    versions: tuple[str, ...]
    left_out: Mapping[str, str]
    """Versions that are not in it, and why."""
    needed: tuple[str, ...]
    """Those of them that answer, or would after a rollback."""
    has_author_key: bool
    members: int


async def back_up(world: World, copies: DatabaseCopies, file: Path, *, with_author_key: bool) -> BackedUp:
    """Write a backup; the file appears when it is whole.

    Args:
        world: open; others may work on meanwhile.
        copies: of its database.
        file: to write; it must not exist.
        with_author_key: whether the key that turns author ids into the database's names lies in it, too.

    Raises:
        WrongUsage: the file is there already, its folder is not, or the key is asked for and is in the settings.
        MynahError: the database is damaged or cannot be reached, or the disk is full.
    """
    settings = world.settings
    if with_author_key and settings.store.author_key_secret is not None:
        raise WrongUsage(
            "The author key is in the settings (MYNAH_STORE__AUTHOR_KEY_SECRET), not in the home folder.",
            advice="Leave --with-author-key out, and keep a copy of the setting apart from the backup.",
        )
    await asyncio.to_thread(_check_target, file)
    try:
        with scratch_beside(file) as scratch, new_archive(file, scratch) as archive:
            begun_at = world.clock()
            await copies.copy(scratch / _ROWS)
            archive.begin(_header(world, copies, begun_at, has_author_key=with_author_key))
            await asyncio.to_thread(archive.add, DATABASE_MEMBERS[copies.kind], scratch / _ROWS)
            await asyncio.to_thread((scratch / _ROWS).unlink)
            if with_author_key:
                await asyncio.to_thread(archive.add, f"home/{secret.FILE_NAME}", settings.home / secret.FILE_NAME)
            await asyncio.to_thread(_add_state, archive, settings.home)
            kept, left_out = await _add_versions(archive, world, scratch)
            needed = await _needed(world)
            members = archive.end({"versions": kept, "left_out": left_out})
    except OSError as error:
        raise MynahError(
            f"The backup {file} could not be written: {error.strerror or type(error).__name__}.",
            advice="Check its disk's space and permissions. Nothing is left of it.",
        ) from error
    size = (await asyncio.to_thread(file.stat)).st_size
    logger.info("backup written", extra={"bytes": size, "versions": len(kept), "left_out": len(left_out)})
    missing = tuple(sorted(needed & left_out.keys()))
    return BackedUp(file, size, begun_at, copies.kind, kept, left_out, missing, with_author_key, len(members))


def file_in(given: Path, at: datetime) -> Path:
    """The file to write: what was given, or in a folder one that is named by the time, so that names sort by it."""
    return given / f"{_PREFIX}{at:%Y%m%dT%H%M%S%fZ}{_SUFFIX}" if given.is_dir() else given


def remove_older(folder: Path, keep: int) -> list[Path]:
    """Remove all but the newest backups that were named by their time; returns those removed. Blocks."""
    named = sorted(path for path in folder.iterdir() if _NAMED.fullmatch(path.name))
    for path in named[:-keep]:
        path.unlink()
    return named[:-keep]


def _check_target(file: Path) -> None:
    if file.exists() or file.is_symlink():
        raise WrongUsage(f"{file} is there already.", advice="Give the name of a new file; nothing is overwritten.")
    if not file.parent.is_dir():
        raise WrongUsage(f"There is no folder {file.parent}.", advice="Make it, or give another place.")


def _header(world: World, copies: DatabaseCopies, begun_at: datetime, *, has_author_key: bool) -> dict[str, object]:
    """What must be known before the rest is read."""
    return {
        "mynah": version_of_package("mynah"),
        "begun_at": begun_at.isoformat(),
        "database": copies.kind,
        "schema": HEAD,
        "author_key": world.store.author_key_fingerprint,
        "has_author_key": has_author_key,
    }


async def _add_versions(archive: ArchiveWriter, world: World, scratch: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    """Those that could be packed, and why others could not."""
    kept, left_out = [], {}
    for version in [one.version for one in await world.store.aliases.versions()]:
        try:
            await asyncio.to_thread(_add_version, archive, world, version, scratch)
            kept.append(version)
        except _LeftOut as error:
            left_out[version] = str(error)
    return tuple(kept), left_out


async def _needed(world: World) -> set[str]:
    """The versions that answer, or that a rollback or a canary may want."""
    aliases = world.store.aliases
    lines = {"", *await aliases.champions()}
    named = {await aliases.current(alias, line) for line in lines for alias in Alias}
    return {version for version in named if version} | {one.version for one in await world.store.canaries.all_open()}


class _LeftOut(Exception):
    """A version cannot be packed, and the rest can; says why."""


def _add_version(archive: ArchiveWriter, world: World, version: str, scratch: Path) -> None:
    with _whole_folder(world, version, scratch) as folder:
        for path in sorted(folder.iterdir(), key=lambda path: (path.name == MANIFEST, path.name)):
            archive.add(f"models/{version}/{path.name}", path)


@contextmanager
def _whole_folder(world: World, version: str, scratch: Path) -> Iterator[Path]:
    """A version's folder, verified: of the home, or fetched from the model store for as long as it is packed."""
    folder, url = world.registry.folder(version), world.settings.models.url
    fetched = scratch / version
    try:
        try:
            if not folder.is_dir() and url is None:
                raise UnknownModel(f"Model version {version} has no folder.")
            if not folder.is_dir() and url is not None:
                fetched.mkdir()
                open_model_store(url).fetch(version, fetched)
                folder = fetched
            verify_folder(folder)
        except MynahError as error:
            raise _LeftOut(str(error)) from error
        yield folder
    finally:
        shutil.rmtree(fetched, ignore_errors=True)


def _add_state(archive: ArchiveWriter, home: Path) -> None:
    """The small files of the home, and the snapshots, which tell how talk has drifted since a version learnt it."""
    for name in STATE_FILES:
        if (home / name).is_file():
            archive.add(f"home/{name}", home / name)
    snapshots = home / "work" / "snapshots"
    for folder in sorted(path for path in _listing(snapshots) if not path.name.startswith(".")):
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        for path in files:
            name = path.relative_to(home).as_posix()
            if not may_hold(name):
                continue
            try:
                archive.add(name, path)
            except FileNotFoundError:  # somebody's words were taken back just now, and the trainer removed it
                logger.info("snapshot left out", extra={"snapshot": folder.name})
                break


def _listing(folder: Path) -> list[Path]:
    return [folder / name for name in os.listdir(folder)] if folder.is_dir() else []
