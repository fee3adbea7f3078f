"""The model registry: immutable folders named by their content hash, and the only hand-off from trainer to bot.

Promise: a folder under its final name is whole. `manifest.json` is written last (temporary file, fsync, rename, fsync
of the folder), names every file with its SHA-256, and is checked before anything is loaded. Only safetensors, JSON,
text and Jinja files are let in: a pickle never is.
"""

from dataclasses import dataclass
from pathlib import Path

from storage.store import Store
from storage.values import ModelVersion


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
    """Versions as folders under one root, with their rows in the store."""

    def __init__(self, root: Path, store: Store) -> None:
        raise NotImplementedError

    def staging(self) -> Path:
        """A fresh folder, inside the root, to write a version's files into before `publish`."""
        raise NotImplementedError

    async def publish(self, staging: Path, lineage: Lineage) -> ModelVersion:
        """Hash the staged files, write the manifest, move the folder to its name and write its row.

        The same contents again return the version there is. The staging folder is gone afterwards.

        Raises:
            UnsafeModel: a file is pickled, of an unknown kind, or a link out of the folder.
        """
        raise NotImplementedError

    async def import_folder(self, folder: Path, *, note: str = "") -> ModelVersion:
        """Copy a base model's files in as a version; unknown files (such as a README) are left behind.

        Raises:
            WrongUsage: the folder is not a model.
            UnsafeModel: it has pickled weights and no safetensors.
        """
        raise NotImplementedError

    async def resolve(self, name: str) -> ModelVersion:
        """The version that an alias, a version, or an unambiguous beginning (4 digits or more) of one names.

        Raises:
            UnknownModel: nothing, or more than one, answers to it; or it is not a name at all.
        """
        raise NotImplementedError

    def folder(self, version: str) -> Path:
        """A version's folder (whether or not it exists).

        Raises:
            UnknownModel: not a version's name (`^[a-z0-9][a-z0-9-]{0,63}$`).
        """
        raise NotImplementedError

    def verify(self, version: str) -> None:
        """Check every file against the manifest, and safetensors headers against the files' sizes.

        Raises:
            UnknownModel: no such folder.
            UnsafeModel: files that the manifest does not name.
            ModelDamaged: a file is missing or differs.
        """
        raise NotImplementedError

    async def verify_all(self) -> dict[str, str]:
        """Each version to `ok` or to what is wrong with it; rows without folders and folders without rows included."""
        raise NotImplementedError

    async def sweep(self) -> int:
        """Remove staging folders that dead processes left behind; returns how many."""
        raise NotImplementedError
