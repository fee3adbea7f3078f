"""The folder of a prepared dataset: how it is written in one piece, opened, streamed and verified.

It knows nothing of where the talk came from or how it was cleaned; the card is told to it.

Promise: a folder under its final name is whole. Files are written into a hidden folder beside it and synced to disk,
then one rename gives it its name. The hash is over both files of talk: what
`sha256sum train.jsonl heldout.jsonl | sha256sum` prints.
"""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, Self

from storage.errors import MynahError, WrongUsage
from storage.manifest import sync_folder
from storage.processes import is_alive

FORMAT = 1
CARD = "card.json"
README = "README.md"
TRAIN = "train.jsonl"
HELDOUT = "heldout.jsonl"
_OLD = ".old"
_BUFFER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Talk:
    """One conversation, ready to be learnt from."""

    messages: list[dict[str, str]]
    """Each with `role` (`system`, `user` or `assistant`) and `content`; at most one system message, the first."""
    source: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """A prepared folder."""

    folder: Path
    card: Mapping[str, Any]

    @property
    def content_hash(self) -> str:
        """SHA-256 over both files, in hexadecimal digits."""
        return str(self.card["content_hash"])

    @property
    def licences(self) -> Mapping[str, str]:
        """Each source, and under what it may be used; empty text where nobody said."""
        return {source: ", ".join(facts.get("licences", ())) for source, facts in self.card.get("sources", {}).items()}

    def train(self) -> Iterator[Talk]:
        """What is learnt, a conversation at a time, in the file's order."""
        return _talks(self.folder / TRAIN)

    def heldout(self) -> Iterator[Talk]:
        """What is only judged by; may be empty."""
        return _talks(self.folder / HELDOUT)

    def verify(self) -> None:
        """Read both files and compare their hash with the card's.

        Raises:
            MynahError: they are not the ones that the card describes.
        """
        digests = {name: _digest(self.folder / name) for name in (TRAIN, HELDOUT)}
        if content_hash(digests) != self.content_hash:
            raise MynahError(
                f"The talk in {self.folder} is not what its card describes: it was changed or damaged.",
                advice="Prepare it again with `mynah prepare`.",
            )


def open_dataset(folder: Path) -> Dataset:
    """A prepared dataset; its files are looked for, not read.

    Raises:
        WrongUsage: the folder is none, or a newer Mynah made it.
    """
    if not folder.is_dir():
        raise WrongUsage(
            f"There is no folder {folder}.", advice=f"Make it: mynah prepare YOUR-TEXT --out {folder.name}"
        )
    card = _card(folder)
    if card["format"] != FORMAT:
        raise WrongUsage(
            f"{folder} has format {card['format']}, and this Mynah reads format {FORMAT}.",
            advice="Prepare it again with this version.",
        )
    for name in (TRAIN, HELDOUT):
        if not (folder / name).is_file():
            raise WrongUsage(f"{folder} lacks {name}.", advice="Prepare it again, or restore it from a backup.")
    return Dataset(folder, MappingProxyType(card))


def _card(folder: Path) -> dict[str, Any]:
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        card = None
    if (
        not isinstance(card, dict)
        or not isinstance(card.get("content_hash"), str)
        or not isinstance(card.get("format"), int)
    ):
        raise WrongUsage(
            f"{folder} is not a prepared dataset: its {CARD} is missing or cannot be read.",
            advice=f"Make one of your text: mynah prepare {folder} --out NAME",
        )
    return card


def is_dataset(folder: Path) -> bool:
    """Whether the folder looks like a prepared dataset."""
    return all((folder / name).is_file() for name in (CARD, TRAIN, HELDOUT))


def content_hash(digests: Mapping[str, str]) -> str:
    """The dataset's hash, from each file's."""
    told = "".join(f"{digests[name]}  {name}\n" for name in (TRAIN, HELDOUT))
    return hashlib.sha256(told.encode("ascii")).hexdigest()


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise MynahError(
            f"{path} cannot be read: {error.strerror}.", advice="Check the folder's permissions."
        ) from None


def _talks(path: Path) -> Iterator[Talk]:
    try:
        with path.open("rb") as file:
            for line in file:
                record = json.loads(line)
                yield Talk(record["messages"], record["source"])
    except OSError as error:
        raise MynahError(
            f"{path} cannot be read: {error.strerror}.", advice="Check the folder's permissions."
        ) from None
    except (ValueError, KeyError, TypeError):
        raise MynahError(f"{path} is damaged.", advice="Prepare the dataset again with `mynah prepare`.") from None


