"""Grows a small BERT: a tokenizer, word vectors that know which words are alike and which hurt, and then the network.

The word vectors cost seconds and save the network the epochs in which it would notice no words at all: one half is
learnt from the labels by merely averaging words, the other from which words stand near each other in all talk.
"""

import itertools
import logging
import math
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast  # type: ignore[attr-defined]

from tools.screen.examples import LABELS, Example

logger = logging.getLogger(__name__)
LONGEST = 40
"""Tokens of an example that are learnt; no window that is read later is longer."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what grows, beside the data; it is recorded in the card."""

    seed: int = 1
    epochs: float = 1.5
    """How often each example is learnt."""
    hidden: int = 192
    layers: int = 3
    vocabulary: int = 8000
    learning_rate: float = 1.5e-3
    batch_tokens: int = 2048


def grow_tokenizer(texts: Iterable[str], size: int, longest: int = 128) -> BertTokenizerFast:
    """A lower-casing WordPiece tokenizer, as BERT's."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=64))  # noqa: S106
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(
        texts, trainers.WordPieceTrainer(vocab_size=size, min_frequency=2, special_tokens=specials, limit_alphabet=300)
    )
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return BertTokenizerFast(tokenizer_object=tokenizer, model_max_length=longest, do_lower_case=True)


def encode(tokenizer: BertTokenizerFast, texts: list[str]) -> list[list[int]]:
    """Token numbers of each text, cut at `LONGEST`."""
    encoded: list[list[int]] = tokenizer(texts, truncation=True, max_length=LONGEST)["input_ids"]
    return encoded


@torch.enable_grad()
def hurtful_words(
    encoded: list[list[int]], labels: torch.Tensor, vocabulary: int, width: int, seed: int
) -> torch.Tensor:
    """Word vectors that already tell the labels apart when they are only averaged: vocabulary x width."""
    torch.manual_seed(seed)
    bag = torch.nn.EmbeddingBag(vocabulary, width, mode="mean", sparse=True)
    torch.nn.init.normal_(bag.weight, std=0.05)
    top = torch.nn.Linear(width, labels.shape[1])
    optimizers = (torch.optim.SparseAdam(list(bag.parameters()), lr=1e-2), torch.optim.Adam(top.parameters(), lr=1e-2))
    dice = random.Random(seed)  # noqa: S311 - an order, not a secret
    order = list(range(len(encoded)))
    dice.shuffle(order)
    for start in range(0, len(order), 512):
        batch = order[start : start + 512]
        inner = [encoded[index][1:-1] or [1] for index in batch]
        offsets = torch.tensor([0, *itertools.accumulate(map(len, inner))][:-1])
        logits = top(bag(torch.tensor([token for tokens in inner for token in tokens]), offsets))
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels[batch])
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        for optimizer in optimizers:
            optimizer.step()  # type: ignore[no-untyped-call]
    return _scaled(bag.weight.detach())


@torch.no_grad()
def neighbouring_words(
    encoded: list[list[int]], vocabulary: int, width: int, seed: int, reach: int = 4
) -> torch.Tensor:
    """Word vectors by company: words that stand near the same words are alike. Vocabulary x width.

    Positive pointwise mutual information of words up to `reach` apart, and its largest directions.
    """
    torch.manual_seed(seed)
    stream = torch.tensor([token for tokens in encoded for token in tokens])
    counts = torch.zeros(vocabulary * vocabulary)
    for apart in range(1, reach + 1):
        # Pairs across two texts meet at the marks between texts, which are left out below.
        for part in range(0, len(stream) - apart, 4_000_000):
            left = stream[part : part + 4_000_000][: len(stream) - apart - part]
            right = stream[part + apart : part + apart + len(left)]
            counts.index_add_(0, left * vocabulary + right, torch.full((len(left),), 1 / apart))
    near = counts.view(vocabulary, vocabulary)
    near = near + near.T
    near[:5], near[:, :5] = 0, 0
    each = near.sum(0).clamp(min=1e-6)
    # In place, since it is a large matrix. The power makes rare company count less.
    near.div_(each[:, None]).div_(each[None] ** 0.75).mul_(each.sum() ** 0.75)
    information = near.clamp_(min=1e-9).log_().clamp_(min=0)
    left_vectors, strengths, _ = torch.svd_lowrank(information, q=width, niter=1)
    return _scaled(left_vectors * strengths.sqrt())


def _scaled(vectors: torch.Tensor) -> torch.Tensor:
    return vectors * (0.05 / vectors.std())


def batches(encoded: list[list[int]], order: list[int], tokens: int) -> Iterator[list[int]]:
    """Indices in batches of about as many tokens, of like length, in random order."""
    pool = 4096
    for start in range(0, len(order), pool):
        part = sorted(order[start : start + pool], key=lambda index: len(encoded[index]))
        groups: list[list[int]] = [[]]
        for index in part:
            if groups[-1] and len(encoded[index]) * (len(groups[-1]) + 1) > tokens:
                groups.append([])
            groups[-1].append(index)
        random.Random(start).shuffle(groups)  # noqa: S311 - an order, not a secret
        yield from groups


def padded(encoded: list[list[int]], batch: list[int]) -> torch.Tensor:
    """Texts by the longest of them, zeros behind the shorter ones."""
    width = max(len(encoded[index]) for index in batch)
    return torch.tensor([encoded[index] + [0] * (width - len(encoded[index])) for index in batch])


def grow(
    learnt: list[Example], tokenizer: BertTokenizerFast, all_talk: list[str], recipe: Recipe
) -> BertForSequenceClassification:
    """The model after all epochs; the learning rate falls with the examples that are left."""
    torch.manual_seed(recipe.seed)
    vocabulary, hidden = len(tokenizer), recipe.hidden
    config = BertConfig(  # type: ignore[call-arg]
        vocab_size=vocabulary, hidden_size=hidden, num_hidden_layers=recipe.layers, num_attention_heads=hidden // 32,
        intermediate_size=hidden * 3, max_position_embeddings=tokenizer.model_max_length, num_labels=len(LABELS),
        problem_type="multi_label_classification", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, pad_token_id=0,
    )  # fmt: skip
    model = BertForSequenceClassification(config)
    encoded = encode(tokenizer, [example.text for example in learnt])
    labels = torch.tensor([example.labels for example in learnt])
    logger.info("texts encoded")
    third = hidden // 3
    vectors = torch.cat(
        [
            hurtful_words(encoded, labels, vocabulary, third, recipe.seed),
            neighbouring_words([*encoded, *encode(tokenizer, all_talk)], vocabulary, hidden - third, recipe.seed),
        ],
        dim=1,
    )
    model.bert.embeddings.word_embeddings.weight.data.copy_(vectors)
    logger.info("words learnt")
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, weight_decay=0.02, betas=(0.9, 0.98), fused=True
    )
    loss_of = torch.nn.BCEWithLogitsLoss()
    step, seen, smooth = 0, 0, math.nan
    dice = random.Random(recipe.seed)  # noqa: S311
    model.train()
    while True:
        order = list(range(len(learnt)))
        dice.shuffle(order)
        for batch in batches(encoded, order, recipe.batch_tokens):
            spent = seen / (recipe.epochs * len(learnt))
            seen += len(batch)
            if spent >= 1:
                return model
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate * min(1.0, (step + 1) / 200) * min(1.0, (1 - spent) / 0.7 + 0.01)
            ids = padded(encoded, batch)
            loss = loss_of(model(input_ids=ids, attention_mask=(ids != 0).long()).logits, labels[batch])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            step += 1
            smooth = loss.item() if math.isnan(smooth) else 0.98 * smooth + 0.02 * loss.item()
            if step % 500 == 0:
                logger.info("step %d, %.0f %%, loss %.4f", step, 100 * spent, smooth)


@torch.no_grad()
def logits_of(model: BertForSequenceClassification, tokenizer: BertTokenizerFast, texts: list[str]) -> torch.Tensor:
    """Texts by labels, in the order of the texts."""
    model.eval()  # type: ignore[no-untyped-call]
    encoded = encode(tokenizer, texts)
    rows = torch.zeros(len(texts), len(LABELS))
    for batch in batches(encoded, list(range(len(texts))), 8192):
        ids = padded(encoded, batch)
        rows[batch] = model(input_ids=ids, attention_mask=(ids != 0).long()).logits
    return rows
