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
from typing import TYPE_CHECKING, Any

from bot.engine.weights import LoadedWeights
from storage.values import Message, Role
from trainer.evaluation import ROW_TOKENS, can_read
from trainer.packing import Document, chunked, keeps_apart, logits_at, packed

if TYPE_CHECKING:
    import torch

PIECE = 64
"""Talks made at a time."""
LONG_TALKS = 8
"""Of each piece; the others are little more than an answer. Many prompts protect more than much of each."""
SHORT_TOKENS, LONG_TOKENS = 32, 160
"""Of each talk, after its prompt. Long ones reach the middle of a conversation."""
TEACHER_CHOICES = 64
"""Next tokens whose probability is kept, beside the sum of all others."""
OPENING_TOKENS, OPENING_WEIGHT = 3, 3.0
"""The first tokens of what the base answers, and how much a place there weighs: with them a reply is chosen, so where they
are kept a taught reply does not come out as small talk. They are few among all the places of a talk."""
_FORMAT = 4


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
        """At least so many tokens of talk, or all there is; marked are the first tokens of what the base answers.

        Blocks, for as long as what is missing takes to make.

        Args:
            weights: the base, as it is.
            tokens: how much the run will read.
            on_piece: told after each piece how much of it there is, 0 to 1; may raise to stop.
        """
        documents: list[Document] = []
        size = 0
        for number in range(-(-len(self._prompts) // PIECE)):
            for asked, ids in self._piece(weights, number):
                opening = range(asked, asked + OPENING_TOKENS)
                documents.append(Document(tuple(ids), tuple(place in opening for place in range(len(ids)))))
                size += len(ids)
            on_piece(min(1.0, size / max(1, tokens)))
            if size >= tokens:
                break
        return documents

    def _piece(self, weights: LoadedWeights, number: int) -> list[tuple[int, list[int]]]:
        """Each talk's tokens, and how many of them are the prompt's."""
        path = self._folder / f"{number:04d}.json"
        try:
            return [(int(asked), [int(token) for token in talk]) for asked, talk in json.loads(path.read_text("utf-8"))]
        except (OSError, ValueError, TypeError):
            prompts = self._prompts[number * PIECE : (number + 1) * PIECE]
            seed = self._seed * 1_000_003 + 2 * number
            made = _talks(weights, prompts[LONG_TALKS:], SHORT_TOKENS, seed=seed)
            made += _talks(weights, prompts[:LONG_TALKS], LONG_TOKENS, seed=seed + 1)
        self._folder.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".writing")
        beside.write_text(json.dumps(made), "utf-8")
        os.replace(beside, path)
        return made


def _talks(weights: LoadedWeights, prompts: Sequence[str], tokens: int, *, seed: int) -> list[tuple[int, list[int]]]:
    """How the base goes on from each prompt, past its own answer: it then plays both sides. Told with each prompt's length.

    One draw of many tokens costs far less than an answer at a time, and what comes after an answer's end is as good for this as
    the answer: wherever the model stands, it shall expect what the base expects.
    """
    import torch
    from transformers import GenerationConfig

    asked = [[Message(Role.USER, prompt)] for prompt in prompts]
    room = max(1, weights.context_tokens - tokens)
    rows = [weights.renderer.prompt(one, max_tokens=room) for one in asked if can_read(weights, one, max_tokens=room)]
    if not rows:
        return []
    width, pad = max(map(len, rows)), weights.renderer.pad_id
    ids = torch.tensor([[pad] * (width - len(row)) + row for row in rows], device=weights.device)
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows], device=weights.device)
    longest = min(tokens, weights.context_tokens - width)
    options: dict[str, Any] = {"max_new_tokens": longest, "do_sample": True, "top_k": 0, "pad_token_id": pad}
    model: Any = weights.model
    kept, model.generation_config = model.generation_config, GenerationConfig()  # type: ignore[no-untyped-call]
    devices = [weights.device] if weights.device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices=devices), torch.inference_mode():
            torch.manual_seed(seed)
            config = GenerationConfig(**options)  # type: ignore[no-untyped-call]
            drawn = model.generate(ids, attention_mask=mask, generation_config=config)
    finally:
        model.generation_config = kept
    return [(len(row), row + talk) for row, talk in zip(rows, drawn[:, width:].tolist(), strict=True)]


def hash_of(documents: Sequence[Document]) -> str:
    """SHA-256 of some old talk, hexadecimal: by it a run's record names what was recalled."""
    return hashlib.sha256(json.dumps([document.ids for document in documents]).encode()).hexdigest()


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


def forgetting(
    logits: "torch.Tensor",
    choices: "torch.Tensor",
    log_probabilities: "torch.Tensor",
    weights: "torch.Tensor | None" = None,
) -> "torch.Tensor":
    """How far a model's next-token distribution has moved from the base's: KL divergence in nats, mean over places.

    All but the base's likeliest tokens count as one.

    Args:
        logits: the model's, shape (places, vocabulary).
        choices: the base's likeliest tokens, shape (places, choices).
        log_probabilities: the base's, same shape.
        weights: of the mean, shape (places,); None: all places alike.
    """
    import torch

    own = torch.log_softmax(logits, dim=-1).gather(-1, choices)
    known = (log_probabilities.exp() * (log_probabilities - own)).sum(-1)
    rest, own_rest = _rest(log_probabilities), _rest(own)
    moved = known + rest.exp() * (rest - own_rest)
    return moved.mean() if weights is None else (moved * weights).sum() / weights.sum()


def weights_of(is_opening: "torch.Tensor") -> "torch.Tensor":
    """How much each place of old talk weighs.

    Args:
        is_opening: whether the token that comes next is of an answer's first, shape (places,).
    """
    return 1 + (OPENING_WEIGHT - 1) * is_opening.float()


def weight_of(document: Document) -> float:
    """How much all places of a document weigh together."""
    return len(document.ids) - 1 + (OPENING_WEIGHT - 1) * document.learnt_tokens


def _rest(log_probabilities: "torch.Tensor") -> "torch.Tensor":
    """The logarithm of what is left to all other tokens."""
    return (1 - log_probabilities.exp().sum(-1)).clamp(min=1e-6).log()
