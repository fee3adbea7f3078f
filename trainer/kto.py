"""Learning from whether answers were liked: the loss of KTO, and a lesson made of voted exchanges. Blocks.

Kahneman-Tversky optimisation (Ethayarajh et al. 2024, "KTO: Model Alignment as Prospect Theoretic Optimization") asks for
no pairs: an answer y to x is liked or disliked, and

    r = log p(y|x) - log p_before(y|x)
    z = max(0, the mean of log p(y'|x) - log p_before(y'|x) over answers y' to other questions), without gradient
    loss = 1 - sigmoid(beta (r - z)) where y was liked, 1 - sigmoid(beta (z - r)) where it was not

with `p_before` the model as it was fine-tuned. Each step reads as many liked as disliked answers, so neither kind needs a
weight, and old talk beside them, to which the model is held as in the fine-tuning. It knows nothing of who voted.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bot.engine.weights import LoadedWeights
from trainer.evaluation import ROW_TOKENS, document_of
from trainer.packing import Document, chunked, keeps_apart, logits_at, packed
from trainer.recipe import Dealer, Recipe
from trainer.replay import Taught, forgetting
from trainer.training import KEEPING, training_precision
from trainer.votes import VotedExchange

if TYPE_CHECKING:
    import torch

A_STEP = 4
"""Liked answers of a step, and as many disliked ones: the mean over fewer says little of how far the model has moved."""
PASSES = 3
"""How often each exchange is read, about."""
SHARE_OF_LEARNING_RATE = 0.1
"""Of the fine-tuning's: this is to move what is there, not to teach what is not."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A question and its answer, as the model reads them; only the answer's tokens are marked."""

    document: Document
    is_liked: bool

    @property
    def asked(self) -> tuple[int, ...]:
        """The tokens before the answer."""
        return self.document.ids[: self.document.learnt.index(True)]

    @property
    def said(self) -> tuple[int, ...]:
        """The answer's."""
        return self.document.ids[self.document.learnt.index(True) :]


@dataclass(frozen=True, slots=True)
class VoteStep:
    """The answers of one step, by index, and the old talk beside them."""

    answers: tuple[int, ...]
    replay: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class VoteLesson:
    """What is learnt from votes."""

    answers: Sequence[Answer]
    replay: Sequence[Document]
    teacher: Taught | None
    steps: Sequence[VoteStep]
    beta: float


def read_answers(weights: LoadedWeights, exchanges: Sequence[VotedExchange]) -> list[Answer]:
    """The voted exchanges as the model reads them; those that do not fit are left out."""
    answers = []
    for one in exchanges:
        document = document_of(weights, one.messages)
        if document is not None:
            answers.append(Answer(_last_answer_only(document), one.is_liked))
    return answers


def _last_answer_only(document: Document) -> Document:
    """The same, with the last run of learnt tokens marked: earlier answers of the conversation were not voted on."""
    start = len(document.learnt)
    while start and document.learnt[start - 1]:
        start -= 1
    return Document(document.ids, tuple(index >= start for index in range(len(document.ids))))


def vote_recipe(recipe: Recipe, answers: Sequence[Answer], *, most_steps: int | None) -> Recipe:
    """How votes are learnt after a fine-tuning: the same way, but slower and shorter."""
    liked = sum(one.is_liked for one in answers)
    steps = max(1, round(PASSES * max(liked, len(answers) - liked) / A_STEP))
    return replace(
        recipe,
        learning_rate=recipe.learning_rate * SHARE_OF_LEARNING_RATE,
        steps=min(steps, most_steps or steps),
    )


def vote_plan(recipe: Recipe, answers: Sequence[Answer], replay: Sequence[Document]) -> list[VoteStep]:
    """Which answers each step reads: as many liked as disliked ones, each once before any of its kind comes again."""
    by_kind = [[index for index, one in enumerate(answers) if one.is_liked is kind] for kind in (True, False)]
    kinds = [
        Dealer([1] * len(indices), random.Random(f"votes:{number}:{recipe.seed}"))  # noqa: S311 - a repeatable order, not a secret
        for number, indices in enumerate(by_kind)
    ]
    old = Dealer([len(one.ids) for one in replay], random.Random(f"votes-replay:{recipe.seed}"))  # noqa: S311
    each = min(A_STEP, *map(len, by_kind))
    return [
        VoteStep(
            tuple(by_kind[kind][one] for kind, dealer in enumerate(kinds) for one in dealer.next(each)),
            old.next(recipe.replay_tokens),
        )
        for _ in range(recipe.steps)
    ]


def kto_loss(
    moved: "torch.Tensor", moved_elsewhere: "torch.Tensor", is_liked: "torch.Tensor", *, beta: float
) -> "torch.Tensor":
    """The mean loss of some answers.

    Args:
        moved: log p(y|x) - log p_before(y|x) of each, in nats, shape (answers,).
        moved_elsewhere: the same of answers to other questions, shape (pairs,); no gradient goes through it.
        is_liked: shape (answers,).
        beta: a number above 0.
    """
    import torch

    reference = moved_elsewhere.detach().mean().clamp(min=0)
    towards = torch.where(is_liked, moved - reference, reference - moved)
    return (1 - torch.sigmoid(beta * towards)).mean()


