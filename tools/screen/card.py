"""Writes a grown model as it ships: safetensors, tokenizer, configuration, and a card that names every file's SHA-256."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from safetensors.torch import save_file
from transformers import BertForSequenceClassification, BertTokenizerFast  # type: ignore[attr-defined]

from tools.screen.examples import LABELS
from tools.screen.growing import Recipe

HOLD, REFUSE = 0.4, 0.6
WINDOW_TOKENS = 32
_DECIDING = ("toxicity", "threat", "insult", "identity_attack")
FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt")


def save(model: BertForSequenceClassification, tokenizer: BertTokenizerFast, recipe: Recipe, folder: Path) -> str:
    """Write the files and the card; the card's SHA-256, which belongs into `bot.screening.checkpoint`."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(
        {name: tensor.half().contiguous() for name, tensor in model.state_dict().items()}, folder / "model.safetensors"
    )
    (folder / "model.safetensors").chmod(0o644)  # safetensors leaves it readable by its maker alone
    model.config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word, _ in vocabulary), encoding="utf-8")
    card = {
        "files": {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES},
        "labels": LABELS,
        # Swearing at nobody is nobody's harm, so `obscene` says what a text is like and decides nothing; neither does
        # the severe label, whose weak marks are too coarse.
        "thresholds": {"hold": dict.fromkeys(_DECIDING, HOLD), "refuse": dict.fromkeys(_DECIDING, REFUSE)},
        "window_tokens": WINDOW_TOKENS,
        "recipe": asdict(recipe),
    }
    content = (json.dumps(card, indent=2) + "\n").encode()
    (folder / "card.json").write_bytes(content)
    return hashlib.sha256(content).hexdigest()
