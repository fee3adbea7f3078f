"""Conversations from records with named fields: lines of JSON, rows of a dataset, items of a JSON document.

A record has a list of messages, a pair of fields (a prompt and a reply), or a text. Names of fields differ from one
source to the next, so the usual ones are known here.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from storage.json_lines import MAX_LINE_BYTES, NotARecord, record_of
from trainer.growing.sources_decoding import text_lines
from trainer.growing.sources_prose import prose_turns
from trainer.growing.sources_values import (
    ASSISTANT,
    MAX_NAME_CHARACTERS,
    MAX_TURNS,
    SYSTEM,
    USER,
    Broken,
    FoundTalk,
    Reading,
    Turn,
    conversations_of,
)

LISTS = ("messages", "conversations", "conversation", "dialog", "dialogue", "turns", "utterances")
SPEAKERS = ("role", "from", "speaker", "author", "sender", "name", "user")
CONTENTS = ("content", "text", "value", "message", "utterance", "body")
PROMPTS = ("prompt", "question", "instruction", "query", "input", "user", "human", "request")
REPLIES = ("response", "answer", "reply", "output", "completion", "assistant", "bot", "chosen")
TEXTS = ("text", "content")
_WANTED = f"no list of messages ({LISTS[0]}), no prompt with a response, and no text"


def read_json_lines(path: Path, source: str, reading: Reading) -> Iterator[FoundTalk | Broken]:
    """The conversations of a file of JSON lines."""
    for number, line in enumerate(text_lines(path, reading), start=1):
        if line is not None and not line.strip():
            continue
        try:
            if line is None:
                raise NotARecord(f"the line is longer than {MAX_LINE_BYTES} bytes")  # noqa: TRY301 - one place tells
            yield from talks_of(record_of(line.strip()), source)
        except NotARecord as wrong:
            yield Broken(f"{source}:{number}", str(wrong))


def talks_of(record: Mapping[str, object], source: str) -> Iterator[FoundTalk]:
    """The conversations that one record holds.

    Args:
        record: its `author`, `source` and `licence` are taken over; fields without a meaning here are ignored.
        source: where it does not name one itself.

    Raises:
        NotARecord: it holds none.
    """
    found = _conversations(record)
    unit = None
    if len(found) > 1:
        unit = "\n".join(turn.text for turns in found for turn in turns)
    for turns in found:
        for part in parts(turns):
            yield FoundTalk(
                turns=part,
                source=_name(record, "source") or source,
                licence=_name(record, "licence") or _name(record, "license"),
                author=_name(record, "author"),
                unit=unit if len(turns) <= MAX_TURNS else unit or "\n".join(turn.text for turn in turns),
            )


def parts(turns: tuple[Turn, ...]) -> Iterator[tuple[Turn, ...]]:
    """A conversation in parts of at most `MAX_TURNS`; a system message stands before each."""
    opening = turns[:1] if turns and turns[0].role == SYSTEM else ()
    rest = turns[len(opening) :]
    for start in range(0, max(1, len(rest)), MAX_TURNS):
        yield opening + rest[start : start + MAX_TURNS]


def _conversations(record: Mapping[str, object]) -> list[tuple[Turn, ...]]:
    for key in LISTS:
        given = record.get(key)
        if isinstance(given, Sequence) and not isinstance(given, str):
            return _of_messages(given, key)
        if given is not None and key == LISTS[0]:
            raise NotARecord(f'"{key}" is not a list')
    told = {str(key).strip().casefold(): value for key, value in record.items()}
    pair = _pair(told)
    if pair is not None:
        return [pair]
    for key in TEXTS:
        text = told.get(key)
        if isinstance(text, str):
            return [prose_turns([text])]
    raise NotARecord(_WANTED)


def _pair(told: Mapping[str, object]) -> tuple[Turn, ...] | None:
    prompts = [value for key in PROMPTS if isinstance(value := told.get(key), str) and value.strip()]
    replies = [value for key in REPLIES if isinstance(value := told.get(key), str)]
    if not prompts or not replies:
        return None
    # An instruction may come with an input, both are the user's words.
    asked = "\n".join(prompts[:2]) if "instruction" in told else prompts[0]
    system = told.get("system")
    opening = (Turn(SYSTEM, system),) if isinstance(system, str) and system.strip() else ()
    return (*opening, Turn(USER, asked), Turn(ASSISTANT, replies[0]))


def _of_messages(given: Sequence[object], key: str) -> list[tuple[Turn, ...]]:
    if not given:
        raise NotARecord(f'"{key}" is empty')
    if all(isinstance(item, str) for item in given):
        return [tuple(Turn(ASSISTANT if place % 2 else USER, str(text)) for place, text in enumerate(given))]
    return conversations_of([message_of(item, place) for place, item in enumerate(given, start=1)])


def message_of(item: object, place: int) -> tuple[str, str]:
    """Who speaks in a message, and what they say.

    Raises:
        NotARecord: it is no message.
    """
    if not isinstance(item, Mapping):
        raise NotARecord(f"message {place} is not an object")
    speaker = next((value for key in SPEAKERS if isinstance(value := item.get(key), str) and value.strip()), None)
    if speaker is None:
        raise NotARecord(f'message {place} has no "role"')
    given = next((item[key] for key in CONTENTS if key in item), None)
    if given is None and "tool_calls" not in item:
        raise NotARecord(f'message {place} has no "content"')
    return speaker, _text(given, place)


def _text(given: object, place: int) -> str:
    if given is None:
        return ""
    if isinstance(given, str):
        return given
    if isinstance(given, list):  # parts, some of which are pictures
        texts = [part["text"] for part in given if isinstance(part, Mapping) and isinstance(part.get("text"), str)]
        return "\n".join(texts)
    raise NotARecord(f"message {place} has no text as content")


def _name(record: Mapping[str, object], key: str) -> str | None:
    """A short name, without anything that would break a line."""
    name = record.get(key)
    if isinstance(name, bool) or not isinstance(name, str | int):
        return None
    return " ".join("".join(c if c.isprintable() else " " for c in str(name)).split())[:MAX_NAME_CHARACTERS] or None
