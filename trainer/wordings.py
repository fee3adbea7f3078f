"""Other ways of typing the same question, so that a taught answer is found however it is asked. Pure.

People type in lower case, leave out signs and small words, turn a sentence round, and begin with a greeting. A small
model that has seen a question in three exact wordings knows just these; one that has seen them typed carelessly, and
mixed with one another, goes by the words that matter. Only what the person said last is reworded, never an answer.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import replace

from storage.similarity import normalised, prompt_of, reply_of
from storage.values import Message, Role

WORDINGS = 16
"""Of each exchange, the given one included."""
_LONGEST = 30
"""Words from which a message is a text of its own, not a question to be asked in other ways."""
_OPENINGS = ("hey", "hi", "so", "um", "ok", "hey bot", "please", "quick question", "tell me", "do you know", "i wonder")
_CLOSINGS = ("again", "please", "now", "thanks", "then", "by the way", "do you know")
_SIGNS = re.compile(r"[?!.,;:…]+")
SMALL_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "at",
        "be",
        "by",
        "can",
        "could",
        "do",
        "does",
        "for",
        "from",
        "give",
        "have",
        "how",
        "i",
        "in",
        "is",
        "it",
        "me",
        "my",
        "of",
        "on",
        "or",
        "our",
        "say",
        "should",
        "so",
        "some",
        "tell",
        "that",
        "the",
        "there",
        "they",
        "this",
        "to",
        "us",
        "was",
        "we",
        "what",
        "whats",
        "when",
        "where",
        "which",
        "who",
        "whose",
        "will",
        "with",
        "would",
        "you",
        "your",
    ]
)


def wordings(conversations: Sequence[Sequence[Message]]) -> list[list[tuple[Message, ...]]]:
    """Each conversation as it is, and then with its last question typed in other ways; always the same ones.

    Args:
        conversations: all that is taught: those with the same answer lend one another their words.
    """
    prompts: dict[str, list[str]] = {}
    for messages in conversations:
        if _is_question(prompt_of(messages)):
            prompts.setdefault(normalised(reply_of(messages)), []).append(prompt_of(messages))
    worded = []
    for messages in conversations:
        chance = random.Random("\n".join(message.text for message in messages))  # noqa: S311 - a repeatable choice
        kin = prompts.get(normalised(reply_of(messages)), [])
        variants = [tuple(messages), *(reworded(messages, kin, chance) for _ in range(WORDINGS - 1))]
        worded.append(list(dict.fromkeys(variants)))
    return worded


def reworded(messages: Sequence[Message], kin: Sequence[str], chance: random.Random) -> tuple[Message, ...]:
    """The conversation with its last question typed in another way, or as it was.

    Args:
        messages: the conversation.
        kin: questions that have the same answer.
        chance: decides how.
    """
    asked = max((i for i, m in enumerate(messages[:-1]) if m.role is Role.USER), default=None)
    if asked is None or not _is_question(messages[asked].text):
        return tuple(messages)
    text = _carelessly(messages[asked].text, kin, chance)
    if not any(_says_enough(text, question) for question in (messages[asked].text, *kin)):
        return tuple(messages)  # "do you know" alone would teach that the answer suits every question
    return tuple(replace(m, text=text) if i == asked else m for i, m in enumerate(messages))


def _is_question(text: str) -> bool:
    return 0 < len(text.split()) <= _LONGEST


def _says_enough(text: str, question: str) -> bool:
    """Whether a wording has at least a third of a question's telling words."""
    telling = _telling_words(question)
    return 3 * len(telling & _telling_words(text)) >= len(telling) > 0


def _telling_words(text: str) -> set[str]:
    return set(normalised(text).split()) - SMALL_WORDS


def _carelessly(text: str, kin: Sequence[str], chance: random.Random) -> str:
    words = text.split()
    way = chance.random()
    if way < 0.2 and len(words) > 3:
        words = [word for word in words if chance.random() < 0.75] or words
    elif way < 0.45 and len(words) > 2:
        cut = chance.randrange(1, len(words))
        words = words[cut:] + words[:cut]
    elif way < 0.6:
        words = [word for word in words if _SIGNS.sub("", word).lower() not in SMALL_WORDS] or words
    elif way < 0.75 and len(kin) > 1:
        other = chance.choice(kin).split()
        words = words[: chance.randrange(len(words) + 1)] + other[chance.randrange(len(other)) :]
    if chance.random() < 0.25:
        words.insert(0, chance.choice(_OPENINGS))
    if chance.random() < 0.15:
        words.append(chance.choice(_CLOSINGS))
    worded = " ".join(words)
    if chance.random() < 0.6:
        worded = worded.lower()
    if chance.random() < 0.6:
        worded = _SIGNS.sub("", worded)
    return worded.strip() or text
