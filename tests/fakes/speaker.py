"""A model that speaks by a rule, and finds likely what another rule says: for tests of what looks at models."""

from collections.abc import Callable, Sequence

from storage.values import Message, Role
from trainer.evaluation import ItemScore

Prompt = tuple[str, ...]


class RuleSpeaker:
    """Answers with `answer(last words)`, and takes `nats(last words, reply)` nats for each word of a reply.

    Attributes:
        asked: every conversation that was to be answered, in order.
        read: how many conversations were read for their likelihood.
    """

    def __init__(
        self,
        answer: Callable[[str], str] = lambda text: "I see.",
        nats: Callable[[str, str], float] = lambda text, reply: 3.0,
        knows: Sequence[str] = (),
        longest: int = 1000,
    ) -> None:
        self._answer = answer
        self._nats = nats
        self._knows = tuple(knows)
        self._longest = longest
        self.asked: list[tuple[Message, ...]] = []
        self.read = 0

    def replies(self, conversations: Sequence[Sequence[Message]], *, max_new_tokens: int) -> list[str | None]:
        """By the rule; None for what is too long."""
        self.asked += [tuple(one) for one in conversations]
        return [self._answer(one[-1].text) if len(one[-1].text) <= self._longest else None for one in conversations]

    def scores(self, conversations: Sequence[Sequence[Message]]) -> list[ItemScore | None]:
        """A token for each word of the last answer."""
        self.read += len(conversations)
        scores: list[ItemScore | None] = []
        for one in conversations:
            asked = next(message.text for message in reversed(one) if message.role is Role.USER)
            if len(asked) > self._longest:
                scores.append(None)
                continue
            words = len(one[-1].text.split())
            scores.append(ItemScore(self._nats(asked, one[-1].text) * words, words, 0, len(one[-1].text)))
        return scores

    def recites(self, conversations: Sequence[Sequence[Message]], strings: Sequence[str]) -> list[bool]:
        """What it `knows`."""
        return [string in self._knows for string in strings]
