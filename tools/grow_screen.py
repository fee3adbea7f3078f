"""Grows the small toxicity model that ships with Mynah: `python -m tools.grow_screen --data FOLDER`.

FOLDER holds `toxicity/` and `dialogue/` as the open data is laid out; none of its sentences ends up in the repository.
The labels are weak: made from word lists, annotators' counts, templates and grammars, not given by people for each of
the six labels. It writes safetensors, tokenizer, configuration and `card.json`, and prints the card's SHA-256, which
belongs into `bot.screening.checkpoint`. Seeded: the same data, seed and machine give the same words in the same order.
"""

import argparse
import logging
import random
from pathlib import Path

import torch

from tools.screen.card import HOLD, REFUSE, save
from tools.screen.corpus import corpus
from tools.screen.examples import LABELS, Example
from tools.screen.growing import Recipe, grow, grow_tokenizer, logits_of
from tools.screen.judging import area_under_curve, as_in_chat, band, calibration_error, fold_in, platt
from tools.screen.open_data import all_talk, jigsaw_sample
from trainer.machine import keep_freed_memory

logger = logging.getLogger(__name__)
UNKIND_IN_CHAT = 0.1
"""The share of messages for which probabilities are made honest; a calm server has fewer, and its holds are more often kind."""


def report(logits: torch.Tensor, examples: list[Example], before: torch.Tensor) -> None:
    """Log what the model makes of texts that it neither learnt nor was calibrated on.

    Args:
        logits: calibrated, texts by labels.
        examples: the texts' weak labels.
        before: the logits before calibration.
    """
    scores, uncalibrated = torch.sigmoid(logits), torch.sigmoid(before)
    truths = torch.tensor([example.labels for example in examples])
    unkind = torch.tensor([example.is_unkind for example in examples])
    weights = as_in_chat(unkind, UNKIND_IN_CHAT)
    for column, label in enumerate(LABELS):
        logger.info(
            "%s: area under the curve %.3f; calibration error %.3f before, %.3f after",
            label,
            area_under_curve(scores[:, column], truths[:, column]),
            calibration_error(uncalibrated[:, column], truths[:, column], weights),
            calibration_error(scores[:, column], truths[:, column], weights),
        )
    deciding = scores[:, [LABELS.index(label) for label in ("toxic", "threat", "insult", "identity_hate")]].amax(1)
    for name, lowest, highest in (("pass", 0.0, HOLD), ("hold", HOLD, REFUSE), ("refuse", REFUSE, 1.01)):
        found = band(deciding, unkind, weights, lowest, highest)
        logger.info("%s: %.1f %% of the texts, %.0f %% of them unkind", name, 100 * found.share, 100 * found.unkind)


def main() -> None:
    """Grow it, calibrate it, say how good it is on what it never learnt, and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with toxicity/ and dialogue/")
    parser.add_argument("--out", type=Path, default=Path("bot/screening/embedded"))
    parser.add_argument("--seed", type=int, default=Recipe().seed)
    parser.add_argument("--epochs", type=float, default=Recipe().epochs, help="how often each example is learnt")
    parser.add_argument("--hidden", type=int, default=Recipe().hidden)
    parser.add_argument("--layers", type=int, default=Recipe().layers)
    parser.add_argument("--vocabulary", type=int, default=Recipe().vocabulary)
    parser.add_argument("--scale", type=float, default=1.0, help="how much of the data, for a quick trial")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    keep_freed_memory()
    recipe = Recipe(
        seed=arguments.seed,
        epochs=arguments.epochs,
        hidden=arguments.hidden,
        layers=arguments.layers,
        vocabulary=arguments.vocabulary,
    )
    learnt, checking = corpus(arguments.data, random.Random(recipe.seed), arguments.scale)  # noqa: S311
    calibrating, measuring = checking[: len(checking) // 2], checking[len(checking) // 2 :]
    unkind = sum(example.is_unkind for example in learnt)
    logger.info("%d examples to learn, %d of them unkind; %d to check", len(learnt), unkind, len(checking))
    tokenizer = grow_tokenizer((example.text for example in learnt), recipe.vocabulary)
    model = grow(learnt, tokenizer, all_talk(arguments.data), recipe)
    logits = logits_of(model, tokenizer, [example.text for example in calibrating])
    weights = as_in_chat(torch.tensor([example.is_unkind for example in calibrating]), UNKIND_IN_CHAT)
    scale, shift = platt(logits, torch.tensor([example.labels for example in calibrating]), weights)
    measured = logits_of(model, tokenizer, [example.text for example in measuring])
    fold_in(model, scale, shift)
    digest = save(model, tokenizer, recipe, arguments.out)
    report(measured * scale + shift, measuring, measured)
    sample = jigsaw_sample(arguments.data)
    outside = logits_of(model, tokenizer, [example.text for example in sample])
    for column, label in enumerate(LABELS):
        marks = torch.tensor([example.labels[column] for example in sample])
        logger.info(
            "%s: area under the curve %.3f on the Jigsaw sample", label, area_under_curve(outside[:, column], marks)
        )
    logger.info("written to %s; card %s", arguments.out, digest)


if __name__ == "__main__":
    main()
