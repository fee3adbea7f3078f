"""How well a model knows some conversations: figures over the assistant's words, in all and one by one.

Read through the renderer that serves, so that what is measured is what is served. It compares nothing and decides
nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bot.engine.protocol import PromptTooLong
from bot.engine.weights import LoadedWeights
from storage.errors import WrongUsage
from storage.values import Message
from trainer.packing import Document, chunked, keeps_apart, logits_at, packed

ROW_TOKENS = 768
"""Longer rows cost more in attention than they save in calls."""


@dataclass(frozen=True, slots=True)
class ItemScore:
    """One conversation's figures, over the assistant's tokens."""

    nats: float
    """Negative log-likelihood, in all."""
    tokens: int
    correct: int
    """Tokens that the model itself would have chosen."""
    utf8_bytes: int
    """Of the assistant's words."""

    @property
    def loss(self) -> float:
        """Mean negative log-likelihood of a token, in nats."""
        return self.nats / max(1, self.tokens)

    @property
    def bits_per_byte(self) -> float:
        """How surprised the model is, whatever its tokens are. Random bytes would be 8."""
        return self.nats / math.log(2) / max(1, self.utf8_bytes)


@dataclass(frozen=True, slots=True)
class TokenScore:
    """One token of the assistant's, given all that stands before it."""

    nats: float
    """Negative log-likelihood."""
    is_first_choice: bool
    """Whether the model itself would have chosen it."""


@dataclass(frozen=True, slots=True)
class Figures:
    """A model's figures on a set of conversations."""

    items: int
    tokens: int
    perplexity: float
    token_accuracy: float
    bits_per_byte: float

    @classmethod
    def of(cls, scores: Sequence[ItemScore]) -> "Figures":
        """The figures over all tokens of some items."""
        nats = sum(score.nats for score in scores)
        tokens = sum(score.tokens for score in scores)
        size = sum(score.utf8_bytes for score in scores)
        return cls(
            items=len(scores),
            tokens=tokens,
            perplexity=math.exp(min(nats / max(1, tokens), 50.0)),
            token_accuracy=sum(score.correct for score in scores) / max(1, tokens),
            bits_per_byte=nats / math.log(2) / max(1, size),
        )


def document_of(weights: LoadedWeights, messages: Sequence[Message]) -> Document | None:
    """A conversation as the model reads it; None when its last exchange is longer than that, or there is none."""
    try:
        rendered = weights.renderer.training_example(messages, max_tokens=weights.context_tokens)
    except (PromptTooLong, WrongUsage):
        return None
    return Document(tuple(rendered.ids), tuple(rendered.learnt))


def can_read(weights: LoadedWeights, messages: Sequence[Message], *, max_tokens: int | None = None) -> bool:
    """Whether the last message says anything and fits: into `max_tokens`, or the context with room for an answer."""
    room, _ = weights.room(weights.context_tokens)
    try:
        weights.renderer.prompt(messages, max_tokens=max_tokens or room)
    except (PromptTooLong, WrongUsage):
        return False
    return True


def score_documents(weights: LoadedWeights, documents: Sequence[Document]) -> list[ItemScore]:
    """Each document's figures, in order. Blocks."""
    return [
        ItemScore(
            nats=sum(one.nats for one in tokens),
            tokens=document.learnt_tokens,
            correct=sum(one.is_first_choice for one in tokens),
            utf8_bytes=_bytes(weights, document),
        )
        for document, tokens in zip(documents, score_tokens(weights, documents), strict=True)
    ]


def score_tokens(weights: LoadedWeights, documents: Sequence[Document]) -> list[list[TokenScore]]:
    """Each document's learnt tokens, in order, given all that stands before each. Blocks."""
    import torch

    model, pad_id = weights.model, weights.renderer.pad_id
    was_training = model.training
    model.train(False)
    scores: list[list[TokenScore]] = [[] for _ in documents]
    order = sorted(range(len(documents)), key=lambda index: len(documents[index].ids))
    apart = keeps_apart(model, pad_id)
    try:
        with torch.inference_mode():
            for chunk in chunked([documents[index] for index in order], tokens=ROW_TOKENS):
                indices = [order[place] for place in chunk]
                rows = packed([documents[i] for i in indices], apart=apart, pad_id=pad_id, device=weights.device)
                logits = logits_at(model, rows, rows.is_learnt)
                targets = rows.targets[rows.is_learnt]
                losses = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
                hits = logits.argmax(-1) == targets
                owners = rows.documents[rows.is_learnt].tolist()
                for owner, loss, hit in zip(owners, losses.tolist(), hits.tolist(), strict=True):
                    scores[indices[owner]].append(TokenScore(loss, hit))
    finally:
        model.train(was_training)
    return scores


def evaluate_conversations(weights: LoadedWeights, conversations: Sequence[Sequence[Message]]) -> Figures:
    """A model's figures on some conversations; those whose last exchange does not fit are left out. Blocks."""
    documents = [document_of(weights, messages) for messages in conversations]
    return Figures.of(score_documents(weights, [document for document in documents if document is not None]))


def _bytes(weights: LoadedWeights, document: Document) -> int:
    learnt = [token for token, is_learnt in zip(document.ids, document.learnt, strict=True) if is_learnt]
    return len(weights.renderer.decode(learnt).encode())
