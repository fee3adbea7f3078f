"""One answer as it comes from a server: its text so far, and how it ended.

Promises: the deltas, joined, are the text, and it has no space at its ends.
"""

from bot.engine.answer_text import goes_in_circles
from bot.engine.protocol import Finish
from bot.engine.remote.server import Chunk

_LOOK_EVERY = 8
"""Chunks between two looks at whether an answer goes in circles: a look costs as much as all else about a chunk."""


class Speech:
    """Collects the chunks of one answer."""

    def __init__(self) -> None:
        self._said: list[str] = []
        self._held = ""
        self._words: list[str] = []
        self._told_new_tokens: int | None = None
        self._finish: str | None = None
        self.prompt_tokens: int | None = None
        self.goes_in_circles = False
        """Whether it only repeats itself: then nobody needs to hear more."""

    @property
    def text(self) -> str:
        """What was said: all deltas so far, joined."""
        return "".join(self._said)

    @property
    def has_begun(self) -> bool:
        """Whether somebody may have heard a word."""
        return bool(self._said)

    @property
    def has_ended(self) -> bool:
        """Whether the server said that this was all, or more would be a waste."""
        return self._finish is not None or self.goes_in_circles

    @property
    def finish(self) -> Finish:
        """Why it ended."""
        return Finish.LENGTH if self._finish == "length" else Finish.END

    @property
    def new_tokens(self) -> int:
        """Tokens of the answer; as many as chunks, where the server does not tell."""
        return self._told_new_tokens if self._told_new_tokens is not None else len(self._words)

    def add(self, chunk: Chunk) -> str:
        """Take the next chunk; returns the new text, which may be empty."""
        self._finish = chunk.finish or self._finish
        self.prompt_tokens = chunk.prompt_tokens or self.prompt_tokens
        if chunk.completion_tokens is not None:
            self._told_new_tokens = chunk.completion_tokens
        if not chunk.delta:
            return ""
        self._words.append(chunk.delta)
        if len(self._words) % _LOOK_EVERY == 0:
            self.goes_in_circles = goes_in_circles(self._words)
        return self._say(chunk.delta)

    def _say(self, new: str) -> str:
        words = self._held + new
        delta = words.rstrip()
        self._held = words[len(delta) :]
        if not self._said:
            delta, self._held = delta.lstrip(), self._held if delta else ""
        if delta:
            self._said.append(delta)
        return delta
