"""Whether replies belong to what they answer, as a model sees it.

A reply that answers something is likelier after its own prompt than after somebody else's. In talk that holds even for
a model that has never seen it; in noise, in words thrown together and in replies dealt out at random it holds for no
model. The figures are made here, and judged by the gate.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from bot.engine.weights import LoadedWeights
from storage.similarity import normalised, prompt_of, reply_of
from storage.values import Message, Role
from trainer.evaluation import document_of, score_documents

CONTRASTS = 6
"""Other prompts that each reply is tried after."""
MOST_ITEMS = 120


@dataclass(frozen=True, slots=True)
class Pairing:
    """One reply, after its own prompt and after others'."""

    advantage: float
    """By how many nats a token is likelier after its own prompt than after another, on average."""
    wins: float
    """The share of other prompts after which it is less likely; half a win for a draw."""


def pairings(
    weights: LoadedWeights, judged: Sequence[Sequence[Message]], others: Sequence[Sequence[Message]], *, seed: int
) -> list[Pairing]:
    """Each judged conversation's last reply after its own prompt and after some of the others'. Blocks.

    Only prompts whose own reply is another one are used; a reply that everything gets has none, and counts as neither
    likelier nor less likely.
    """
    chance = random.Random(seed)  # noqa: S311 - a repeatable choice, not a secret
    chosen = list(judged) if len(judged) <= MOST_ITEMS else chance.sample(list(judged), MOST_ITEMS)
    pool = [(prompt_of(messages), normalised(reply_of(messages))) for messages in others]
    documents, counts = [], []
    for messages in chosen:
        prompt, reply = prompt_of(messages), reply_of(messages)
        candidates = [other for other, answer in pool if answer != normalised(reply) and other != prompt]
        tried = [prompt, *chance.sample(candidates, min(CONTRASTS, len(candidates)))]
        rendered = [
            document
            for one in tried
            if (document := document_of(weights, [Message(Role.USER, one), Message(Role.ASSISTANT, reply)]))
        ]
        if len(rendered) == len(tried):
            documents += rendered
            counts.append(len(rendered))
    losses = iter([score.loss for score in score_documents(weights, documents)])
    return [_pairing([next(losses) for _ in range(count)]) for count in counts]


def _pairing(losses: Sequence[float]) -> Pairing:
    own, *others = losses
    if not others:
        return Pairing(0.0, 0.5)
    wins = sum(1.0 if own < other else 0.5 if own == other else 0.0 for other in others)
    return Pairing(sum(others) / len(others) - own, wins / len(others))
