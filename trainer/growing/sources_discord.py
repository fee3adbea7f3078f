"""Messages of a DiscordChatExporter file into conversations.

People become roles: names, ids, mentions and avatars stay behind. Each conversation is told twice, so that everybody's
words are once the assistant's (see `sources_values.views`). A pause ends a conversation, unless somebody replies to a
message of it. A reply to something further back is an exchange of its own, since it answers that and not the message
before it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from trainer.growing.sources_values import ASSISTANT, MAX_TURNS, USER, Broken, FoundTalk, Reading, Turn, views

PAUSE = timedelta(minutes=30)
"""Longer silence ends a conversation."""
BOTS = "messages of bots"
NOTICES = "Discord's own notices (joins, pins, calls)"
WORDLESS = "messages without words (pictures, embeds, stickers)"
MENTIONS = "mentions and custom emoji of Discord, made plain"
_TALK = frozenset({"Default", "Reply"})
_MARKS = re.compile(r"<(?:@[!&]?|#)\d+>|<t:-?\d+(?::\w)?>|</[^:<>\n]{1,64}:\d+>")
_EMOJI = re.compile(r"<a?(:\w{1,32}:)\d+>")
_EVERYBODY = re.compile(r"(?<!\w)@(?:everyone|here)\b")


@dataclass(frozen=True, slots=True)
class _Said:
    id: str
    author: str
    text: str
    at: datetime | None
    answers: str | None
    """The id of the message that it replies to."""


def is_discord_message(item: Mapping[str, object]) -> bool:
    """Whether an item of a list looks like DiscordChatExporter's."""
    return isinstance(item.get("author"), dict) and "content" in item and "timestamp" in item


def read_messages(items: Iterable[object], source: str, reading: Reading) -> Iterator[FoundTalk | Broken]:
    """The conversations of a channel.

    Args:
        items: its messages as JSON has them, oldest first; one at a time.
        source: what to call it.
        reading: counts what was left out.
    """
    said: list[_Said] = []
    known: dict[str, _Said] = {}
    for place, item in enumerate(items, start=1):
        if not isinstance(item, Mapping) or not is_discord_message(item):
            yield Broken(f"{source}: message {place}", "not a message")
            continue
        one = _said(item, place, reading)
        if one is None:
            continue
        answered = known.get(one.answers or "")
        if said and (len(known) >= MAX_TURNS or (answered is None and _is_after_a_pause(said[-1], one))):
            yield from _conversation(said, source)
            said, known = [], {}
        if answered is not None and said and _is_aside(said, answered, one):
            exchange = (Turn(USER, answered.text), Turn(ASSISTANT, one.text))
            yield FoundTalk(exchange, source, unit=_unit(said))
        else:
            said.append(one)
        known[one.id] = one
    if said:
        yield from _conversation(said, source)


def _is_after_a_pause(last: _Said, one: _Said) -> bool:
    return last.at is not None and one.at is not None and one.at - last.at > PAUSE


def _is_aside(said: list[_Said], answered: _Said, one: _Said) -> bool:
    """Whether somebody else spoke between the answered message and now."""
    if one.author == answered.author:
        return False
    for earlier in reversed(said):
        if earlier is answered:
            return False
        if earlier.author != answered.author:
            return True
    return True


def _conversation(said: list[_Said], source: str) -> Iterator[FoundTalk]:
    for turns in views([(one.author, one.text) for one in said]):
        yield FoundTalk(turns, source, unit=_unit(said))


def _unit(said: list[_Said]) -> str:
    """The same for everything that is cut from one conversation, whatever it grows to."""
    return f"{said[0].id} {said[0].text}"


def _said(item: Mapping[str, object], place: int, reading: Reading) -> _Said | None:
    """A message with words in it; None for the rest."""
    author = item["author"]
    if not isinstance(author, Mapping) or author.get("isBot") is True:
        reading.left_out[BOTS] += 1
        return None
    if item.get("type", "Default") not in _TALK:
        reading.left_out[NOTICES] += 1
        return None
    content = item["content"]
    text = _plain(content, item.get("mentions"), reading) if isinstance(content, str) else ""
    if not text:
        reading.left_out[WORDLESS] += 1
        return None
    reference = item.get("reference")
    answers = reference.get("messageId") if isinstance(reference, Mapping) else None
    return _Said(
        id=str(item.get("id", f"#{place}")),
        author=str(author.get("id") or author.get("name")),
        text=text,
        at=_time(item["timestamp"]),
        answers=str(answers) if answers else None,
    )


def _plain(content: str, mentions: object, reading: Reading) -> str:
    """The words without who is mentioned, custom emoji by their names."""
    text = _EVERYBODY.sub("", _MARKS.sub("", _EMOJI.sub(r"\1", content)))
    for name in sorted(_names(mentions), key=len, reverse=True):  # @annabel before @ann
        text = text.replace(f"@{name}", "")
    if text == content:
        return text.strip()
    reading.changed[MENTIONS] += 1
    # "ask @ann, please" must not become "ask , please".
    return re.sub(r"[ \t]+(?=[,.!?;])", "", re.sub(r"[ \t]{2,}", " ", text)).strip(" \t\n,;")


def _names(mentions: object) -> set[str]:
    """What the people of a list are called."""
    people = [one for one in mentions if isinstance(one, Mapping)] if isinstance(mentions, list) else []
    return {name for one in people for key in ("nickname", "name") if isinstance(name := one.get(key), str) and name}


def _time(given: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(str(given))
    except ValueError:
        return None
    return time if time.tzinfo is not None else None