class VoteLosses:
    """The loss of a step. Made before anything is trained: it asks the model as it is what it thinks of each answer."""

    def __init__(self, model: Any, lesson: VoteLesson, recipe: Recipe, weights: LoadedWeights) -> None:
        self.steps = lesson.steps
        self._lesson = lesson
        self._share = recipe.replay_share
        self._pad_id = weights.renderer.pad_id
        self._device = weights.device
        self._longest = weights.context_tokens
        self._precision = training_precision(weights)
        self._apart = keeps_apart(model, self._pad_id)
        self._before = self.likelihoods(model, [one.document for one in lesson.answers])
        swapped = {pair: None for step in lesson.steps for pair in _pairs(step)}
        documents = [_swapped(lesson.answers, *pair, self._longest) for pair in swapped]
        self._before_elsewhere = dict(zip(swapped, self.likelihoods(model, documents).tolist(), strict=True))

    def of(self, model: Any, step: VoteStep) -> "torch.Tensor":
        """Both parts, weighed as in the fine-tuning."""
        import torch

        lesson = self._lesson
        chosen = list(step.answers)
        pairs = _pairs(step)
        elsewhere = self.likelihoods(model, [_swapped(lesson.answers, *pair, self._longest) for pair in pairs])
        before_elsewhere = torch.tensor([self._before_elsewhere[pair] for pair in pairs], device=self._device)
        documents = [lesson.answers[index].document for index in chosen]
        replay = [lesson.replay[index] for index in step.replay]
        rows = packed([*documents, *replay], apart=self._apart, pad_id=self._pad_id, device=self._device)
        is_replay = rows.documents >= len(documents)
        answered, kept = rows.is_learnt & ~is_replay, (rows.targets >= 0) & is_replay
        logits = logits_at(model, rows, answered | kept)
        is_kept = kept[answered | kept]
        now = _summed(logits[~is_kept], rows.targets[answered], rows.documents[answered], len(documents))
        is_liked = torch.tensor([lesson.answers[index].is_liked for index in chosen], device=self._device)
        loss = kto_loss(
            now - self._before[chosen].to(self._device), elsewhere - before_elsewhere, is_liked, beta=lesson.beta
        )
        if not step.replay or lesson.teacher is None:
            return loss
        choices, log_probabilities = lesson.teacher.places(step.replay, lesson.replay)
        moved = forgetting(logits[is_kept], choices.to(self._device), log_probabilities.to(self._device))
        return (1 - self._share) * loss + self._share * KEEPING * moved

    def margin(self, model: Any) -> float:
        """How much likelier liked answers have become against disliked ones, in nats an answer."""
        now = self.likelihoods(model, [one.document for one in self._lesson.answers])
        moved: list[float] = (now - self._before).tolist()
        kinds = [
            [m for m, one in zip(moved, self._lesson.answers, strict=True) if one.is_liked is kind]
            for kind in (True, False)
        ]
        return sum(kinds[0]) / max(1, len(kinds[0])) - sum(kinds[1]) / max(1, len(kinds[1]))

    def likelihoods(self, model: Any, documents: Sequence[Document]) -> "torch.Tensor":
        """The log-probability of each document's marked tokens, in nats, shape (documents,); without gradient."""
        import torch

        was_training = model.training
        model.train(False)
        found = []
        with torch.no_grad(), self._precision:
            for chunk in chunked(documents, tokens=ROW_TOKENS):
                some = [documents[index] for index in chunk]
                rows = packed(some, apart=self._apart, pad_id=self._pad_id, device=self._device)
                logits = logits_at(model, rows, rows.is_learnt)
                found.append(_summed(logits, rows.targets[rows.is_learnt], rows.documents[rows.is_learnt], len(some)))
        model.train(was_training)
        return torch.cat(found)


def _summed(logits: "torch.Tensor", targets: "torch.Tensor", owners: "torch.Tensor", documents: int) -> "torch.Tensor":
    """The log-probabilities of some tokens, summed for each of the documents that they are of."""
    import torch

    each = -torch.nn.functional.cross_entropy(logits, targets, reduction="none")
    return torch.zeros(documents, device=logits.device).index_add(0, owners, each)


def _pairs(step: VoteStep) -> list[tuple[int, int]]:
    """Each question of a step with the answer to the one before it."""
    return list(zip(step.answers, (step.answers[-1], *step.answers[:-1]), strict=True))


def _swapped(answers: Sequence[Answer], asked: int, said: int, longest: int) -> Document:
    """A question with another's answer; of one that is too long, the end."""
    answer = answers[said].said
    question = answers[asked].asked[-max(1, longest - len(answer)) :]
    return Document((*question, *answer), (*(False,) * len(question), *(True,) * len(answer)))
