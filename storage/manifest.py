"""The readable `manifest.json` of a model version: every file's hash, and where the version comes from."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from storage.errors import ModelDamaged
from storage.model_files import MANIFEST
from storage.values import ModelVersion

FORMAT = 1
_VERSION_DIGITS = 16


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of a version."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a version is made of."""

    model: ModelVersion
    files: Mapping[str, FileEntry]


def content_hash(kind: str, base: str | None, files: Mapping[str, FileEntry]) -> str:
    """SHA-256 over the kind, the base and the files' names and hashes: the same contents have the same hash."""
    told = {"kind": kind, "base": base, "files": [[name, files[name].sha256] for name in sorted(files)]}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode("ascii")).hexdigest()


def version_of(digest: str) -> str:
    """The name of the version with a content hash."""
    return digest[:_VERSION_DIGITS]


def entry_of(path: Path) -> FileEntry:
    """A file's hash and size."""
    with path.open("rb") as file:
        return FileEntry(hashlib.file_digest(file, "sha256").hexdigest(), os.fstat(file.fileno()).st_size)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest in one piece; it, and the folder's other names, are on disk afterwards."""
    model = asdict(manifest.model) | {"created_at": manifest.model.created_at.isoformat()}
    told = {"format": FORMAT, **model, "files": {name: asdict(manifest.files[name]) for name in sorted(manifest.files)}}
    draft = folder / f".{MANIFEST}.draft"
    with draft.open("w", encoding="utf-8") as file:
        json.dump(told, file, indent=2, ensure_ascii=True)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    draft.chmod(0o444)
    draft.replace(folder / MANIFEST)
    sync_folder(folder)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a version's folder.

    Raises:
        ModelDamaged: there is none, it cannot be read, or it does not belong to this folder.
    """
    path = folder / MANIFEST
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        files = {str(name): FileEntry(str(e["sha256"]), int(e["bytes"])) for name, e in told["files"].items()}
        model = ModelVersion(
            version=str(told["version"]),
            content_hash=str(told["content_hash"]),
            kind=str(told["kind"]),
            base=told["base"],
            parent=told["parent"],
            snapshot_hash=told["snapshot_hash"],
            run_id=told["run_id"],
            created_at=datetime.fromisoformat(told["created_at"]),
            note=str(told["note"]),
        )
        is_ours = told["format"] == FORMAT and model.created_at.tzinfo is not None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelDamaged(f"The manifest {path} is missing or cannot be read.", advice=_ADVICE) from error
    digest = content_hash(model.kind, model.base, files)
    if (
        not is_ours
        or model.content_hash != digest
        or model.version != version_of(digest)
        or folder.name != model.version
    ):
        raise ModelDamaged(f"The manifest {path} is not the one of this folder.", advice=_ADVICE)
    return Manifest(model, files)


def sync_file(path: Path) -> None:
    """Put a file's bytes on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Put a folder's names on disk."""
    sync_file(folder)


_ADVICE = "Restore the folder from a backup, or roll back to another version."
