"""A backup as one file: a compressed tar that says first what it is and last what it must hold.

The first member, `backup.json`, is small and tells what is needed to refuse early; the last, `manifest.json`, names every
member between with its size and SHA-256. Promises: the file has its name only when it is whole and on disk; what is
unpacked from it was named in the manifest, byte for byte, and lay nowhere but in the folder that was given, under names
from a short list of shapes. Files pass through in pieces, so that memory does not grow with them.
"""

import gzip
import hashlib
import io
import json
import os
import re
import secrets
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from storage.errors import BackupDamaged, MynahError, Refused, WrongUsage
from storage.manifest import FileEntry, sync_folder

FORMAT = 1
HEADER, MANIFEST = "backup.json", "manifest.json"

_PLAIN = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
_NAME = re.compile(
    rf"database\.(?:sqlite|pgdump)|home/{_PLAIN}|models/[a-z0-9][a-z0-9-]{{0,63}}/{_PLAIN}"
    rf"|work/snapshots/[0-9a-f]{{64}}/(?:{_PLAIN}/)?{_PLAIN}"
)
_LONGEST_HEADER, _LONGEST_MANIFEST = 64 * 1024, 256 * 1024**2
_PIECE = 1024**2
_COMPRESSION = 3
"""Weights hardly shrink whatever is tried; rows do at once."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What an archive held."""

    header: Mapping[str, Any]
    files: Mapping[str, FileEntry]
    more: Mapping[str, Any]
    """What else its manifest tells."""


def may_hold(name: str) -> bool:
    """Whether a backup has members of that name."""
    return _NAME.fullmatch(name) is not None


class ArchiveWriter:
    """Adds members one after another; made by `new_archive`."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self._files: dict[str, FileEntry] = {}

    def begin(self, header: Mapping[str, object]) -> None:
        """Say what it is. The first call."""
        self._add_json(HEADER, {"format": FORMAT, **header})

    def add(self, name: str, path: Path) -> None:
        """Add a file under a name of one of the known shapes.

        Raises:
            OSError: it cannot be read, or shrinks meanwhile.
        """
        if not may_hold(name) or name in self._files:
            raise ValueError(name)
        with path.open("rb") as file:
            hashing = _Hashing(file)
            member = tarfile.TarInfo(name)
            member.size, member.mode = os.fstat(file.fileno()).st_size, 0o600
            self._tar.addfile(member, hashing)
        self._files[name] = FileEntry(hashing.hexdigest(), member.size)

    def end(self, more: Mapping[str, object]) -> Mapping[str, FileEntry]:
        """Write the manifest, and what else is to be known. The last call; gives what was added."""
        files = {name: {"sha256": entry.sha256, "bytes": entry.bytes} for name, entry in self._files.items()}
        self._add_json(MANIFEST, {"files": files, **more})
        return self._files

    def _add_json(self, name: str, told: Mapping[str, object]) -> None:
        data = (json.dumps(told, indent=2, ensure_ascii=True) + "\n").encode("ascii")
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(data), 0o600
        self._tar.addfile(member, io.BytesIO(data))


class _Hashing:
    """A file that is hashed while it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        piece = self._file.read(size)
        self._hash.update(piece)
        return piece

    def hexdigest(self) -> str:
        """Of what was read."""
        return self._hash.hexdigest()


@contextmanager
def new_archive(path: Path, scratch: Path) -> Iterator[ArchiveWriter]:
    """A new archive, readable by its owner only; it gets its name when the body has ended well, or never.

    Args:
        path: its name.
        scratch: a folder on the same disk, where it lies until then.

    Raises:
        OSError: the disk cannot take it.
    """
    draft = scratch / f"{path.name}.{secrets.token_hex(4)}.draft"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            with (
                gzip.GzipFile("", "wb", _COMPRESSION, file, mtime=0) as packed,
                tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar,
            ):
                yield ArchiveWriter(tar)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
        sync_folder(path.absolute().parent)
    finally:
        draft.unlink(missing_ok=True)


