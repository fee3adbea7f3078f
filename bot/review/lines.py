"""Reading a file of JSON lines into conversations, with bounded memory and a reason for every line that is not one.

It knows nothing of screening or the store.
"""

import json
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from bot.review.words import what_is_wrong_with
from storage.errors import WrongUsage
from storage.values import Message, Role

MAX_LINE_BYTES = 1_000_000
"""A longer line is skipped, not read into memory."""
MAX_MESSAGES = 200
"""In one conversation: more than any model's context holds."""
MAX_NAME_CHARACTERS = 200
"""Of an author or a channel."""
_BOM = b"\xef\xbb\xbf"
_PROBE_BYTES = 8192


@dataclass(frozen=True, slots=True)
class ImportedConversation:
    """One good line."""

    line: int
    messages: tuple[Message, ...]
    """Up to the last assistant message; begins with the user, or with one system message."""
    author: str | None
    channel: str | None


@dataclass(frozen=True, slots=True)
class BrokenLine:
    """One line that is no conversation."""

    line: int
    reason: str


class _Wrong(Exception):
    """What is wrong with a line."""


def read_conversations(path: Path) -> Generator[ImportedConversation | BrokenLine, None, None]:
    """Each line that holds something, good or broken, in order.

    Raises:
        WrongUsage: the file is missing, a folder, empty, or not text.
    """
    with _opened(path) as file:
        is_empty = True
        for number, line in enumerate(_lines(file), start=1):
            if line is not None and not line.strip():
                continue
            is_empty = False
            try:
                yield _conversation(number, line)
            except _Wrong as wrong:
                yield BrokenLine(number, str(wrong))
        if is_empty:
            raise WrongUsage(f"{path} is empty.", advice=_ADVICE)


_ADVICE = 'Each line must be {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}.'


def _opened(path: Path) -> BinaryIO:
    if path.is_dir():
        raise WrongUsage(f"{path} is a folder.", advice="Name a file of JSON lines in it.")
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise WrongUsage(f"There is no file {path}.", advice="Check the name and the folder.") from None
    except (OSError, ValueError) as error:
        raise WrongUsage(f"{path} cannot be read: {error}.", advice="Check the name and its permissions.") from None
    if not file.seekable():
        file.close()
        raise WrongUsage(f"{path} is not a plain file.", advice="Write its contents into a file first.")
    start = file.read(_PROBE_BYTES)
    if b"\0" in start and not start.lstrip(_BOM).lstrip().startswith(b"{"):
        file.close()
        raise WrongUsage(f"{path} is not text.", advice=f"Give a file of JSON lines in UTF-8. {_ADVICE}")
    file.seek(len(_BOM) if start.startswith(_BOM) else 0)
    return file


def _lines(file: BinaryIO) -> Iterator[bytes | None]:
    """Each line without its end; None for one that is too long."""
    while line := file.readline(MAX_LINE_BYTES + 1):
        if len(line) <= MAX_LINE_BYTES or line.endswith(b"\n"):
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(MAX_LINE_BYTES)
        yield None


def _conversation(number: int, line: bytes | None) -> ImportedConversation:
    if line is None:
        raise _Wrong(f"the line is longer than {MAX_LINE_BYTES} bytes")
    record = _record(line)
    messages = _messages(record.get("messages"))
    return ImportedConversation(number, messages, _name(record, "author"), _name(record, "channel"))


def _record(line: bytes) -> dict[str, object]:
    try:
        text = line.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise _Wrong(f"not UTF-8 (byte {error.start + 1} of the line)") from None
    if "\0" in text:
        raise _Wrong("has a NUL character")
    try:
        record = json.loads(text)
    except json.JSONDecodeError as error:
        raise _Wrong(f"not JSON: {error.msg} (character {error.colno})") from None
    except (RecursionError, ValueError):
        raise _Wrong("not JSON that can be read: nested too deep, or a number too long") from None
    if not isinstance(record, dict):
        raise _Wrong("not a JSON object")
    return record


def _messages(given: object) -> tuple[Message, ...]:
    if given is None:
        raise _Wrong('has no "messages"')
    if not isinstance(given, list):
        raise _Wrong('"messages" is not a list')
    if not given:
        raise _Wrong('"messages" is empty')
    if len(given) > MAX_MESSAGES:
        raise _Wrong(f"has more than {MAX_MESSAGES} messages")
    messages = tuple(_message(position, item) for position, item in enumerate(given, start=1))
    if messages[-1].role is not Role.ASSISTANT:
        raise _Wrong("does not end with a message of the assistant")
    if all(message.role is not Role.USER for message in messages):
        raise _Wrong("has no message of a user")
    if any(message.role is Role.SYSTEM for message in messages[1:]):
        raise _Wrong("has a system message that is not the first")
    return messages


def _message(position: int, item: object) -> Message:
    if not isinstance(item, dict):
        raise _Wrong(f"message {position} is not an object")
    role, content = item.get("role"), item.get("content")
    if not isinstance(role, str) or role not in list(Role):
        raise _Wrong(f"message {position} has no role of user, assistant or system")
    if not isinstance(content, str):
        raise _Wrong(f"message {position} has no text as content")
    problem = what_is_wrong_with(content)
    if problem is not None:
        raise _Wrong(f"message {position} {problem}")
    return Message(Role(role), content.strip())


def _name(record: dict[str, object], key: str) -> str | None:
    name = record.get(key)
    if name is None:
        return None
    if isinstance(name, int) and not isinstance(name, bool):
        return str(name)
    if not isinstance(name, str) or len(name) > MAX_NAME_CHARACTERS or what_is_wrong_with(name):
        raise _Wrong(f'"{key}" is not a short text')
    return name
