"""One answer, as it grows token by token: its text so far, and whether it has ended.

Promises: the deltas, joined, are the text; a delta never holds half a character; nothing of a marker that ends an
answer is shown; the text has no space at its ends. It does not know where the tokens come from.
"""

from collections.abc import Sequence

from bot.engine.renderer import PromptRenderer

_BROKEN = "\ufffd"
_MAX_HELD_TOKENS = 12
"""A character takes at most four bytes; byte tokens that make no character for longer than this are left out."""


class AnswerText:
    """Collects the tokens of one answer."""

    def __init__(self, renderer: PromptRenderer) -> None:
        self._renderer = renderer
        self._ids: list[int] = []
        self._shown_from = 0
        self._read_from = 0
        self._held = ""
        self._said: list[str] = []
        self.has_ended = False

    @property
    def text(self) -> str:
        """What was said: all deltas so far, joined."""
        return "".join(self._said)

    @property
    def ids(self) -> Sequence[int]:
        """The tokens so far, the end token not among them."""
        return self._ids

    def add(self, token_id: int) -> str:
        """Take the next token; returns the new text that is certain, often empty.

        `has_ended` is true afterwards if the token, or the text it completes, ends the answer, or if the answer goes
        round in circles.
        """
        if self.has_ended:
            return ""
        if token_id in self._renderer.stop_ids:
            self.has_ended = True
            return self.finish()
        self._ids.append(token_id)
        self._held += self._decoded()
        if self._cut_at_stop_string():
            self.has_ended = True
            return self.finish()
        self.has_ended = goes_in_circles(self._ids)
        return self.finish() if self.has_ended else self._say(self._held[: self._certain()])

    def finish(self) -> str:
        """The rest of the text, when no more tokens come."""
        self._held += self._decoded(is_last=True)
        self._cut_at_stop_string()
        delta = self._say(self._held.rstrip())
        self._held = ""
        return delta

    def _say(self, new: str) -> str:
        self._held = self._held[len(new) :]
        delta = new if self._said else new.lstrip()
        if delta:
            self._said.append(delta)
        return delta

    def _decoded(self, *, is_last: bool = False) -> str:
        """The text that the newest token completes.

        Tokens are decoded together with those before them: some tokenizers drop the space in front of a first word.
        """
        before = self._renderer.decode(self._ids[self._shown_from : self._read_from])
        now = self._renderer.decode(self._ids[self._shown_from :])
        waiting = len(self._ids) - self._read_from
        if now.endswith(_BROKEN) and waiting < _MAX_HELD_TOKENS and not is_last:
            return ""
        self._shown_from, self._read_from = self._read_from, len(self._ids)
        return now[len(before) :].replace(_BROKEN, "")

    def _certain(self) -> int:
        """How much of the held text may be shown: no space that may turn out the last, no beginning of a marker."""
        certain = len(self._held.rstrip())
        for marker in self._renderer.stop_strings:
            for length in range(min(len(marker) - 1, len(self._held)), 0, -1):
                if self._held.endswith(marker[:length]):
                    certain = min(certain, len(self._held) - length)
                    break
        return certain

    def _cut_at_stop_string(self) -> bool:
        places = [self._held.find(marker) for marker in self._renderer.stop_strings]
        found = [place for place in places if place >= 0]
        if found:
            self._held = self._held[: min(found)]
        return bool(found)


def goes_in_circles(ids: Sequence[object], *, longest_circle: int = 24, least_tokens: int = 16) -> bool:
    """Whether the last tokens only repeat themselves: at least three times round, and at least `least_tokens` long."""
    for length in range(1, min(longest_circle, len(ids) // 3) + 1):
        rounds = max(3, -(-least_tokens // length))
        span = rounds * length
        if span <= len(ids) and all(ids[-index] == ids[-index - length] for index in range(1, span - length + 1)):
            return True
    return False
