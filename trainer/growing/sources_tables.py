"""Tables: a row is a message of a conversation, or a prompt with its reply.

Which it is, the names of the columns decide. Rows of one conversation must follow one another.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from storage.json_lines import MAX_LINE_BYTES, NotARecord
from trainer.growing.sources_decoding import NotText, text_lines
from trainer.growing.sources_records import CONTENTS, PROMPTS, REPLIES, parts, talks_of
from trainer.growing.sources_values import Broken, FoundTalk, Reading, conversations_of

SPEAKER_COLUMNS = ("role", "speaker", "author", "from", "sender", "name", "username", "user")
CONTENT_COLUMNS = (*CONTENTS, "line", "words")
CONVERSATION_COLUMNS = (
    "conversation_id", "conversation", "dialogue_id", "dialog_id", "dialogue", "dialog", "thread_id", "thread",
    "chat_id", "chat", "session_id", "session", "scene",
)  # fmt: skip
TIME_COLUMNS = ("time", "timestamp", "date", "datetime", "created_at")
WANTED = (
    f'columns "{SPEAKER_COLUMNS[0]}" and "{CONTENT_COLUMNS[0]}" (best with "{CONVERSATION_COLUMNS[0]}"), '
    f'or "{PROMPTS[0]}" and "{REPLIES[0]}"'
)
PAUSE = timedelta(minutes=30)
"""Longer silence ends a conversation where there is a column of times."""
_DELIMITERS = ",\t;|"
_MAX_ROWS = 2_000
"""Of one conversation; the rows after them begin another."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where in a row things are."""

    names: tuple[str, ...]
    """In lower case, as `prompt`."""
    speaker: str | None = None
    content: str | None = None
    conversation: str | None = None
    time: str | None = None

    @property
    def are_messages(self) -> bool:
        """Whether a row is one message."""
        return self.speaker is not None


def columns_of(header: Sequence[str]) -> Columns | None:
    """What the columns mean; None when it cannot be told."""
    names = tuple("_".join(name.strip().strip("\ufeff").casefold().replace("-", " ").split()) for name in header)

    def first(wanted: Sequence[str], *, but: str | None = None) -> str | None:
        return next((name for name in wanted if name in names and name != but), None)

    if any(name in names for name in PROMPTS) and any(name in names for name in REPLIES):
        return Columns(names)
    speaker = first(SPEAKER_COLUMNS)
    content = first(CONTENT_COLUMNS, but=speaker)
    if speaker is None or content is None:
        return None
    return Columns(names, speaker, content, first(CONVERSATION_COLUMNS), first(TIME_COLUMNS))


def delimiter_of(header: str) -> str:
    """The sign between the columns: the most frequent of those that are used for it."""
    return max(_DELIMITERS, key=header.count)


def read_table(path: Path, source: str, reading: Reading) -> Iterator[FoundTalk | Broken]:
    """The conversations of a table.

    Raises:
        NotText: its columns say nothing.
    """
    lines = _Lines(path, reading)
    header = next(lines, "")
    delimiter = delimiter_of(header)
    titles = next(csv.reader([header], delimiter=delimiter), [])
    columns = columns_of(titles)
    if columns is None:
        shown = ", ".join(f'"{title.strip()[:40]}"' for title in titles[:8])
        raise NotText(f"has columns {shown}, and none that are known: it needs {WANTED}")
    rows = _rows(lines, source, delimiter, columns.names)
    yield from _messages(rows, columns, source) if columns.are_messages else _pairs(rows, source)


class _Lines(Iterator[str]):
    """The lines of a file, and how many of them were too long; a lone carriage return inside is a space."""

    def __init__(self, path: Path, reading: Reading) -> None:
        self._lines = text_lines(path, reading)
        self.number = 0
        self.too_long: list[int] = []

    def __next__(self) -> str:
        for line in self._lines:
            self.number += 1
            if line is None:
                self.too_long.append(self.number)
                continue
            return line.replace("\r", " ").replace("\0", "")
        raise StopIteration


def _rows(lines: _Lines, source: str, delimiter: str, names: tuple[str, ...]) -> Iterator[dict[str, str] | Broken]:
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:  # such as a quotation mark that is never closed
            yield Broken(f"{source}:{lines.number}", f"not a row: {error}")
            reader = csv.reader(lines, delimiter=delimiter)
            continue
        while lines.too_long:
            yield Broken(f"{source}:{lines.too_long.pop()}", f"the line is longer than {MAX_LINE_BYTES} bytes")
        if row is None:
            return
        if not any(cell.strip() for cell in row):
            continue
        if len(row) < len(names):
            yield Broken(f"{source}:{lines.number}", f"has {len(row)} columns instead of {len(names)}")
            continue
        yield dict(zip(names, row, strict=False))


def _pairs(rows: Iterator[dict[str, str] | Broken], source: str) -> Iterator[FoundTalk | Broken]:
    for row in rows:
        if isinstance(row, Broken):
            yield row
            continue
        told: dict[str, object] = {name: cell for name, cell in row.items() if cell.strip()}
        try:
            yield from talks_of(told, source)
        except NotARecord:
            yield Broken(source, "a row without a prompt or without a response")


def _messages(rows: Iterator[dict[str, str] | Broken], columns: Columns, source: str) -> Iterator[FoundTalk | Broken]:
    told: list[Mapping[str, str]] = []
    for row in rows:
        if isinstance(row, Broken):
            yield row
            continue
        if told and (_is_new(told[-1], row, columns) or len(told) >= _MAX_ROWS):
            yield from _conversation(told, columns, source)
            told = []
        told.append(row)
    if told:
        yield from _conversation(told, columns, source)


def _conversation(told: Sequence[Mapping[str, str]], columns: Columns, source: str) -> Iterator[FoundTalk]:
    said = [(row[str(columns.speaker)], row[str(columns.content)]) for row in told]
    first = told[0]
    unit = "\n".join(text for _, text in said)
    for turns in conversations_of(said):
        for part in parts(turns):
            yield FoundTalk(
                part,
                first.get("source") or source,
                first.get("licence") or first.get("license") or None,
                unit=unit,
            )


def _is_new(last: Mapping[str, str], row: Mapping[str, str], columns: Columns) -> bool:
    if columns.conversation is not None:
        return last[columns.conversation] != row[columns.conversation]
    if columns.time is not None:
        before, now = _time(last[columns.time]), _time(row[columns.time])
        return before is not None and now is not None and now - before > PAUSE
    return False


def _time(given: str) -> datetime | None:
    """The time as a clock without a zone shows it: only differences matter."""
    try:
        return datetime.fromisoformat(given.strip()).replace(tzinfo=None)
    except ValueError:
        return None
