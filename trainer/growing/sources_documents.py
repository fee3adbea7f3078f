"""One large JSON document, read item by item: exports of a chat, lists of conversations.

The document may be larger than the memory; one item may not be larger than `MAX_ITEM_CHARACTERS`.
"""

import json
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from storage.json_lines import NotARecord
from trainer.growing.sources_decoding import NotText, text_chunks
from trainer.growing.sources_discord import is_discord_message, read_messages
from trainer.growing.sources_records import message_of, talks_of
from trainer.growing.sources_values import Broken, FoundTalk, Reading

MAX_ITEM_CHARACTERS = 16_000_000
_SPACE = " \t\r\n"
LISTS = ("messages", "conversations", "dialogs", "dialogues", "data", "examples", "rows", "items")
"""Names under which an object keeps what is wanted."""
_MAX_LONE_MESSAGES = 10_000


def read_document(path: Path, source: str, reading: Reading) -> Iterator[FoundTalk | Broken]:
    """The conversations of a JSON document.

    Raises:
        NotText: it is JSON, but holds no conversations, or is no JSON at all.
    """
    cursor = _Cursor(text_chunks(path, reading))
    try:
        for key, listed in _lists(cursor):
            items = _Salvaged(listed)
            first = next(items, None)
            if first is not None:
                yield from _talks(key, first, items, source, reading)
            if items.problem is not None:
                yield Broken(f"{source}: after item {items.count}", f"{items.problem}; the rest is not read")
            if first is not None or items.problem is not None:
                return
    except NotARecord as wrong:
        raise NotText(f"is not whole JSON ({wrong})") from None
    raise NotText(f"is JSON without a list of conversations ({', '.join(LISTS[:2])})")


def _talks(
    key: str, first: object, rest: Iterator[object], source: str, reading: Reading
) -> Iterator[FoundTalk | Broken]:
    everything = chain([first], rest)
    if isinstance(first, dict) and is_discord_message(first):
        yield from read_messages(everything, source, reading)
    elif key in LISTS[:2] and _is_message(first):
        # A document that is one conversation, written over many lines.
        yield from _one({"messages": list(islice(everything, _MAX_LONE_MESSAGES))}, source, source)
    else:
        for place, item in enumerate(everything, start=1):
            yield from _one(item, f"{source}: item {place}", source)


def _is_message(item: object) -> bool:
    try:
        message_of(item, 1)
    except NotARecord:
        return False
    return True


class _Salvaged(Iterator[object]):
    """The items of a list up to where it breaks off."""

    def __init__(self, items: Iterator[object]) -> None:
        self._items = items
        self.count = 0
        self.problem: str | None = None

    def __next__(self) -> object:
        try:
            item = next(self._items)
        except NotARecord as wrong:
            self.problem = str(wrong)
            raise StopIteration from None
        self.count += 1
        return item


def _one(item: object, where: str, source: str) -> Iterator[FoundTalk | Broken]:
    try:
        if not isinstance(item, dict):
            raise NotARecord("not a JSON object")  # noqa: TRY301 - one place tells
        yield from talks_of(item, source)
    except NotARecord as wrong:
        yield Broken(where, str(wrong))


def _lists(cursor: "_Cursor") -> Iterator[tuple[str, Iterator[object]]]:
    """Each list that may be the one, with its name; the document's own list has none."""
    start = cursor.peek()
    if start == "[":
        yield "", cursor.items()
        return
    if start != "{":
        raise NotARecord("not JSON")
    cursor.take("{")
    while cursor.peek() != "}":
        key = cursor.value()
        cursor.take(":")
        if key in LISTS and cursor.peek() == "[":
            yield str(key), cursor.items()
        else:
            cursor.value()
        if cursor.peek() == ",":
            cursor.take(",")
        elif cursor.peek() != "}":
            raise NotARecord("not JSON: a comma is missing")


class _Cursor:
    """A place in a text that comes in pieces."""

    def __init__(self, chunks: Iterator[str]) -> None:
        self._chunks = chunks
        self._decoder = json.JSONDecoder()
        self._text = ""
        self._at = 0

    def peek(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _SPACE:
                    return self._text[self._at]
                self._at += 1
            if not self._more():
                return ""

    def take(self, wanted: str) -> None:
        """Go past a character.

        Raises:
            NotARecord: another one stands there.
        """
        if self.peek() != wanted:
            raise NotARecord(f"not JSON: {wanted!r} is missing" if self.peek() else "the document is cut off")
        self._at += 1

    def value(self) -> Any:
        """The value that begins here.

        Raises:
            NotARecord: there is none, or it is too large.
        """
        if not self.peek():
            raise NotARecord("the document is cut off")
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if len(self._text) - self._at > MAX_ITEM_CHARACTERS:
                    raise NotARecord(f"an item is longer than {MAX_ITEM_CHARACTERS} characters") from None
                if not self._double():
                    raise NotARecord(f"not JSON: {error.msg}") from None
                continue
            except (RecursionError, ValueError):
                raise NotARecord("nested too deep, or a number too long") from None
            # A number at the end of the piece may go on in the next.
            if end == len(self._text) and self._double():
                continue
            self._at = end
            return value

    def items(self) -> Iterator[Any]:
        """Each item of the list that begins here; the cursor stands behind the list afterwards."""
        self.take("[")
        while self.peek() != "]":
            yield self.value()
            if self.peek() == ",":
                self.take(",")
            elif self.peek() != "]":
                raise NotARecord("not JSON: a comma is missing" if self.peek() else "the document is cut off")
        self.take("]")

    def _more(self) -> bool:
        piece = next(self._chunks, "")
        self._text = self._text[self._at :] + piece
        self._at = 0
        return bool(piece)

    def _double(self) -> bool:
        """Read as much again as there is, so that a large item is not tried at every piece."""
        wanted = 2 * (len(self._text) - self._at)
        grew = self._more()
        while grew and len(self._text) < wanted and self._more():
            pass
        return grew
