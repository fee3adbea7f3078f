"""Refuses what is empty, too long, or grows too long when folded. Everything else looks only at bounded text."""

from collections.abc import Sequence

from bot.screening.folding import Folder, clean
from bot.screening.subject import NOTHING_FOUND, Finding, Subject
from storage.values import Outcome

# Korean grows threefold when it is taken apart; a text that grows more was made to grow.
MOST_GROWTH = 4


def prepare(text: str, folder: Folder, max_characters: int) -> Subject:
    """The subject of one text; what lies beyond `max_characters` is never looked at.

    Characters bound bytes as well: UTF-8 takes at most four for each.
    """
    # Bytes and folding are bounded by this cut: the work below is linear in what is left.
    original = clean(text[:max_characters]).strip()
    is_cut = len(text) > max_characters
    plain = folder.plain(original)
    if len(plain) > MOST_GROWTH * max_characters:
        return Subject(original=original, plain=plain[:max_characters], forms=(original,), kept=original, is_cut=True)
    # Where all of it folds to ASCII nothing was ruined, and the original is only harder to read.
    first = plain if plain.isascii() else original
    readings = dict.fromkeys(reading for reading in folder.readings(plain) if reading != first.lower())
    return Subject(original=original, plain=plain, forms=(first, *readings), kept=original, is_cut=is_cut)


class Bounds:
    """Empty and too long texts are refused, and not answered."""

    name = "bounds"
    scrubs = False

    def __init__(self, max_characters: int) -> None:
        self.version = f"1:{max_characters}"

    def examine(self, subjects: Sequence[Subject]) -> list[Finding]:
        """`bounds:empty` also means: nothing that anyone can see."""
        return [self._one(subject) for subject in subjects]

    def _one(self, subject: Subject) -> Finding:
        if subject.is_cut:
            return Finding(Outcome.REFUSE, ("bounds:too-long",), blocks_reply=True)
        if not subject.plain.strip():
            return Finding(Outcome.REFUSE, ("bounds:empty",), blocks_reply=True)
        return NOTHING_FOUND
