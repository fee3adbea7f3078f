"""Conversations that the operator pins: what every new version must still say, and must not.

They are lines of `golden.jsonl` in the home folder (see docs/interfaces.md); a line that cannot be read is told with its
number before anything begins. Patterns are regular expressions, without regard to case.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.errors import WrongUsage
from storage.similarity import alikeness
from storage.values import Message, Role
from trainer.checks import Check
from trainer.settings import TrainerSettings
from trainer.speaker import Speaker

FILE_NAME = "golden.jsonl"
_KEYS = {"prompt", "messages", "must_contain", "must_not_contain", "reply", "similarity"}
_FORM = '{"prompt": "When is game night?", "must_contain": ["friday"], "must_not_contain": ["sunday"]}'
_SIMILARITY = 0.6
_MOST = 1000
_ANSWER_TOKENS = 96


@dataclass(frozen=True, slots=True)
class Golden:
    """One pinned conversation."""

    line: int
    messages: tuple[Message, ...]
    must_contain: tuple[re.Pattern[str], ...] = ()
    must_not_contain: tuple[re.Pattern[str], ...] = ()
    reply: str | None = None
    similarity: float = _SIMILARITY
    """Share of letter triples that the answer must have in common with `reply`."""

    @property
    def pinned(self) -> str:
        """What is meant to be said, for those who look for what is not."""
        return "\n".join([*(pattern.pattern for pattern in self.must_contain), self.reply or ""])

    def fault(self, reply: str | None) -> str | None:
        """What is wrong with an answer; None if nothing."""
        if reply is None:
            return "cannot be read by this model"
        missing = next((one for one in self.must_contain if not one.search(reply)), None)
        if missing is not None:
            return f"is not answered with “{missing.pattern}”"
        unwanted = next((one for one in self.must_not_contain if one.search(reply)), None)
        if unwanted is not None:
            return f"is answered with “{unwanted.pattern}”"
        if self.reply is not None:
            alike = alikeness(reply, self.reply)
            if alike < self.similarity:
                return f"is answered differently (likeness {alike:.2f}, pinned {self.similarity:.2f})"
        return None


@dataclass(frozen=True, slots=True)
class Kept:
    """How the pinned conversations went."""

    pinned: int = 0
    faults: tuple[str, ...] = ()
    """A sentence for each that was not kept, with its line."""


def read_golden(path: Path) -> tuple[Golden, ...]:
    """The pinned conversations of a file; none when there is no such file. Blocks.

    Raises:
        WrongUsage: the file cannot be read, or a line is none; names the line.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise WrongUsage(f"{path} cannot be read: {why}.", advice="Mend it, or move it away.") from None
    golden = tuple(_golden(path, number, line) for number, line in enumerate(lines, start=1) if line.strip())
    if len(golden) > _MOST:
        raise WrongUsage(f"{path} pins {len(golden)} conversations.", advice=f"At most {_MOST} are checked.")
    return golden


def keep(challenger: Speaker, golden: Sequence[Golden]) -> Kept:
    """Ask for every pinned conversation. Blocks."""
    replies = challenger.replies([one.messages for one in golden], max_new_tokens=_ANSWER_TOKENS)
    faults = [(one, one.fault(reply)) for one, reply in zip(golden, replies, strict=True)]
    return Kept(len(golden), tuple(f"line {one.line} {fault}" for one, fault in faults if fault is not None))


def check(kept: Kept, settings: TrainerSettings) -> Check:
    """Refuses when pinned conversations are not kept."""
    limit = settings.max_golden_failures
    if not kept.pinned:
        return Check("golden", True, None, float(limit), "Nothing is pinned.")
    failed = len(kept.faults)
    passed = failed <= limit
    sentence = (
        f"{kept.pinned - failed} of {kept.pinned} pinned conversations are kept."
        if passed
        else f"{failed} of {kept.pinned} pinned conversations are not kept: in {FILE_NAME}, {kept.faults[0]}."
    )
    return Check("golden", passed, float(failed), float(limit), sentence)


def _golden(path: Path, number: int, line: str) -> Golden:
    def wrong(why: str) -> WrongUsage:
        return WrongUsage(f"Line {number} of {path}: {why}.", advice=f"A line is such as {_FORM}")

    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        raise wrong("it is not JSON") from None
    if not isinstance(row, dict):
        raise wrong("it is not an object")
    unknown = sorted(set(row) - _KEYS)
    if unknown:
        raise wrong(f"there is no key {unknown[0]!r}")
    try:
        messages = _messages(row)
        wanted, unwanted = _patterns(row, "must_contain"), _patterns(row, "must_not_contain")
        reply = row.get("reply")
        if reply is not None and not (isinstance(reply, str) and reply.strip()):
            raise ValueError("`reply` must be a text")  # noqa: TRY301 - one place says which line
        alike = row.get("similarity", _SIMILARITY)
        if isinstance(alike, bool) or not isinstance(alike, int | float) or not 0 < alike <= 1:
            raise ValueError("`similarity` must be a number above 0, at most 1")  # noqa: TRY301
        if "similarity" in row and reply is None:
            raise ValueError("`similarity` needs a `reply`")  # noqa: TRY301
        if not wanted and not unwanted and reply is None:
            raise ValueError("it pins nothing: give `must_contain`, `must_not_contain` or `reply`")  # noqa: TRY301
    except ValueError as error:
        raise wrong(str(error)) from None
    return Golden(number, messages, wanted, unwanted, reply, float(alike))


def _messages(row: dict[str, Any]) -> tuple[Message, ...]:
    if ("prompt" in row) == ("messages" in row):
        raise ValueError("give either `prompt` or `messages`")
    if "prompt" in row:
        told: Any = [{"role": "user", "content": row["prompt"]}]
    else:
        told = row["messages"]
    try:
        messages = tuple(Message(Role(one["role"]), one["content"]) for one in told)
    except (TypeError, KeyError, ValueError):
        raise ValueError("`messages` must be a list of objects with `role` and `content`") from None
    texts: list[object] = [one.text for one in messages]
    if not messages or not all(isinstance(text, str) and text.strip() for text in texts):
        raise ValueError("every message must be a text that is not empty")
    if messages[-1].role is not Role.USER:
        raise ValueError("the last message must be the user's: what is pinned is the answer to it")
    return messages


def _patterns(row: dict[str, Any], key: str) -> tuple[re.Pattern[str], ...]:
    told = row.get(key, [])
    if not isinstance(told, list) or not all(isinstance(one, str) and one for one in told):
        raise ValueError(f"`{key}` must be a list of patterns")
    patterns = []
    for one in told:
        try:
            patterns.append(re.compile(one, re.IGNORECASE))
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"{one!r} in `{key}` is not a regular expression: {error}") from None
    return tuple(patterns)
