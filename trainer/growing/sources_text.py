"""Plain text: scripts of `name: words`, lines that take turns, or prose.

Which of them a file is, is decided once, by its beginning:

- Most lines begin with a name and a colon (or `<name>`; a time may stand before): a script. A line without a name goes
  on with what was said before.
- Otherwise, when lines stand close together and most end like sentences: each line is a turn, two people alternate.
- Otherwise it is prose, and its paragraphs take turns (see `sources_prose`).

In all of them a blank line ends a conversation, except in prose, where it ends a paragraph and a conversation is
`PROSE_PARAGRAPHS` of them.
"""

import itertools
import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path

from storage.json_lines import MAX_LINE_BYTES
from trainer.growing.sources_decoding import text_lines
from trainer.growing.sources_prose import prose_turns
from trainer.growing.sources_records import parts
from trainer.growing.sources_values import (
    ASSISTANT,
    MAX_TURNS,
    USER,
    Broken,
    FoundTalk,
    Reading,
    Turn,
    conversations_of,
)

PROSE_PARAGRAPHS = 8
_MOST_PARAGRAPH_CHARACTERS = 20_000
_TIME = r"(?:[\[(]?\d{1,4}[-./:]\d{1,2}[-./:\dT, ]*(?:[AaPp]\.?[Mm]\.?)?[\])]?\s*[-–—]?\s*)?"
_SAID = re.compile(
    rf"^\s*{_TIME}(?:<(?P<nick>[^<>\n]{{1,40}})>\s*|(?P<name>[^\W\d_][^:\n<>\[\]{{}}\"]{{0,39}}):(?:\s+|$))(?P<words>.*)",
    re.DOTALL,
)
_ENDS_LIKE_A_SENTENCE = re.compile(r"[.!?…:;)\"'”’*~\U0001F300-\U0001FAFF]\s*$")
_MOST_NAME_WORDS = 4
_HALF = 0.5
_MOST_NAMED = 0.6
_WRAPPED_AT = 50
"""Lines that were broken by a program are about this long at least."""


class Shape(StrEnum):
    """What a text file is."""

    SCRIPT = "script"
    LINES = "lines"
    PROSE = "prose"


def shape_of(beginning: str) -> Shape:
    """What the beginning of a file says about all of it."""
    lines = beginning.splitlines()
    if len(lines) > 1 and len(beginning) > 1000:
        lines.pop()  # it may be cut
    spoken = [line for line in lines if line.strip()]
    if spoken and sum(_said(line) is not None for line in spoken) >= _MOST_NAMED * len(spoken):
        return Shape.SCRIPT
    followed = [line for line, after in itertools.pairwise(lines) if line.strip() and after.strip()]
    if len(followed) < max(1, len(spoken) / 4):
        return Shape.PROSE  # most lines stand alone: they are paragraphs
    ended = sum(bool(_ENDS_LIKE_A_SENTENCE.search(line)) for line in followed)
    is_short = sum(len(line) < _WRAPPED_AT for line in followed) > _HALF * len(followed)
    return Shape.LINES if ended > _HALF * len(followed) or is_short else Shape.PROSE


def read_text(path: Path, source: str, reading: Reading, shape: Shape) -> Iterator[FoundTalk | Broken]:
    """The conversations of a plain text file."""
    lines = _numbered(path, reading)
    match shape:
        case Shape.SCRIPT:
            yield from _script(lines, source)
        case Shape.LINES:
            yield from _lines(lines, source)
        case Shape.PROSE:
            yield from _prose(lines, source)


def _numbered(path: Path, reading: Reading) -> Iterator[tuple[int, str | None]]:
    return enumerate(text_lines(path, reading), start=1)


def _too_long(source: str, number: int) -> Broken:
    return Broken(f"{source}:{number}", f"the line is longer than {MAX_LINE_BYTES} bytes")


def _said(line: str) -> tuple[str, str] | None:
    """Who speaks in a line, and what they say; None when it names nobody."""
    match = _SAID.match(line)
    if match is None:
        return None
    name = " ".join((match["nick"] or match["name"]).split())
    if len(name.split()) > _MOST_NAME_WORDS:
        return None
    return name, match["words"].strip()


def _script(lines: Iterable[tuple[int, str | None]], source: str) -> Iterator[FoundTalk | Broken]:
    said: list[tuple[str, str]] = []
    for number, line in lines:
        if line is None:
            yield _too_long(source, number)
        if line is None or not line.strip() or len(said) >= MAX_TURNS:
            yield from _talks(said, source)
            said = []
        if line is None or not line.strip():
            continue
        spoken = _said(line)
        if spoken is not None:
            said.append(spoken)
        elif said:
            said[-1] = (said[-1][0], f"{said[-1][1]}\n{line.strip()}")
        else:
            yield Broken(f"{source}:{number}", "words before the first name")
    yield from _talks(said, source)


def _talks(said: list[tuple[str, str]], source: str) -> Iterator[FoundTalk]:
    if not said:
        return
    unit = "\n".join(text for _, text in said)
    if len({name for name, _ in said}) == 1:  # one person alone: what they say goes on by itself
        yield FoundTalk(prose_turns(text for _, text in said), source)
        return
    for turns in conversations_of(said):
        yield FoundTalk(turns, source, unit=unit)


def _lines(lines: Iterable[tuple[int, str | None]], source: str) -> Iterator[FoundTalk | Broken]:
    said: list[str] = []
    for number, line in lines:
        if line is None:
            yield _too_long(source, number)
        elif line.strip():
            said.append(line.strip())
        if said and (line is None or not line.strip() or len(said) >= MAX_TURNS):
            yield FoundTalk(_alternating(said), source)
            said = []
    if said:
        yield FoundTalk(_alternating(said), source)


def _prose(lines: Iterable[tuple[int, str | None]], source: str) -> Iterator[FoundTalk | Broken]:
    paragraphs: list[str] = []
    paragraph: list[str] = []
    size = 0
    for number, line in lines:
        if line is None:
            yield _too_long(source, number)
        elif line.strip():
            paragraph.append(line.strip())
            size += len(line)
        if paragraph and (line is None or not line.strip() or size > _MOST_PARAGRAPH_CHARACTERS):
            paragraphs.append(" ".join(paragraph))
            paragraph, size = [], 0
        if len(paragraphs) == PROSE_PARAGRAPHS:
            yield from _prose_talks(paragraphs, source)
            paragraphs = []
    if paragraph:
        paragraphs.append(" ".join(paragraph))
    if paragraphs:
        yield from _prose_talks(paragraphs, source)


def _prose_talks(paragraphs: list[str], source: str) -> Iterator[FoundTalk]:
    for turns in parts(prose_turns(paragraphs)):
        yield FoundTalk(turns, source)


def _alternating(said: list[str]) -> tuple[Turn, ...]:
    return tuple(Turn(ASSISTANT if place % 2 else USER, text) for place, text in enumerate(said))
