"""When words that are still being generated may be shown: only whole words, and only after a screen saw them."""

import re

from bot.screening.protocol import Screener
from storage.values import Verdict

_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’)\]]*\s|\n")
_LEAST_CHARACTERS = 80
"""Without a sentence end, this many new characters are worth a look."""


class ScreenedText:
    """The growing answer, and the part of it that a screen let through.

    How often it looks shrinks as the text grows, since each look is at all of it.
    """

    def __init__(self, screening: Screener) -> None:
        self._screening = screening
        self._checked = 0
        self.text = ""
        """All that was generated."""
        self.passed: Verdict | None = None
        """The verdict of the newest part that was let through; its `text` may be shown."""
        self.refused: Verdict | None = None
        """The verdict that ends the answer."""

    async def add(self, delta: str) -> Verdict | None:
        """Take new text in; a verdict when a screen looked."""
        self.text += delta
        end = self._worth_a_look()
        if end is None:
            return None
        self._checked = end
        return await self.look(self.text[:end].strip())

    async def look(self, text: str) -> Verdict:
        """Have a text screened, and remember the verdict."""
        [verdict] = await self._screening.check([text])
        if must_not_be_said(verdict):
            self.refused = verdict
        else:
            self.passed = verdict
        return verdict

    def _worth_a_look(self) -> int | None:
        fresh = self.text[self._checked :]
        words = len(fresh.rstrip()) if fresh[-1:].isspace() else max(fresh.rfind(" "), fresh.rfind("\n"), 0)
        if not fresh[:words].strip():
            return None
        is_sentence = _SENTENCE_END.search(fresh) is not None and words >= self._checked // 8
        return self._checked + words if is_sentence or words >= max(_LEAST_CHARACTERS, self._checked // 4) else None


def must_not_be_said(verdict: Verdict) -> bool:
    """Whether the bot may not send words with this verdict."""
    return verdict.blocks_reply or verdict.is_crisis


def is_out_of_bounds(verdict: Verdict) -> bool:
    """Whether the text was too long (or unfolds into too much) to be looked at."""
    return any(reason.startswith("bounds:") for reason in verdict.reasons)


def says_nothing(verdict: Verdict) -> bool:
    """Whether there is nothing in the text that anyone can see."""
    return "bounds:empty" in verdict.reasons or not (verdict.text.strip() or must_not_be_said(verdict))
