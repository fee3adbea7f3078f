"""What is read: files, folders and names of datasets, each with the reader that its content asks for.

A folder is walked in sorted order, so the same folder is read the same way everywhere. What cannot be read is named
with a reason, never passed over in silence.
"""

import fnmatch
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from storage.errors import WrongUsage
from storage.text import storable
from trainer.growing.dataset import is_dataset
from trainer.growing.sources_decoding import NotText, probe
from trainer.growing.sources_documents import LISTS, read_document
from trainer.growing.sources_hub import PREFIX, HubName, read_hub
from trainer.growing.sources_records import read_json_lines
from trainer.growing.sources_tables import columns_of, delimiter_of, read_table
from trainer.growing.sources_text import read_text, shape_of
from trainer.growing.sources_values import MAX_NAME_CHARACTERS, Broken, FoundTalk, Reading

JSON_LINES = frozenset({".jsonl", ".ndjson"})
TABLES = frozenset({".csv", ".tsv"})
KNOWN = JSON_LINES | TABLES | {".json", ".txt", ".text", ".log", ".md", ""}
"""Kinds of files that are read when a folder is given; a file that is named itself may be of any kind."""
_BESIDE_THE_TALK = ("readme*", "license*", "licence*", "copying*", "notice*", "changelog*")
_LICENCES = ("license*", "licence*", "copying*")
_MAX_LICENCE_BYTES = 4096

_DISCORD_NUMBER = re.compile(r" \[\d{15,21}\](?: \([^()]*\))?")
_DISCORD_PERSON = re.compile(r"((?:^|/)Direct Messages) - [^/]*(?=\.\w+$)")

Talks = Iterator[FoundTalk | Broken]
Reader = Callable[[Reading], Talks]


