"""Reading a file of JSON lines into conversations, with bounded memory and a reason for every line that is not one.

It knows nothing of screening or the store.
"""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from bot.review.words import what_is_wrong_with
from storage.errors import WrongUsage
from storage.json_lines import MAX_LINE_BYTES, NotARecord, bounded_lines, open_plain_file, record_of
from storage.values import Message, Role

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


def read_conversations(path: Path) -> Generator[ImportedConversation | BrokenLine, None, None]:
    """Each line that holds something, good or broken, in order.

    Raises:
        WrongUsage: the file is missing, a folder, empty, or not text.
    """
    with _opened(path) as file:
        is_empty = True
        for number, line in enumerate(bounded_lines(file, MAX_LINE_BYTES), start=1):
            if line is not None and not line.strip():
                continue
            is_empty = False
            try:
                yield _conversation(number, line)
            except NotARecord as wrong:
                yield BrokenLine(number, str(wrong))
        if is_empty:
            raise WrongUsage(f"{path} is empty.", advice=_ADVICE)


_ADVICE = 'Each line must be {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}.'


def _opened(path: Path) -> BinaryIO:
    file = open_plain_file(path)
    start = file.read(_PROBE_BYTES)
    if b"\0" in start and not start.lstrip(_BOM).lstrip().startswith(b"{"):
        file.close()
        raise WrongUsage(f"{path} is not text.", advice=f"Give a file of JSON lines in UTF-8. {_ADVICE}")
    file.seek(len(_BOM) if start.startswith(_BOM) else 0)
    return file


def _conversation(number: int, line: bytes | None) -> ImportedConversation:
    if line is None:
        raise NotARecord(f"the line is longer than {MAX_LINE_BYTES} bytes")
    record = _record(line)
    messages = _messages(record.get("messages"))
    return ImportedConversation(number, messages, _name(record, "author"), _name(record, "channel"))


def _record(line: bytes) -> dict[str, object]:
    try:
        text = line.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise NotARecord(f"not UTF-8 (byte {error.start + 1} of the line)") from None
    return record_of(text)


def _messages(given: object) -> tuple[Message, ...]:
    if given is None:
        raise NotARecord('has no "messages"')
    if not isinstance(given, list):
        raise NotARecord('"messages" is not a list')
    if not given:
        raise NotARecord('"messages" is empty')
    if len(given) > MAX_MESSAGES:
        raise NotARecord(f"has more than {MAX_MESSAGES} messages")
    messages = tuple(_message(position, item) for position, item in enumerate(given, start=1))
    if messages[-1].role is not Role.ASSISTANT:
        raise NotARecord("does not end with a message of the assistant")
    if all(message.role is not Role.USER for message in messages):
        raise NotARecord("has no message of a user")
    if any(message.role is Role.SYSTEM for message in messages[1:]):
        raise NotARecord("has a system message that is not the first")
    return messages


def _message(position: int, item: object) -> Message:
    if not isinstance(item, dict):
        raise NotARecord(f"message {position} is not an object")
    role, content = item.get("role"), item.get("content")
    if not isinstance(role, str) or role not in list(Role):
        raise NotARecord(f"message {position} has no role of user, assistant or system")
    if not isinstance(content, str):
        raise NotARecord(f"message {position} has no text as content")
    problem = what_is_wrong_with(content)
    if problem is not None:
        raise NotARecord(f"message {position} {problem}")
    return Message(Role(role), content.strip())


def _name(record: dict[str, object], key: str) -> str | None:
    name = record.get(key)
    if name is None:
        return None
    if isinstance(name, int) and not isinstance(name, bool):
        return str(name)
    if not isinstance(name, str) or len(name) > MAX_NAME_CHARACTERS or what_is_wrong_with(name):
        raise NotARecord(f'"{key}" is not a short text')
    return name
