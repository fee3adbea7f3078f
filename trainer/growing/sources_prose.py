"""Text without speakers as conversation: consecutive paragraphs take turns.

A story, a diary or an article has nobody who answers. What a chat model can learn from it is how one thought follows
another, so each piece is answered by the next. A piece is a paragraph, or some sentences of a long one.
"""

import re
from collections.abc import Iterable

from trainer.growing.sources_values import ASSISTANT, USER, Turn

PIECE_CHARACTERS = 600
"""A longer paragraph is several pieces."""
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+(?=\S)")


def prose_turns(texts: Iterable[str]) -> tuple[Turn, ...]:
    """Turns from text that nobody is named in; fewer than two when it is a single sentence."""
    pieces = [
        piece
        for text in texts
        for paragraph in re.split(r"\n\s*\n", text)
        if paragraph.strip()
        for piece in pieces_of(" ".join(paragraph.split()))
    ]
    if len(pieces) == 1:
        pieces = _halves(pieces[0])
    return tuple(Turn(ASSISTANT if place % 2 else USER, piece) for place, piece in enumerate(pieces))


def pieces_of(paragraph: str) -> list[str]:
    """A paragraph, cut at ends of sentences into pieces of at most `PIECE_CHARACTERS`; a longer sentence stays whole."""
    if len(paragraph) <= PIECE_CHARACTERS:
        return [paragraph]
    pieces: list[str] = []
    for sentence in _SENTENCE_END.split(paragraph):
        if pieces and len(pieces[-1]) + 1 + len(sentence) <= PIECE_CHARACTERS:
            pieces[-1] += " " + sentence
        else:
            pieces.append(sentence)
    return pieces


def _halves(piece: str) -> list[str]:
    """The piece in two, at the end of the sentence that is nearest to its middle."""
    ends = [match.start() for match in _SENTENCE_END.finditer(piece)]
    if not ends:
        return [piece]
    middle = min(ends, key=lambda end: abs(end - len(piece) / 2))
    return [piece[:middle], piece[middle:].lstrip()]
