"""The same talk in other clothes, so that a model learns what was said rather than how it was typed.

Only words of the user are changed, never those that the model is to say. It knows nothing of tokens.
"""

import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from trainer.growing.dataset import Talk

_END = re.compile(r"[.!?…]+$")
_JOINED = (2, 4)
"""So many short exchanges, at least and at most, become one conversation."""


@dataclass(frozen=True, slots=True)
class Variations:
    """How often talk is changed, as shares of it between 0 and 1. Without figures, never."""

    lowercase: float = 0.0
    """Conversations whose user writes without capitals."""
    bare: float = 0.0
    """User messages that lose the mark at their end."""
    swapped: float = 0.0
    """Conversations of four turns and more whose people change places, where they are of the same kind."""
    symmetric: tuple[str, ...] = ()
    """Sources of talk between people: nobody in it speaks as a bot, so either may be learnt from."""
    joined: float = 0.0
    """Single exchanges that are put behind one another, as somebody who changes the topic would."""

    def of(self, talks: Iterable[Talk], dice: random.Random) -> Iterator[Talk]:
        """The talk, changed at random; as many exchanges as before, in the same order."""
        waiting: list[Talk] = []
        wanted = dice.randint(*_JOINED)
        for talk in talks:
            changed = self._changed(talk, dice)
            if len(talk.messages) > 2 or dice.random() >= self.joined:
                yield changed
                continue
            waiting.append(changed)
            if len(waiting) == wanted:
                yield _joined(waiting)
                waiting, wanted = [], dice.randint(*_JOINED)
        if waiting:
            yield _joined(waiting)

    def _changed(self, talk: Talk, dice: random.Random) -> Talk:
        messages = talk.messages
        if len(messages) >= 4 and talk.source in self.symmetric and dice.random() < self.swapped:
            messages = _swapped(messages)
        is_lower = dice.random() < self.lowercase
        return Talk([self._typed(message, is_lower, dice) for message in messages], talk.source)

    def _typed(self, message: dict[str, str], is_lower: bool, dice: random.Random) -> dict[str, str]:
        if message["role"] != "user":
            return message
        content = message["content"].lower() if is_lower else message["content"]
        if dice.random() < self.bare:
            content = _END.sub("", content) or content
        return {**message, "content": content}


USUAL = Variations(lowercase=0.25, bare=0.15, swapped=0.5, joined=0.5)
"""What the embedded model is grown with."""


def _swapped(messages: list[dict[str, str]]) -> list[dict[str, str]]:
    """The second speaker asks and the first answers; what came before the second's first words is left out."""
    other = {"user": "assistant", "assistant": "user"}
    turned = [{**message, "role": other.get(message["role"], message["role"])} for message in messages]
    start = next((i for i, message in enumerate(turned) if message["role"] == "user"), 0)
    turned = turned[start:]
    while turned and turned[-1]["role"] != "assistant":
        turned.pop()
    return turned if len(turned) >= 2 else messages


def _joined(talks: list[Talk]) -> Talk:
    return Talk([message for talk in talks for message in talk.messages], talks[0].source)
