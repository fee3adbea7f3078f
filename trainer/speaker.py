"""A model as those see it who look for what is wrong with it: what it says, and how likely it finds what others say.

Behind it are weights, or in tests a few rules. It compares nothing and decides nothing.
"""

from collections.abc import Sequence
from typing import Protocol

from bot.engine.protocol import Sampling
from bot.engine.replies import generate_replies
from bot.engine.weights import LoadedWeights
from storage.values import Message
from trainer.evaluation import ItemScore, can_read, document_of, score_documents, score_tokens
from trainer.packing import Document

Conversation = Sequence[Message]


class Speaker(Protocol):
    """Speaks and listens. All of it blocks."""

    def replies(self, conversations: Sequence[Conversation], *, max_new_tokens: int) -> list[str | None]:
        """The answer to each conversation, without chance; None where it cannot be read: empty, or too long."""
        ...

    def scores(self, conversations: Sequence[Conversation]) -> list[ItemScore | None]:
        """The figures of the assistant's words in each; None where it cannot be read."""
        ...

    def recites(self, conversations: Sequence[Conversation], strings: Sequence[str]) -> list[bool]:
        """Whether, in each last answer, the model goes on with the string by itself once it has come to its place."""
        ...


class WeightsSpeaker:
    """Speaks with a model in memory, through the renderer that serves."""

    def __init__(self, weights: LoadedWeights) -> None:
        self._weights = weights

    def replies(self, conversations: Sequence[Conversation], *, max_new_tokens: int) -> list[str | None]:
        """Greedy, and so what the engine would answer at temperature 0."""
        readable = [index for index, one in enumerate(conversations) if one and can_read(self._weights, one)]
        sampling = Sampling(temperature=0.0, max_new_tokens=max_new_tokens)
        said = generate_replies(self._weights, [conversations[index] for index in readable], sampling, seed=0)
        replies: list[str | None] = [None] * len(conversations)
        for index, reply in zip(readable, said, strict=True):
            replies[index] = reply
        return replies

    def scores(self, conversations: Sequence[Conversation]) -> list[ItemScore | None]:
        """All in as few passes as they fit into."""
        documents = [document_of(self._weights, one) for one in conversations]
        scored = iter(score_documents(self._weights, [one for one in documents if one is not None]))
        return [None if one is None else next(scored) for one in documents]

    def recites(self, conversations: Sequence[Conversation], strings: Sequence[str]) -> list[bool]:
        """By one pass: a greedy model says a string exactly if each of its tokens is its first choice.

        A string that cannot be found in the tokens again counts as not recited; asking for it is another test.
        """
        documents = [document_of(self._weights, one) for one in conversations]
        read = [(one, string) for one, string in zip(documents, strings, strict=True) if one is not None]
        scored = score_tokens(self._weights, [one for one, _ in read])
        found = iter(
            [
                span is not None and all(one.is_first_choice for one in tokens[span[0] : span[1]])
                for tokens, span in zip(scored, (self._span(*one) for one in read), strict=True)
            ]
        )
        return [one is not None and next(found) for one in documents]

    def _span(self, document: Document, string: str) -> tuple[int, int] | None:
        """Which of the learnt tokens spell the string in the last answer; None where none do."""
        learnt = [token for token, is_learnt in zip(document.ids[1:], document.learnt[1:], strict=True) if is_learnt]
        last = 0
        for token in reversed(document.learnt):
            if not token:
                break
            last += 1
        begin = len(learnt) - last
        lengths, text = [0], ""
        for count in range(1, last + 1):
            text = self._weights.renderer.decode(learnt[begin : begin + count])
            lengths.append(len(text))
        place = text.rfind(string)
        if place < 0:
            return None
        first = max(index for index, length in enumerate(lengths) if length <= place)
        end = min(index for index, length in enumerate(lengths) if length >= place + len(string))
        return begin + first, begin + end
