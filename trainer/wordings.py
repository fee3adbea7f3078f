"""Other ways of typing the same question, so that a taught answer is found however it is asked. Pure.

People type in lower case, leave out signs and small words, and begin with a greeting or a "tell me". A small model that
has seen a question in a few exact wordings knows just these; one that has seen them typed carelessly knows the question.
Only what the person said last is reworded, never an answer.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import replace

from storage.values import Message, Role

_OPENINGS = ("hey", "hi", "so", "um", "ok", "hey bot", "please", "quick question", "tell me", "do you know", "i wonder")
_CLOSINGS = ("again", "please", "now", "thanks", "then", "by the way", "do you know")
_SIGNS = re.compile(r"[?!.,;:…]+")
WORDINGS = 8
"""Of each exchange, the given one included."""
_LONGEST = 30
"""Words from which a message is a text of its own, not a question to be asked in other ways."""


def wordings(messages: Sequence[Message]) -> list[tuple[Message, ...]]:
    """The conversation as it is, and with its last question typed in a few other ways; always the same ones."""
    chance = random.Random("\n".join(message.text for message in messages))  # noqa: S311 - a repeatable choice
    return list(dict.fromkeys([tuple(messages), *(reworded(messages, chance) for _ in range(WORDINGS - 1))]))


def reworded(messages: Sequence[Message], chance: random.Random) -> tuple[Message, ...]:
    """The conversation with its last question typed in another way, or as it was."""
    asked = max((i for i, m in enumerate(messages[:-1]) if m.role is Role.USER), default=None)
    if asked is None or len(messages[asked].text.split()) > _LONGEST:
        return tuple(messages)
    text = _carelessly(messages[asked].text, chance)
    return tuple(replace(m, text=text) if i == asked else m for i, m in enumerate(messages))


def _carelessly(text: str, chance: random.Random) -> str:
    if chance.random() < 0.5:
        text = text.lower()
    if chance.random() < 0.5:
        text = _SIGNS.sub("", text)
    words = text.split()
    if len(words) > 3 and chance.random() < 0.5:
        del words[chance.randrange(len(words))]
    if chance.random() < 0.25:
        words.insert(0, chance.choice(_OPENINGS))
    if chance.random() < 0.15:
        words.append(chance.choice(_CLOSINGS))
    return " ".join(words) or text
