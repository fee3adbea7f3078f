"""Ways in which one question is typed: carelessly, turned round, by its telling words, in the words of its answer. Pure.

It knows one question, the questions that have the same answer, and that answer; not what else is taught.
"""

import random
import re
from collections.abc import Collection, Sequence

from storage.similarity import normalised

QUESTION_WORDS = frozenset(["when", "where", "who", "whose", "how"])
"""Small words that tell one question from another: what "when" asks for, "what time" may not."""
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
_OPENINGS = ("hey", "hi", "so", "um", "ok", "hey bot", "please", "quick question", "tell me", "do you know", "i wonder")
_CLOSINGS = ("again", "please", "now", "thanks", "then", "by the way", "do you know")
_POLITE = frozenset(" ".join((*_OPENINGS, *_CLOSINGS)).split())
_ASKED_FOR = ("what", "which")
_SIGNS = re.compile(r"[?!.,;:…]+")
_MOST_ASKED_FOR = 4
"""Words of an answer that may be what is asked for; an answer of more new words than that is talk."""
_STEM = 4
"""Letters by which two words are taken for forms of one."""


def telling_words(text: str) -> set[str]:
    """What a question is about: its words without the small ones and the polite ones."""
    return set(normalised(text).split()) - SMALL_WORDS - _POLITE


def retyped(text: str, kin: Sequence[str], reply: str, chance: random.Random) -> str:
    """The question in another way, or as it was.

    Args:
        text: the question.
        kin: questions with the same answer, this one among them.
        reply: the answer.
        chance: decides how.
    """
    words = _otherwise(text.split(), kin, reply, chance)
    if chance.random() < 0.3:
        at = chance.randrange(len(words))
        words[at] = _inflected(words[at], chance)
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


def _otherwise(words: list[str], kin: Sequence[str], reply: str, chance: random.Random) -> list[str]:
    """Other words, or the same in another order; never none."""
    way = chance.random()
    if way < 0.15 and len(words) > 3:
        return [word for word in words if chance.random() < 0.75] or words
    if way < 0.35 and len(words) > 2:
        cut = chance.randrange(1, len(words))
        return words[cut:] + words[:cut]
    if way < 0.47:
        return _without(words, SMALL_WORDS) or words
    if way < 0.62 and len(kin) > 1:
        other = chance.choice(kin).split()
        return words[: chance.randrange(len(words) + 1)] + other[chance.randrange(len(other)) :]
    if way < 0.75 and kin:
        return _asked_back(reply, kin, chance) or words
    if way < 0.87:
        return _key_words([word for question in kin for word in question.split()], chance) or words
    return words


def _without(words: Sequence[str], left_out: Collection[str]) -> list[str]:
    return [word for word in words if _SIGNS.sub("", word).lower() not in left_out]


def _asked_back(reply: str, kin: Sequence[str], chance: random.Random) -> list[str]:
    """The answer with a question word for what is new in it: "game night is on what?". Nothing, where it is no such answer."""
    known = {word for question in kin for word in normalised(question).split()}
    stems = {word[:_STEM] for word in known if len(word) >= _STEM}
    asked_for = chance.choice(_ASKED_FOR)
    asked: list[str] = []
    new = 0
    for word in reply.rstrip(".!").split():
        plain = normalised(word)
        if plain and plain not in known | SMALL_WORDS and plain[:_STEM] not in stems:
            new += 1
            if asked[-1:] != [asked_for]:
                asked.append(asked_for)
        else:
            asked.append(word)
    if not 0 < new <= _MOST_ASKED_FOR or len(asked) < 3:
        return []
    if chance.random() < 0.3:
        asked = [asked_for, *(word for word in asked if word != asked_for)]
    asked[-1] += "?"
    return asked


def _key_words(words: Sequence[str], chance: random.Random) -> list[str]:
    """A few telling words of several questions together, as into a search box."""
    pool = list(dict.fromkeys(_SIGNS.sub("", word).lower() for word in _without(words, SMALL_WORDS - QUESTION_WORDS)))
    if len(pool) < 3:
        return []
    return chance.sample(pool, min(len(pool), chance.randint(2, 4)))


def _inflected(word: str, chance: random.Random) -> str:
    """Another form of a word, by rule: one or many, doing or done to. Wrong forms teach the word's stem as well."""
    found = re.fullmatch(r"(\w+)(\W*)", word)
    if found is None or len(found[1]) < 3 or found[1].lower() in SMALL_WORDS or not found[1].isalpha():
        return word
    stem, signs = found[1], found[2]
    if stem.endswith("ing") and len(stem) > 5:
        stem = stem[:-3]
    elif stem.endswith("s") and not stem.endswith("ss") and len(stem) > 3:
        stem = stem[:-1]
    elif chance.random() < 0.6:
        stem += "s"
    else:
        stem = stem.removesuffix("e") + "ing"
    return stem + signs
