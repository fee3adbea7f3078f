"""Old talk to keep: what the base itself says to prompts of ours, and how sure it was of each word.

A model that only hears new things forgets the old ones. So every batch carries talk of the base's own, and the trained
model is held to the base's whole distribution over next tokens there (not merely to the words that came out: those are
a single draw, and following them alone forgets much faster). Nothing has to be shipped or stored for this but a list
of prompts; the talk is made once for each base, in pieces as more is needed, and kept.
"""

import hashlib
import json
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.engine.protocol import Sampling
from bot.engine.replies import generate_replies
from bot.engine.weights import LoadedWeights
from storage.values import Message, Role
from trainer.evaluation import ROW_TOKENS, document_of
from trainer.packing import Document, chunked, keeps_apart, logits_at, packed

if TYPE_CHECKING:
    import torch

PIECE = 64
"""Conversations made at a time."""
TEACHER_CHOICES = 64
"""Next tokens whose probability is kept, beside the sum of all others."""
_CHAT_SHARE = 4
"""Every so many conversations, one goes on for a second exchange."""
_FREELY = Sampling(temperature=1.0, top_p=1.0, top_k=0, max_new_tokens=40)
_FORMAT = 1


class ReplayCache:
    """The base's talk on this disk, piece by piece."""

    def __init__(self, root: Path, prompts: Sequence[str], *, base_version: str, seed: int) -> None:
        key = json.dumps([_FORMAT, base_version, seed, list(prompts)])
        self._folder = root / hashlib.sha256(key.encode()).hexdigest()[:16]
        self._prompts = list(prompts)
        self._seed = seed
        random.Random(seed).shuffle(self._prompts)  # noqa: S311 - a repeatable order, not a secret

    def documents(
        self, weights: LoadedWeights, *, tokens: int, on_piece: Callable[[float], None] = lambda _: None
    ) -> list[Document]:
        """At least so many tokens of talk, or all there is. Blocks, for as long as what is missing takes to make.

        Args:
            weights: the base, as it is.
            tokens: how much the run will read.
            on_piece: told after each piece how much of it there is, 0 to 1; may raise to stop.
        """
        documents: list[Document] = []
        size = 0
        for number in range(-(-len(self._prompts) // PIECE)):
            for messages in self._piece(weights, number):
                document = document_of(weights, messages)
                if document is not None:
                    documents.append(document)
                    size += len(document.ids)
            on_piece(min(1.0, size / max(1, tokens)))
            if size >= tokens:
                break
        return documents

    def _piece(self, weights: LoadedWeights, number: int) -> list[list[Message]]:
        path = self._folder / f"{number:04d}.json"
        try:
            kept = json.loads(path.read_text("utf-8"))
            return [[Message(Role(role), text) for role, text in conversation] for conversation in kept]
        except (OSError, ValueError, TypeError):
            made = self._make(weights, number)
        self._folder.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".writing")
        beside.write_text(json.dumps([[[m.role.value, m.text] for m in one] for one in made]), "utf-8")
        os.replace(beside, path)
        return made

    def _make(self, weights: LoadedWeights, number: int) -> list[list[Message]]:
        prompts = self._prompts[number * PIECE : (number + 1) * PIECE]
        talks = [[Message(Role.USER, prompt)] for prompt in prompts]
        seed = self._seed * 1_000_003 + number * 10
        talks = _answered(weights, talks, seed)
        longer = [talk for place, talk in enumerate(talks) if place % _CHAT_SHARE == 0]
        asked = _said(weights, [[Message(Role.USER, talk[-1].text)] for talk in longer], seed + 1)
        went_on = [[*talk, Message(Role.USER, text)] for talk, text in zip(longer, asked, strict=True) if text]
        went_on = _answered(weights, went_on, seed + 2)
        grown = {talk[0].text: talk for talk in went_on}
        return [grown.get(talk[0].text, talk) for talk in talks]


def _answered(weights: LoadedWeights, talks: Sequence[list[Message]], seed: int) -> list[list[Message]]:
    replies = _said(weights, talks, seed)
    return [
        [*talk, Message(Role.ASSISTANT, reply)] for talk, reply in zip(talks, replies, strict=True) if reply.strip()
    ]


def _said(weights: LoadedWeights, talks: Sequence[list[Message]], seed: int) -> list[str]:
    return generate_replies(weights, talks, _FREELY, seed=seed, batch_size=PIECE) if talks else []


@dataclass(frozen=True, slots=True)
class Taught:
    """What the base expects after each token of some documents, place by place."""

    choices: "torch.Tensor"
    """The likeliest next tokens, int32, shape (places, TEACHER_CHOICES)."""
    log_probabilities: "torch.Tensor"
    """Theirs, float32, same shape."""
    starts: tuple[int, ...]
    """Where each document's places begin; a document has one place fewer than tokens."""

    def places(self, indices: Sequence[int], documents: Sequence[Document]) -> "tuple[torch.Tensor, torch.Tensor]":
        """Choices and log-probabilities of some documents, one after the other."""
        import torch

        spans = [range(self.starts[index], self.starts[index] + len(documents[index].ids) - 1) for index in indices]
        wanted = torch.tensor([place for span in spans for place in span], dtype=torch.long)
        return self.choices[wanted].long(), self.log_probabilities[wanted]


def ask_teacher(weights: LoadedWeights, documents: Sequence[Document]) -> Taught:
    """What the base expects at every place of the documents. Blocks."""
    import torch

    model, pad_id = weights.model, weights.renderer.pad_id
    apart = keeps_apart(model, pad_id)
    model.train(False)
    choices, log_probabilities, starts = [], [], []
    start = 0
    with torch.no_grad():
        for chunk in chunked(documents, tokens=ROW_TOKENS):
            rows = packed([documents[i] for i in chunk], apart=apart, pad_id=pad_id, device=weights.device)
            spread = torch.log_softmax(logits_at(model, rows, rows.targets >= 0), dim=-1)
            best = spread.topk(min(TEACHER_CHOICES, spread.shape[-1]), dim=-1)
            choices.append(best.indices.int().cpu())
            log_probabilities.append(best.values.cpu())
    for document in documents:
        starts.append(start)
        start += len(document.ids) - 1
    return Taught(torch.cat(choices), torch.cat(log_probabilities), tuple(starts))


def forgetting(logits: "torch.Tensor", choices: "torch.Tensor", log_probabilities: "torch.Tensor") -> "torch.Tensor":
    """How far a model's next-token distribution has moved from the base's: KL divergence in nats, mean over places.

    All but the base's likeliest tokens count as one.

    Args:
        logits: the model's, shape (places, vocabulary).
        choices: the base's likeliest tokens, shape (places, choices).
        log_probabilities: the base's, same shape.
    """
    import torch

    own = torch.log_softmax(logits, dim=-1).gather(-1, choices)
    known = (log_probabilities.exp() * (log_probabilities - own)).sum(-1)
    rest, own_rest = _rest(log_probabilities), _rest(own)
    return (known + rest.exp() * (rest - own_rest)).mean()


def _rest(log_probabilities: "torch.Tensor") -> "torch.Tensor":
    """The logarithm of what is left to all other tokens."""
    return (1 - log_probabilities.exp().sum(-1)).clamp(min=1e-6).log()
