"""Strings that look like secrets in what a model learns to say: codes, keys, long numbers, addresses of mail. Pure.

A secret-like string is private until it is common knowledge: several people said it, or the operator pinned it in
`golden.jsonl`. How often it was said does not count, since one person can say a thing often. What cannot be told by its
form (a password that is a plain word) is not found here; nor are numbers of everyday talk: years, dates, times, prices,
versions, round numbers, a port of five digits.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from storage.values import Message, Role
from trainer.origins import Origins
from trainer.snapshots import Conversation

_MAIL = re.compile(r"(?<![\w.+-])[\w.+%-]{1,64}@[\w-]{2,63}(?:\.[\w-]{2,63})*")
_NUMBER = re.compile(r"(?<![\w.,:/+-])\d{2,}(?:[ -]?\d{2,})*(?![\w]|[.,:/]\d)")
_NAMED = re.compile(
    r"\b(?:code|pin|password|passcode|passphrase|combination|key|token|otp)\b(?:\W{1,3}[^\W\d]+){0,4}\W{1,3}(?<!\bport )"
    r"(?P<value>[\w-]*\d[\w-]*\d[\w-]*\d[\w-]*)",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"(?<![\w+/=-])[A-Za-z0-9_-]{6,}(?![\w+/=-])")
_DATE = re.compile(r"(?:19|20)\d\d-\d\d?-\d\d?|\d\d?-\d\d?-(?:19|20)?\d\d")
_YEARS = re.compile(r"(?:19|20)\d\d(?:[ -](?:19|20)?\d\d)*")
_FEWEST_DIGITS = 6
_FEWEST_NAMED = 4
_LONG = 20
"""Characters from which letters alone, small and capital mixed, are a key."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a secret-like string is learnt."""

    messages: tuple[Message, ...]
    """Up to the answer that holds it."""
    content_hash: str
    """Of the example."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret-like string that few people know of."""

    text: str
    places: tuple[Place, ...]
    people: int

    @property
    def content_hashes(self) -> tuple[str, ...]:
        """Of the examples that hold it."""
        return tuple(dict.fromkeys(place.content_hash for place in self.places))


def secret_like(text: str) -> list[str]:
    """The secret-like strings of a text, in order, each once."""
    found = [match[0] for match in _MAIL.finditer(text)]
    found += [match[0] for match in _NUMBER.finditer(text) if _is_long_number(match[0])]
    found += [match["value"] for match in _NAMED.finditer(text) if _is_named(match["value"])]
    found += [match[0] for match in _TOKEN.finditer(text) if _is_token(match[0])]
    whole = [one for one in dict.fromkeys(found) if not any(one != other and one in other for other in found)]
    return sorted(whole, key=text.find)


def unshared_secrets(
    conversations: Sequence[Conversation], origins: Origins, *, pinned: Collection[str], people: int
) -> list[Secret]:
    """The secret-like strings that are learnt though they are nobody's business, the least known first.

    Only the assistant's words count, since only these are learnt; a string that the model could copy from what was said
    to it is not learnt by heart there.

    Args:
        conversations: those that are learnt.
        origins: who is behind them.
        pinned: what the operator wants to be said; a string in any of it is no secret.
        people: from how many different people on a string is common knowledge.
    """
    places: dict[str, list[Place]] = defaultdict(list)
    spelt: dict[str, str] = {}
    for one in conversations:
        for index, message in enumerate(one.messages):
            if message.role is not Role.ASSISTANT:
                continue
            said_before = _compact(" ".join(earlier.text for earlier in one.messages[:index]))
            for string in secret_like(message.text):
                key = _compact(string)
                if key not in said_before:
                    spelt.setdefault(key, string)
                    places[key].append(Place(one.messages[: index + 1], one.content_hash))
    allowed = [_compact(text) for text in pinned]
    secrets = [
        Secret(spelt[key], tuple(where), origins.people([place.content_hash for place in where]))
        for key, where in places.items()
        if not any(key in text for text in allowed)
    ]
    private = [one for one in secrets if one.people < people]
    return sorted(private, key=lambda one: (one.people, len(one.places), one.text))


def says(text: str, secret: str) -> bool:
    """Whether a text holds the string, however it is spaced or capitalised."""
    return _compact(secret) in _compact(text)


def _compact(text: str) -> str:
    return re.sub(r"[\s-]+", "", text.casefold())


def _is_long_number(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    if len(digits) < _FEWEST_DIGITS or _DATE.fullmatch(text) or _YEARS.fullmatch(text):
        return False
    steps = {int(right) - int(left) for left, right in pairwise(digits)}
    return len(set(digits.rstrip("0"))) > 2 and steps not in ({1}, {-1})


def _is_named(value: str) -> bool:
    return len(value) >= _FEWEST_NAMED and not _DATE.fullmatch(value) and not _YEARS.fullmatch(value)


def _is_token(text: str) -> bool:
    kinds = ["digit" if c.isdigit() else "capital" if c.isupper() else "small" for c in text if c.isalnum()]
    switches = sum("digit" in (left, right) and left != right for left, right in pairwise(kinds))
    if switches >= 3 and sum(kind == "digit" for kind in kinds) >= 2:
        return True
    return len(text) >= _LONG and sum(left != right for left, right in pairwise(kinds)) >= _LONG // 2