def read_header(path: Path) -> Mapping[str, Any]:
    """What an archive says it is.

    Raises:
        WrongUsage: it cannot be read, or is no backup of Mynah's.
        MynahError: a newer Mynah made it.
    """
    with _opened(path) as (tar, _):
        member = tar.next()
        if member is None or member.name != HEADER or not member.isreg() or member.size > _LONGEST_HEADER:
            raise _foreign(path)
        header = _json(path, _contents(tar, member))
    if not isinstance(header.get("format"), int):
        raise _foreign(path)
    if header["format"] > FORMAT:
        raise MynahError(f"{path} was made by a newer Mynah.", advice="Upgrade Mynah.")
    return header


def unpack(path: Path, folder: Path, watch: Callable[[str], None] = lambda _: None) -> Unpacked:
    """Put all members into an empty folder, and check each against the manifest.

    Args:
        path: of the archive.
        folder: where to.
        watch: is told the name of each member before it is written.

    Raises:
        WrongUsage: it cannot be read, or is no backup of Mynah's.
        Refused: a member has a name that no backup has, such as one that leads out of the folder, or is no plain file.
        BackupDamaged: it is cut short, or a member is not what the manifest says.
        MynahError: the disk cannot take it, or a newer Mynah made it.
    """
    header = read_header(path)
    found: dict[str, FileEntry] = {}
    told: Mapping[str, Any] | None = None
    with _opened(path) as (tar, packed):
        tar.next()
        while (member := tar.next()) is not None:
            if told is not None:
                raise _damaged(path, "something follows its manifest")
            if member.name == MANIFEST and member.isreg() and member.size <= _LONGEST_MANIFEST:
                told = _json(path, _contents(tar, member))
                continue
            if not member.isreg() or not may_hold(member.name):
                raise Refused(
                    f"{path} has a member that no backup has: {member.name[:100]!r}.", advice="Do not trust this file."
                )
            if member.name in found:
                raise _damaged(path, f"{member.name} is there twice")
            watch(member.name)
            found[member.name] = _written(tar, member, folder / member.name)
        while packed.read(_PIECE):  # to the end, where the checksum is
            pass
    if told is None:
        raise _damaged(path, "it ends before its manifest")
    files = _entries(path, told)
    for name in sorted(files.keys() | found.keys()):
        if files.get(name) != found.get(name):
            raise _damaged(path, f"{name} is not what its manifest says")
    return Unpacked(header, files, {key: value for key, value in told.items() if key != "files"})


@contextmanager
def _opened(path: Path) -> Iterator[tuple[tarfile.TarFile, gzip.GzipFile]]:
    """The archive as a stream, with what its readers raise told in our words."""
    try:
        with gzip.open(path, "rb") as packed, tarfile.open(fileobj=packed, mode="r|") as tar:
            yield tar, packed
    except gzip.BadGzipFile as error:
        raise (_damaged(path, "its checksum is wrong") if "CRC" in str(error) else _foreign(path)) from error
    except (tarfile.TarError, EOFError, zlib.error, UnicodeError) as error:
        raise _damaged(path, "it is cut short or garbled") from error
    except OSError as error:
        if error.filename in (path, str(path)):
            raise WrongUsage(f"{path} cannot be read: {error.strerror}.") from error
        raise MynahError(
            f"What is in {path} cannot be written: {error.strerror}.", advice="Is the disk full?"
        ) from error


def _contents(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    return b"" if file is None else file.read()


def _written(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> FileEntry:
    source = tar.extractfile(member)
    if source is None:
        raise tarfile.ReadError
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        while piece := source.read(_PIECE):
            digest.update(piece)
            file.write(piece)
        return FileEntry(digest.hexdigest(), file.tell())


def _json(path: Path, data: bytes) -> dict[str, Any]:
    try:
        told = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "what it says of itself cannot be read") from error
    if not isinstance(told, dict):
        raise _damaged(path, "what it says of itself cannot be read")
    return told


def _entries(path: Path, told: Mapping[str, Any]) -> dict[str, FileEntry]:
    try:
        return {str(name): FileEntry(str(one["sha256"]), int(one["bytes"])) for name, one in told["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, "its manifest cannot be read") from error


def _damaged(path: Path, why: str) -> BackupDamaged:
    return BackupDamaged(f"The backup {path} is damaged: {why}.", advice="Nothing was restored. Take another copy.")


def _foreign(path: Path) -> WrongUsage:
    return WrongUsage(f"{path} is no backup of Mynah's.", advice="Give a file that `mynah backup` wrote.")
