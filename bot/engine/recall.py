"""How an approved exchange is put before a model, so that it helps an answer before it is trained in. Pure.

The same for serving and for measuring. It does not know where exchanges come from, nor who may see them.

The model reads that it was asked this very question a moment ago and gave the approved reply. Small models go on from what
they said last; of the other ways tried on the embedded base (the exchange as it was said, several of them, in a system
message, in the question) none came near. See `docs/decisions.md`.
"""

from collections.abc import Sequence

from storage.governance import Neighbour
from storage.similarity import alikeness, prompt_of, reply_of
from storage.values import Message, Role

LOOKED_AT = 6
"""Exchanges that the search finds for a question; the one whose question is most alike is taken."""
_ALIKE = 0.3
"""Share of letter triples in common (Jaccard) from which two wordings may ask the same. On the embedded base's facts it
lets five in eight unseen wordings through to the right reply and one in sixteen to a wrong one; of small talk nothing."""
_BYTES_OF_A_TOKEN = 3
_TOKENS_ROUND_A_MESSAGE = 8


def likely(question: str, near: Sequence[Neighbour], *, max_tokens: int) -> list[Neighbour]:
    """The exchanges that may answer a question, the one whose wording is most alike first.

    Args:
        question: what is to be answered.
        near: what a search found.
        max_tokens: what recalling may take; an exchange that would take more is left out whole.
    """
    alike = [(alikeness(question, prompt_of(one.candidate.messages)), one) for one in near]
    fit = [
        (score, one)
        for score, one in alike
        if score >= _ALIKE and tokens_taken(question, reply_of(one.candidate.messages)) <= max_tokens
    ]
    return [one for _, one in sorted(fit, key=lambda found: -found[0])]


def tokens_taken(question: str, reply: str) -> int:
    """About how many tokens recalling takes: three bytes count as one, which is too many for most languages."""
    size = len(question.encode("utf-8", "replace")) + len(reply.encode("utf-8", "replace"))
    return -(-size // _BYTES_OF_A_TOKEN) + 2 * _TOKENS_ROUND_A_MESSAGE


def with_recalled(messages: Sequence[Message], reply: str) -> list[Message]:
    """A conversation in which its last message was answered with a reply right before.

    It stands after the history: where a model cannot read it all, the oldest turns go first.
    """
    *before, newest = messages
    return [*before, newest, Message(Role.ASSISTANT, reply), newest]