class _TalkFile:
    """A file of talk on its way, with its running hash."""

    def __init__(self, path: Path) -> None:
        self.file: IO[bytes] = path.open("wb", buffering=_BUFFER_BYTES)
        self.hash = hashlib.sha256()

    def add(self, line: bytes) -> None:
        self.file.write(line)
        self.hash.update(line)

    def finish(self) -> str:
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        return self.hash.hexdigest()


class DatasetWriter:
    """Writes a dataset beside its final name; leaves nothing behind unless `finish` was called.

    Args:
        folder: the final name.
        replaces: whether a dataset of that name may be replaced; anything else never is.
    """

    def __init__(self, folder: Path, *, replaces: bool = False) -> None:
        self._folder = folder
        self._replaces = replaces
        self.draft = folder.with_name(f".{folder.name}.draft-{os.getpid()}-{secrets.token_hex(4)}")
        """Where the files are meanwhile; others may put scratch files there, under names of their own."""
        self._files: dict[str, _TalkFile] = {}

    def __enter__(self) -> Self:
        """Begin.

        Raises:
            WrongUsage: the name is taken.
            OSError: the folder cannot be made.
        """
        check_name_is_free(self._folder, replaces=self._replaces)
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_drafts_of_the_dead(self._folder)
        self.draft.mkdir()
        self._files = {name: _TalkFile(self.draft / name) for name in (TRAIN, HELDOUT)}
        return self

    def __exit__(self, *_: object) -> None:
        for written in self._files.values():
            try:
                written.file.close()
            except OSError:  # the disk is full: what is being thrown away need not be whole
                continue
        shutil.rmtree(self.draft, ignore_errors=True)

    def add(self, talk: Talk, *, is_held_out: bool) -> None:
        """Write a conversation to its side."""
        record = {"messages": talk.messages, "source": talk.source}
        line = json.dumps(record, ensure_ascii=False, separators=(", ", ": ")) + "\n"
        self._files[HELDOUT if is_held_out else TRAIN].add(line.encode())

    def finish(self, facts: Mapping[str, Any], readme: str) -> Dataset:
        """Write the card and the page for people, and give the folder its name.

        Args:
            facts: what the card says besides the format and the hashes.
            readme: for people; `{content_hash}` in it becomes the hash.

        Raises:
            WrongUsage: the name was taken meanwhile.
            OSError: the disk could not take it.
        """
        digests = {name: written.finish() for name, written in self._files.items()}
        digest = content_hash(digests)
        card = {"format": FORMAT, "content_hash": digest, **facts, "files": digests}
        self._write(CARD, json.dumps(card, ensure_ascii=False, indent=2) + "\n")
        self._write(README, readme.replace("{content_hash}", digest))
        sync_folder(self.draft)
        self._take_name()
        return Dataset(self._folder, MappingProxyType(card))

    def _write(self, name: str, text: str) -> None:
        with (self.draft / name).open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    def _take_name(self) -> None:
        check_name_is_free(self._folder, replaces=self._replaces)
        old = self.draft.with_name(self.draft.name + _OLD)
        if self._folder.exists():
            self._folder.rename(old)
        try:
            self.draft.rename(self._folder)
        except OSError:
            if old.exists():
                old.rename(self._folder)
            raise
        sync_folder(self._folder.parent)
        shutil.rmtree(old, ignore_errors=True)


def check_name_is_free(folder: Path, *, replaces: bool) -> None:
    """Complain about a name that is taken.

    Raises:
        WrongUsage: something is there that may not be replaced.
    """
    if folder.is_dir() and (is_dataset(folder) or not any(folder.iterdir())):
        if not replaces and is_dataset(folder):
            raise WrongUsage(
                f"{folder} is a prepared dataset already.", advice="Choose another name, or replace it with --force."
            )
    elif folder.exists() or folder.is_symlink():
        raise WrongUsage(
            f"{folder} exists and is not a prepared dataset, so it is left alone.", advice="Choose another name."
        )


def _remove_drafts_of_the_dead(folder: Path) -> None:
    """Clear away what killed processes of this machine left under this name."""
    beginning = f".{folder.name}.draft-"
    for path in folder.parent.iterdir():
        if path.name.startswith(beginning):
            pid = path.name.removeprefix(beginning).partition("-")[0]
            if pid.isdigit() and not is_alive(int(pid)):
                if path.name.endswith(_OLD) and not folder.exists():
                    path.rename(folder)  # killed between the two renames of a replacement
                else:
                    shutil.rmtree(path, ignore_errors=True)
