"""Reading a file line by line with bounded memory, and lines of JSON with a reason for each that is none.

It knows nothing of conversations, and decides about no encoding: lines are bytes here.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from storage.errors import WrongUsage

MAX_LINE_BYTES = 1_000_000
"""A longer line is skipped, not read into memory."""


class NotARecord(Exception):
    """What is wrong with something that should have been a record, in a few words."""


def open_plain_file(path: Path) -> BinaryIO:
    """The file, open for reading.

    Raises:
        WrongUsage: it is missing, a folder, unreadable, or not a plain file.
    """
    if path.is_dir():
        raise WrongUsage(f"{path} is a folder.", advice="Name a file in it.")
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise WrongUsage(f"There is no file {path}.", advice="Check the name and the folder.") from None
    except (OSError, ValueError) as error:
        raise WrongUsage(f"{path} cannot be read: {error}.", advice="Check the name and its permissions.") from None
    if not file.seekable():
        file.close()
        raise WrongUsage(f"{path} is not a plain file.", advice="Write its contents into a file first.")
    return file


def bounded_lines(file: BinaryIO, most: int = MAX_LINE_BYTES) -> Iterator[bytes | None]:
    """Each line with its end; None for one of more than `most` bytes."""
    while line := file.readline(most + 1):
        if len(line) <= most or line.endswith(b"\n"):
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(most)
        yield None


def record_of(text: str) -> dict[str, object]:
    """The JSON object that a line holds.

    Raises:
        NotARecord: it holds none.
    """
    if "\0" in text:
        raise NotARecord("has a NUL character")
    try:
        record = json.loads(text)
    except json.JSONDecodeError as error:
        raise NotARecord(f"not JSON: {error.msg} (character {error.colno})") from None
    except (RecursionError, ValueError):
        raise NotARecord("not JSON that can be read: nested too deep, or a number too long") from None
    if not isinstance(record, dict):
        raise NotARecord("not a JSON object")
    return record
