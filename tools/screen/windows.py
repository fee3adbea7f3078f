"""A text among harmless talk, as the screen meets it in a long message: one window of it, cut wherever the window ends.

Kind and unkind texts are surrounded alike, so that neither length nor a cut sentence says anything. It knows no labels.
"""

import random
import re
from collections.abc import Sequence

LONGEST = 28
"""Words and marks of a window. Rare words are several tokens, and 32 tokens are read at once (`card.WINDOW_TOKENS`)."""
SHORTEST = 8
_JOINTS = (". ", ". ", ". ", ", ", " ", " ", "! ", "\n", " and ", " but ", "... ", " so ", "? ")


def pieces(text: str) -> int:
    """Words and marks of a text; about the fewest tokens that it can be."""
    return len(re.findall(r"\w+|[^\w\s]", text))


def window(text: str, talk: Sequence[str], dice: random.Random) -> str:
    """The whole text at the beginning, in the middle or at the end of a window of harmless talk.

    Args:
        text: stays as it is; alone, if it fills a window by itself.
        talk: the sentences that may surround it.
        dice: decides.
    """
    room = dice.randint(SHORTEST, LONGEST) - pieces(text)
    if room <= 0:
        return text
    before = dice.choice([0, room, room, dice.randint(0, room)])
    said, follows = _run(talk, before, dice), _run(talk, room - before, dice)
    first = _last_pieces(said, before) + dice.choice(_JOINTS) if before else ""
    last = dice.choice(_JOINTS) + _first_pieces(follows, room - before) if room > before else ""
    return f"{first}{text}{last}".strip()


def _run(talk: Sequence[str], least: int, dice: random.Random) -> str:
    """At least so many pieces of talk; now and then one sentence over and over, as people paste it."""
    pasted = dice.choice(talk) if dice.random() < 0.15 else None
    text = pasted or dice.choice(talk)
    while pieces(text) < least:
        text += dice.choice(_JOINTS[:6]) + (pasted or dice.choice(talk))
    return text


def _first_pieces(text: str, count: int) -> str:
    words = text.split(" ")
    while len(words) > 1 and pieces(" ".join(words)) > count:
        words.pop()
    return " ".join(words)


def _last_pieces(text: str, count: int) -> str:
    words = text.split(" ")
    while len(words) > 1 and pieces(" ".join(words)) > count:
        words.pop(0)
    return " ".join(words)
