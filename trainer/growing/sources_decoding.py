"""Bytes of unknown encoding into lines of text, with bounded memory.

UTF-8 and UTF-16, with or without a byte order mark. What is not UTF-8 inside a file of UTF-8 is read as Windows-1252,
byte by byte, so a file whose lines were written by different programs is read right.
"""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from storage.json_lines import MAX_LINE_BYTES, bounded_lines, open_plain_file
from trainer.growing.sources_values import Reading

PROBE_BYTES = 65_536
OTHER_ENCODING = "lines with bytes of another encoding than UTF-8, read as Windows-1252"
_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"\xef\xbb\xbf", "utf-8"),
)
_UTF8_MARK = b"\xef\xbb\xbf"
_PACKED = (b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf", b"Rar!")
_BINARY = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"%PDF", b"\x7fELF", b"OggS", b"ID3", b"SQLite format 3\x00", b"PAR1")
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b")) + b"\x7f"
_WINDOWS = {0xDC00 + byte: bytes([byte]).decode("cp1252", errors="ignore") or chr(byte) for byte in range(128, 256)}
"""What `surrogateescape` makes of a byte that is no UTF-8, to the character that it is in Windows-1252; the five that it
leaves open become control characters, which cleaning removes."""
_MOST_CONTROLS = 0.02
"""Share of the bytes from which a file is not text."""
_MOST_NOT_LATIN = 0.4


class NotText(Exception):
    """Why a file cannot be read as text, in a few words."""


def encoding_of(start: bytes) -> str:
    """The encoding that the first bytes of a file speak for; `utf-8` also stands for the mixed ones.

    Raises:
        NotText: they are no text's.
    """
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding
    if start.startswith(_PACKED):
        raise NotText("is packed: unpack it first")
    if start.startswith(_BINARY):
        raise NotText("is not text")
    for first, encoding in ((0, "utf-16-le"), (1, "utf-16-be")):  # Latin letters: every second byte is zero
        letters, zeros = start[first::2], start[1 - first :: 2]
        if zeros.count(0) > _MOST_NOT_LATIN * len(zeros) and _controls(letters) <= _MOST_CONTROLS:
            return encoding
    if _controls(start) > _MOST_CONTROLS:
        raise NotText("is not text")
    return "utf-8"


def _controls(given: bytes) -> float:
    """The share of bytes that no text has."""
    return 1 - len(given.translate(None, _CONTROLS)) / len(given) if given else 0.0


def probe(path: Path) -> str:
    """The beginning of a file as text, for looking at.

    Raises:
        NotText: it is not text, or empty.
        WrongUsage: it cannot be opened.
    """
    with open_plain_file(path) as file:
        start = _start(file)
    encoding = encoding_of(start)
    # A character may be cut in two at the end.
    text = start.decode(encoding, errors="replace") if encoding != "utf-8" else _decoded(start)[0]
    if not text.strip("\ufeff \t\r\n\v\f\0"):
        raise NotText("is empty")
    return text.lstrip("\ufeff")


def text_lines(path: Path, reading: Reading, most_bytes: int = MAX_LINE_BYTES) -> Iterator[str | None]:
    """Each line with its end (always a line feed); None for one that is longer than `most_bytes`.

    Args:
        path: of a file that `probe` found to be text.
        reading: counts the bytes, and the lines that were repaired.
        most_bytes: that a line may have.

    Raises:
        NotText: it is not text.
        WrongUsage: it cannot be opened.
    """
    with open_plain_file(path) as file:
        encoding = encoding_of(_start(file))
        if encoding != "utf-8":
            yield from _wide_lines(file, encoding, reading, most_bytes)
            return
        if file.read(len(_UTF8_MARK)) != _UTF8_MARK:
            file.seek(0)
        for line in bounded_lines(file, most_bytes):
            if line is None:
                yield None
                continue
            reading.bytes_read += len(line)
            text, is_repaired = _decoded(line)
            reading.changed[OTHER_ENCODING] += is_repaired
            yield text[:-2] + "\n" if text.endswith("\r\n") else text


def text_chunks(path: Path, reading: Reading, characters: int = PROBE_BYTES) -> Iterator[str]:
    """The text in pieces of any shape, for formats that do not go by lines.

    Raises:
        NotText: it is not text.
        WrongUsage: it cannot be opened.
    """
    with open_plain_file(path) as file:
        encoding = encoding_of(_start(file))
        is_utf8 = encoding == "utf-8"
        errors = "surrogateescape" if is_utf8 else "replace"
        before = 0
        with io.TextIOWrapper(file, encoding="utf-8-sig" if is_utf8 else encoding, errors=errors) as text:
            while chunk := text.read(characters):
                position = file.tell()
                reading.bytes_read += position - before
                before = position
                repaired = chunk.translate(_WINDOWS) if is_utf8 and not chunk.isascii() else chunk
                reading.changed[OTHER_ENCODING] += repaired != chunk
                yield repaired


def _start(file: BinaryIO) -> bytes:
    start = file.read(PROBE_BYTES)
    file.seek(0)
    return start


def _wide_lines(file: BinaryIO, encoding: str, reading: Reading, most_bytes: int) -> Iterator[str | None]:
    most = most_bytes // 2
    with io.TextIOWrapper(file, encoding=encoding, errors="replace") as text:
        while line := text.readline(most + 1):
            reading.bytes_read += 2 * len(line)
            if len(line) <= most or line.endswith("\n"):
                yield line.lstrip("\ufeff")
                continue
            while line and not line.endswith("\n"):
                line = text.readline(most)
                reading.bytes_read += 2 * len(line)
            yield None


def _decoded(line: bytes) -> tuple[str, bool]:
    """The text, and whether some bytes had to be read as Windows-1252."""
    try:
        return line.decode("utf-8"), False
    except UnicodeDecodeError:
        pass
    return line.decode("utf-8", errors="surrogateescape").translate(_WINDOWS), True
