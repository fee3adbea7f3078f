"""The model store: published versions at an address that several machines share, a folder or S3-compatible.

Promises: a version is there when its manifest is, which is written last; nothing is taken from it whose name may not be
in a model or whose size differs from the manifest, and the registry checks every byte before it lets a version in. It
does not know rows or aliases. Keys to S3 are where AWS's own tools look for them (`AWS_ACCESS_KEY_ID` and so on), never
in the address.
"""

import logging
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from storage.errors import ModelDamaged, MynahError, UnknownModel, WrongUsage
from storage.manifest import Manifest, read_manifest, sync_file, sync_folder
from storage.model_files import MANIFEST, check_name

logger = logging.getLogger(__name__)

SCHEMES = ("file", "s3", "memory")
_LONGEST_MANIFEST = 1_000_000
_DRAFT = ".draft"
_ABANDONED_AFTER_SECONDS = 24 * 3600.0
"""Age from which a draft is taken for a dead process's: whose it is, another machine cannot tell."""


class ModelStore:
    """Versions under one address. Blocks: use it from threads. Made by `open_model_store`."""

    def __init__(self, url: str, filesystem: Any, root: str, *, is_folder: bool) -> None:
        """Look at nothing yet.

        Args:
            url: as the operator wrote it, for errors.
            filesystem: fsspec's.
            root: where the versions are, as the file system names it.
            is_folder: whether it is a folder of this machine, where half-written files must be moved into place.
        """
        self.url = url
        self._files = filesystem
        self._root = root.rstrip("/")
        self._is_folder = is_folder

    def versions(self) -> set[str]:
        """What is there, by name; those without a manifest are not.

        Raises:
            MynahError: the store cannot be reached.
        """
        with self._told():
            self._files.invalidate_cache()
            if not self._files.isdir(self._root):
                return set()
            names = {Path(str(path)).name for path in self._files.ls(self._root, detail=False)}
            return {name for name in names if self._files.exists(self._path(name, MANIFEST))}

    def push(self, folder: Path) -> None:
        """Put a whole version's folder there; nothing is done if it is there already.

        Raises:
            ModelDamaged: the folder has no manifest of its own.
            MynahError: the store cannot be reached, or is full.
        """
        manifest = read_manifest(folder)
        with self._told():
            self._files.invalidate_cache()
            if self._has(manifest, folder):
                return
            self._files.makedirs(self._path(folder.name), exist_ok=True)
            if self._is_folder:
                _clear_drafts(Path(self._path(folder.name)))
            for name in [*sorted(manifest.files), MANIFEST]:  # whoever sees the manifest sees all it names
                self._put(folder / name, self._path(folder.name, name))
        logger.info("version pushed", extra={"version": folder.name})

    def fetch(self, version: str, folder: Path) -> None:
        """Bring a version's files into an empty folder of its name. They are not yet to be trusted: verify them.

        Raises:
            UnknownModel: it is not there.
            UnsafeModel: its manifest names what may not be in a model.
            ModelDamaged: its manifest or a file is not what it was.
            MynahError: the store cannot be reached, or the disk is full.
        """
        with self._told():
            self._files.invalidate_cache()
            source = self._path(version, MANIFEST)
            if not self._files.exists(source):
                raise UnknownModel(
                    f"Model version {version} is neither here nor in the model store.", advice="See `mynah model list`."
                )
            if self._files.size(source) > _LONGEST_MANIFEST:
                raise self._damaged(version, MANIFEST)
            self._files.get_file(source, str(folder / MANIFEST))
            try:
                manifest = read_manifest(folder)
            except ModelDamaged as error:
                raise self._damaged(version, MANIFEST) from error
            for name, entry in manifest.files.items():
                check_name(name)
                path = self._path(version, name)
                if not self._files.exists(path) or self._files.size(path) != entry.bytes:
                    raise self._damaged(version, name)
                self._files.get_file(path, str(folder / name))

    def _has(self, manifest: Manifest, folder: Path) -> bool:
        """Whether the same manifest is there, and all files in their sizes."""
        told = self._path(folder.name, MANIFEST)
        if not self._files.exists(told) or self._files.cat_file(told) != (folder / MANIFEST).read_bytes():
            return False
        paths = {self._path(folder.name, name): entry.bytes for name, entry in manifest.files.items()}
        return all(self._files.exists(path) and self._files.size(path) == size for path, size in paths.items())

    def _put(self, source: Path, target: str) -> None:
        if not self._is_folder:  # an object appears whole or not at all
            self._files.put_file(str(source), target)
            return
        draft = f"{target}.{secrets.token_hex(4)}{_DRAFT}"
        self._files.put_file(str(source), draft)
        sync_file(Path(draft))
        os.replace(draft, target)
        sync_folder(Path(target).parent)

    def _path(self, *names: str) -> str:
        return "/".join([self._root, *names])

    def _damaged(self, version: str, name: str) -> ModelDamaged:
        return ModelDamaged(
            f"The copy of model version {version} in the model store has no whole {name}.",
            advice="Remove it there; the trainer's next start pushes it again where it has the folder.",
        )

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Whatever a file system raises, as one of our errors."""
        try:
            yield
        except MynahError:
            raise
        except Exception as error:  # each kind of store has errors of its own: sockets, permissions, buckets
            raise MynahError(
                f"The model store {self.url} failed ({type(error).__name__}).",
                advice="Check MYNAH_MODELS__URL, the network, the keys and the room there.",
            ) from error


def _clear_drafts(folder: Path) -> None:
    """Remove what killed processes had half written into a version's folder."""
    for path in folder.glob(f"*{_DRAFT}"):
        if time.time() - path.stat().st_mtime > _ABANDONED_AFTER_SECONDS:
            path.unlink(missing_ok=True)


def open_model_store(url: str) -> ModelStore:
    """The store at an address: an absolute path, `file:///path` or `s3://bucket/path`.

    `memory://name` lasts as long as the process, for trying things out. S3-compatible servers other than Amazon's are
    named by `AWS_ENDPOINT_URL`. Asks nobody yet.

    Raises:
        WrongUsage: the address is none of these.
    """
    is_path = url.startswith(("/", "~"))
    parts = urlsplit(url)
    scheme = "file" if is_path else parts.scheme
    path = str(Path(url).expanduser()) if is_path else f"{parts.netloc}{parts.path}"
    if scheme not in SCHEMES or parts.query or parts.username or (scheme == "file" and not path.startswith("/")):
        raise WrongUsage(
            f"MYNAH_MODELS__URL cannot be used: {scheme or 'a relative path'} is no kind of model store."
            if scheme not in SCHEMES
            else "MYNAH_MODELS__URL cannot be used: it must be a plain address without keys or questions.",
            advice="Use an absolute path, file:///path or s3://bucket/path.",
        )
    if not path.strip("/"):
        raise WrongUsage("MYNAH_MODELS__URL names no place.", advice="Such as s3://bucket/models.")
    return ModelStore(url, _filesystem(scheme), path, is_folder=scheme == "file")


def _filesystem(scheme: str) -> Any:
    import fsspec

    if scheme != "s3":
        return fsspec.filesystem(scheme)
    # Arrow speaks S3 and is here with `datasets`; s3fs would bring older versions of what others need.
    from fsspec.implementations.arrow import ArrowFSWrapper
    from pyarrow.fs import S3FileSystem

    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    where = {} if endpoint is None else {"endpoint_override": endpoint}
    return ArrowFSWrapper(S3FileSystem(region=os.environ.get("AWS_REGION", "us-east-1"), **where))
