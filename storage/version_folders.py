"""Versions as folders on this machine's disk: made from staged files or fetched, and checked. It knows no rows.

Promise: a folder under its final name is whole; what is not is put aside before its whole copy takes the name.
"""

import logging
import secrets
import shutil
import socket
import zlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from storage.errors import ModelDamaged, UnsafeModel, WrongUsage
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
from storage.model_files import MANIFEST, check_safetensors, files_of
from storage.model_store import ModelStore
from storage.values import ModelVersion

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a version comes from."""

    kind: str
    base: str | None = None
    parent: str | None = None
    snapshot_hash: str | None = None
    run_id: int | None = None
    note: str = ""


def host() -> str:
    """This machine, in eight digits."""
    return f"{zlib.crc32(socket.gethostname().encode('utf-8', 'replace')):08x}"


def place(root: Path, staging: Path, lineage: Lineage, at: datetime) -> ModelVersion:
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
    present = whole_version(target)
    if present is None:
        try:
            staging.rename(target)
        except OSError:  # another process published the same contents meanwhile
            present = whole_version(target)
            if present is None:
                raise
    if present is not None:
        shutil.rmtree(staging)
        model = present
    sync_folder(root)
    return model


def fetch(shared: ModelStore, version: str, staging: Path, target: Path) -> None:
    """Bring a version from the model store to its place, whole or not at all."""
    try:
        folder = staging / version
        folder.mkdir()
        shared.fetch(version, folder)
        for name in verify_folder(folder).files:
            (folder / name).chmod(0o444)
            sync_file(folder / name)
        (folder / MANIFEST).chmod(0o444)
        sync_file(folder / MANIFEST)
        sync_folder(folder)
        try:
            folder.rename(target)
        except OSError:  # another process or thread has fetched it meanwhile
            if whole_version(target) is None:
                raise
        sync_folder(target.parent)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    logger.info("version fetched", extra={"version": version})


def whole_version(target: Path) -> ModelVersion | None:
    """The version that lies there whole; a damaged one is moved out of the way of its whole copy."""
    if not target.exists():
        return None
    try:
        return verify_folder(target).model
    except (ModelDamaged, UnsafeModel):
        logger.warning("damaged version replaced", extra={"version": target.name})
        away = target.with_name(f".staging-{host()}-0-{secrets.token_hex(8)}")
        target.rename(away)  # whoever reads the damaged files keeps reading them, not half of the new ones
        shutil.rmtree(away, ignore_errors=True)
        return None


def _check_weights(folder: Path, files: list[Path]) -> None:
    weights = [path for path in files if path.suffix == ".safetensors"]
    if not weights:
        raise WrongUsage(f"{folder} has no weights to publish.", advice="Save the model with safetensors.")
    for path in weights:
        check_safetensors(path)


def verify_folder(folder: Path) -> Manifest:
    """Check every file against the manifest; returns it.

    Raises:
        UnsafeModel: files that the manifest does not name.
        ModelDamaged: a file is missing or differs.
    """
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
