"""Hears when the person who writes, or someone close to them, sounds in danger: suicide, self-harm, abuse.

Phrases, not a model: a person can read why it spoke. It says neither how serious it is nor what to answer; the
operator's own text does. It would rather be wrong kindly than silent, but leaves idioms, fiction and games alone; a
sentence in between (a lyric, a quotation) is held for a person, and answered as usual.
"""

import re
from collections.abc import Iterator, Sequence

from bot.screening.crisis_phrases import DANGERS, DENIED, DENIED_INSIDE, DOUBT, FICTION, HARMLESS_AFTER, IDIOM
from bot.screening.subject import NOTHING_FOUND, Finding, Subject
from storage.values import Outcome


def _sentences(text: str) -> Iterator[str]:
    bare = text.lower().replace("'", "").replace("’", "")
    for sentence in re.split(r"[.!?;\n]+(?:\s|$)|\n", bare):
        words = " ".join(re.sub(r"[\W_]+", " ", sentence).split())
        if words:
            yield words


class Crisis:
    """Refuses for learning and stops the bot's own answer; the operator's crisis text takes its place."""

    name = "crisis"
    scrubs = False
    version = "1"

    def __init__(self) -> None:
        self._dangers = [
            (kind, [re.compile(expression) for expression in expressions]) for kind, expressions in DANGERS
        ]

    def examine(self, subjects: Sequence[Subject]) -> list[Finding]:
        """`crisis:<kind>` with `is_crisis`, or a hold `crisis:unclear` where it reads like fiction or a game."""
        return [self._one(subject) for subject in subjects]

    def _one(self, subject: Subject) -> Finding:
        is_unclear = False
        for sentence in dict.fromkeys(sentence for form in subject.forms for sentence in _sentences(form)):
            kind = self._danger(sentence)
            if kind and not FICTION.search(sentence):
                return Finding(Outcome.REFUSE, (f"crisis:{kind}",), blocks_reply=True, is_crisis=True)
            is_unclear = is_unclear or kind is not None
        return Finding(Outcome.HOLD, ("crisis:unclear",)) if is_unclear else NOTHING_FOUND

    def _danger(self, sentence: str) -> str | None:
        if IDIOM.search(sentence):
            return None
        for kind, expressions in self._dangers:
            for expression in expressions:
                for match in expression.finditer(sentence):
                    before = sentence[: match.start()].rstrip()
                    is_denied = DENIED.search(before) and not DOUBT.search(before)
                    if (
                        not is_denied
                        and not _denies_itself(match.group())
                        and not HARMLESS_AFTER.match(sentence[match.end() :])
                    ):
                        return kind
        return None


def _denies_itself(words: str) -> bool:
    """Whether the denial lies inside the match, as in `i would never hurt myself`."""
    return bool(DENIED_INSIDE.match(words)) and not DOUBT.match(words)