@dataclass(frozen=True, slots=True)
class Readable:
    """One file or dataset that can be read."""

    name: str
    """What to call it where its lines name no source themselves."""
    format: str
    """As people know it: `JSON lines`, `table`, `script` …"""
    read: Reader
    bytes: int | None
    """None: nobody knows."""
    licence: str | None
    """Of the folder it lies in; its lines may say otherwise."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """One file that cannot be read, and why."""

    name: str
    reason: str


def find(given: Sequence[str], *, skip: Sequence[str] = ()) -> Iterator[Readable | Skipped]:
    """What there is to read under some names, in order.

    Args:
        given: files, folders, and names of datasets (`hf:owner/name`).
        skip: patterns of file names to leave out, such as `heldout*`.

    Raises:
        WrongUsage: a name is nothing's, or a folder cannot be listed.
    """
    for one in given:
        if one.startswith(PREFIX):
            yield _hub(HubName.of(one))
            continue
        path = Path(one).expanduser()
        if _is_folder(path, one):
            yield from _folder(path, skip)
        else:
            yield _file(path, path.name, _licence(path.parent))


def _is_folder(path: Path, given: str) -> bool:
    """Whether it is a folder rather than a file."""
    try:
        if path.is_dir():
            return True
        if path.is_file():
            return False
        exists = path.exists()
    except (OSError, ValueError) as error:
        raise WrongUsage(f"{given} cannot be looked at: {error}.", advice="Check the name.") from None
    if exists:
        raise WrongUsage(f"{given} is neither a file nor a folder.", advice="Write its contents into a file first.")
    advice = "Check the name and the folder."
    if given.count("/") == 1 and not given.startswith((".", "/", "~")):
        advice += f" A dataset of the hub is written {PREFIX}{given}."
    raise WrongUsage(f"There is no file or folder {given}.", advice=advice)


def _hub(name: HubName) -> Readable:
    return Readable(str(name), "dataset", lambda _: read_hub(name), None, None)


def _folder(root: Path, skip: Sequence[str]) -> Iterator[Readable | Skipped]:
    if is_dataset(root):
        raise WrongUsage(
            f"{root} is a prepared dataset already.", advice="Give what it was made of, or one of its files by name."
        )

    def unreadable(error: OSError) -> None:
        raise WrongUsage(
            f"{error.filename} cannot be listed: {error.strerror}.",
            advice="Give yourself the permission to read it, or leave it out.",
        )

    licences: dict[str, str | None] = {}
    for here, folders, files in os.walk(root, onerror=unreadable):
        for name in sorted(folders):
            if is_dataset(Path(here, name)):
                yield Skipped(shown_name(str(Path(here, name).relative_to(root))), "is a prepared dataset")
        folders[:] = sorted(name for name in folders if not name.startswith(".") and not is_dataset(Path(here, name)))
        above = licences.get(str(Path(here).parent))
        licences[here] = _licence(Path(here)) or above
        for name in sorted(files):
            path = Path(here, name)
            shown = path.relative_to(root).as_posix()
            if _matches(name, _BESIDE_THE_TALK) or name.startswith("."):
                continue
            if _matches(name, [pattern.lower() for pattern in skip]):
                yield Skipped(shown_name(shown), "was to be left out")
            elif path.suffix.lower() not in KNOWN:
                yield Skipped(
                    storable(shown), f"is of a kind that is not read ({path.suffix}); name it itself if it is text"
                )
            elif not path.is_file():
                yield Skipped(shown_name(shown), "is not a plain file")
            else:
                yield _file(path, shown, licences[here])


def _file(path: Path, name: str, licence: str | None) -> Readable | Skipped:
    shown = shown_name(name)
    try:
        beginning = probe(path)
        found = _reader(path, shown, beginning)
        return Readable(shown, found[0], found[1], path.stat().st_size, licence)
    except NotText as wrong:
        return Skipped(shown, str(wrong))
    except WrongUsage as wrong:
        return Skipped(shown, f"cannot be opened ({wrong.what})")


def shown_name(name: str) -> str:
    """What to call a file: short, and without the number and the person that an export of Discord is named for."""
    name = _DISCORD_PERSON.sub(r"\1", _DISCORD_NUMBER.sub("", storable(name)))  # a name may hold bytes that are no text
    return name if len(name) <= MAX_NAME_CHARACTERS else f"…{name[1 - MAX_NAME_CHARACTERS :]}"


def _reader(path: Path, name: str, beginning: str) -> tuple[str, Reader]:
    """The format of a file and its reader: by what it begins with, then by its kind."""
    suffix = path.suffix.lower()
    text = beginning.lstrip()
    if text[:1] in ("{", "[") and (suffix in JSON_LINES or suffix == ".json" or text.startswith(("{", "[{"))):
        if _is_json_lines(text, suffix):
            return "JSON lines", lambda reading: read_json_lines(path, name, reading)
        return "JSON", lambda reading: read_document(path, name, reading)
    if suffix in JSON_LINES:
        return "JSON lines", lambda reading: read_json_lines(path, name, reading)
    if text[:15].lower().startswith(("<!doctype html", "<html")):
        raise NotText("is a web page: export it as JSON or text")
    header = text.partition("\n")[0]
    if suffix in TABLES or columns_of(header.split(delimiter_of(header))) is not None:
        return "table", lambda reading: read_table(path, name, reading)
    if suffix == ".json":
        raise NotText("is not JSON")
    shape = shape_of(beginning)
    return shape.value, lambda reading: read_text(path, name, reading, shape)


def _is_json_lines(text: str, suffix: str) -> bool:
    first, _, rest = text.partition("\n")
    try:
        record = json.loads(first)
    except (ValueError, RecursionError):
        # A broken first line, or one that is longer than what was looked at, or a document over many lines.
        return suffix in JSON_LINES and first.strip() not in ("{", "[")
    if not isinstance(record, dict) or {"guild", "channel", "messages"} <= record.keys():
        return False
    if suffix in JSON_LINES or rest.lstrip().startswith("{"):
        return True
    return not rest.strip() and not any(isinstance(record.get(key), list) for key in LISTS)


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name.lower(), pattern) for pattern in patterns)


def _licence(folder: Path) -> str | None:
    """What the licence file of a folder calls itself, with the file's name."""
    try:
        names = sorted(name for name in os.listdir(folder) if _matches(name, _LICENCES))
        for name in names:
            with (folder / name).open("rb") as file:
                told = file.read(_MAX_LICENCE_BYTES).decode("utf-8", errors="replace")
            title = next((" ".join(line.split()) for line in told.splitlines() if line.strip()), "")
            return f"{title[:MAX_NAME_CHARACTERS]} ({name})" if title else name
    except OSError:
        pass
    return None
