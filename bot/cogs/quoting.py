"""People's words inside the bot's own messages: quoted so that they stay words, whatever they hold.

Promise: a quoted text is never longer than its limit, starts no heading, list, link, mention or code block, ends no
quotation, and cannot turn the direction of the line. It is for reading: nothing quoted is ever stored.
"""

import re

_MARKS = re.compile(r"[\\*_~|`\[\]<>@#]|^(?=[-+] )|(?<=\d)\.(?= )|:(?=//)", re.MULTILINE)
_DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_MANY_LINES = re.compile(r"\s*\n\s*\n\s*")
_ELLIPSIS = "…"
_MOST_LINES = 20


def escaped(text: str) -> str:
    """A text in which nothing means anything to Discord."""
    return _MARKS.sub(lambda found: f"\\{found.group()}", _DIRECTIONS.sub("", text))


def quoted(text: str, limit: int) -> tuple[str, bool]:
    """A text as a block quotation of at most `limit` characters, and whether all of it is there."""
    lines = _MANY_LINES.sub("\n\n", _DIRECTIONS.sub("", text).strip()).split("\n")
    is_whole = len(lines) <= _MOST_LINES
    kept: list[str] = []
    room = limit
    for line in lines[:_MOST_LINES]:
        shown = f"> {escaped(line)}"
        if len(shown) + 1 > room:
            kept.append(f"> {_cut(line, room - 4)}{_ELLIPSIS}")
            return "\n".join(kept), False
        kept.append(shown)
        room -= len(shown) + 1
    return "\n".join(kept if is_whole else [*kept[:-1], f"> {_ELLIPSIS}"]), is_whole


def _cut(line: str, room: int) -> str:
    """As much of a line, escaped, as there is room for; never half an escape."""
    shown = ""
    for character in line:
        more = escaped(character)
        if len(shown) + len(more) > room:
            break
        shown += more
    return shown
