"""Opens a detoxify model whose files are the ones we know.

Nothing that can run code is opened before its SHA-256 is compared with the pin below. The embedded model ships as
safetensors and JSON, and only the envelope that detoxify's own class asks for is made here, in memory.
"""

import hashlib
import io
import json
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bot.screening.toxicity import Thresholds
from storage.errors import ModelDamaged, MynahError

logger = logging.getLogger(__name__)

EMBEDDED_CARD_SHA256 = "708a11cdce3d41d8663c7ff6e6305d5525333d46ba2545e51152edfdbe17a162"
"""Of `embedded/card.json`, which in turn names the SHA-256 of the model's other files."""

# The first digits of each file's SHA-256, as its makers put them into its name.
PUBLISHED_SHA256 = {"original": "c1212f89", "unbiased": "c7548aa0", "multilingual": "0b549669"}
HARMFUL_LABELS = ("toxicity", "severe_toxicity", "obscene", "threat", "insult", "identity_attack", "sexual_explicit")


@dataclass(frozen=True, slots=True)
class Card:
    """What the embedded model's `card.json` says that a program must know."""

    files: Mapping[str, str]
    """File name to SHA-256."""
    labels: tuple[str, ...]
    thresholds: Thresholds
    window_tokens: int


def read_card(folder: Path, expected_sha256: str) -> Card:
    """The card, once it and every file that it names have the expected SHA-256.

    Raises:
        ModelDamaged: a file is missing or differs.
    """
    card_bytes = _verified(folder / "card.json", expected_sha256)
    card = json.loads(card_bytes)
    for name, digest in card["files"].items():
        _verified(folder / name, digest)
    return Card(
        files=card["files"],
        labels=tuple(card["labels"]),
        thresholds=Thresholds(hold=card["thresholds"]["hold"], refuse=card["thresholds"]["refuse"]),
        window_tokens=card["window_tokens"],
    )


def _verified(path: Path, expected_sha256: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelDamaged(
            f"The screening model's {path.name} cannot be read.", advice="Install Mynah again."
        ) from error
    if not hashlib.sha256(content).hexdigest().startswith(expected_sha256):
        raise ModelDamaged(
            f"The screening model's {path.name} is not the file that it should be, so it was not opened.",
            advice="Install Mynah again; if it was downloaded, delete it.",
        )
    return content


class _Predicts(Protocol):
    """The part of detoxify's class that is used; its module ships no types."""

    tokenizer: Any

    def predict(self, text: list[str]) -> dict[str, list[float] | float]: ...


class DetoxifyReader:
    """Scores texts with detoxify's own class."""

    def __init__(self, model: _Predicts, *, version: str, window_tokens: int) -> None:
        """Keep the model.

        Args:
            model: a `detoxify.Detoxify`.
            version: names the weights.
            window_tokens: how much is read at once; never more than the model can take.
        """
        self._model = model
        self.version = version
        self._window_tokens = window_tokens
        # Truncation and padding are state of a fast tokenizer: two threads must not set them at once.
        self._tokenizer_lock = threading.Lock()

    def windows(self, text: str) -> list[str]:
        """Pieces of at most `window_tokens` tokens; each overlaps the last by a third, so nothing hides at an edge."""
        if len(text) * 4 <= self._window_tokens:
            return [text]
        with self._tokenizer_lock:
            offsets = self._model.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)[
                "offset_mapping"
            ]
        if len(offsets) <= self._window_tokens:
            return [text]
        step = self._window_tokens * 2 // 3
        starts = range(0, len(offsets) - self._window_tokens + step, step)
        return [
            text[offsets[first][0] : offsets[min(first + self._window_tokens, len(offsets)) - 1][1]] for first in starts
        ]

    def score(self, texts: Sequence[str]) -> list[dict[str, float]]:
        """Label to probability; detoxify's names (`toxicity`, `severe_toxicity`, `identity_attack`)."""
        if not texts:
            return []
        with self._tokenizer_lock:
            columns = self._model.predict(list(texts))
        # A batch of one comes back without the list.
        lists = {label: column if isinstance(column, list) else [column] for label, column in columns.items()}
        return [{label: column[row] for label, column in lists.items()} for row in range(len(texts))]


@contextmanager
def _without_progress_bar() -> Iterator[None]:
    """Transformers draws a bar over the terminal for every model it loads; a chat's first line should not be one."""
    from transformers.utils import logging as transformers_logging

    was_shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if was_shown:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def open_embedded(folder: Path, expected_sha256: str) -> tuple[DetoxifyReader, Thresholds]:
    """The model that ships with Mynah.

    Raises:
        ModelDamaged: a file is missing or differs from its pin.
    """
    card = read_card(folder, expected_sha256)
    # These take seconds to import; a bot that only validates its settings should not wait for them.
    import torch
    from detoxify import Detoxify
    from safetensors.torch import load

    weights = load(_verified(folder / "model.safetensors", card.files["model.safetensors"]))
    envelope = io.BytesIO()
    arguments = {
        # transformers takes a folder only by its absolute path, which differs on each machine.
        "model_type": str(folder.resolve()),
        "model_name": "BertForSequenceClassification",
        "tokenizer_name": "BertTokenizer",
        "num_classes": len(card.labels),
    }
    torch.save(
        {
            "config": {"arch": {"args": arguments}, "dataset": {"args": {"classes": list(card.labels)}}},
            "state_dict": {name: tensor.float() for name, tensor in weights.items()},
        },
        envelope,
    )
    envelope.seek(0)
    with _without_progress_bar():
        model = Detoxify(checkpoint=envelope)
    return DetoxifyReader(model, version=expected_sha256[:12], window_tokens=card.window_tokens), card.thresholds


def open_published(name: str, hold: float = 0.5, refuse: float = 0.8) -> tuple[DetoxifyReader, Thresholds]:
    """One of detoxify's published models, downloaded once by the name and to the place that detoxify uses.

    Raises:
        MynahError: it cannot be downloaded or read.
        ModelDamaged: the file is not the one that was published.
    """
    import torch
    from detoxify import Detoxify
    from detoxify.detoxify import MODEL_URLS

    path = Path(torch.hub.get_dir()) / "checkpoints" / MODEL_URLS[name].rsplit("/", 1)[-1]
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            logger.info("downloading a screening model", extra={"model": name})
            torch.hub.download_url_to_file(
                MODEL_URLS[name], str(path), hash_prefix=PUBLISHED_SHA256[name], progress=False
            )
        digest = hashlib.sha256(_verified(path, PUBLISHED_SHA256[name])).hexdigest()
        with _without_progress_bar():
            model = Detoxify(checkpoint=str(path))
    except ModelDamaged:
        raise
    except Exception as error:
        raise MynahError(
            f"The screening model '{name}' cannot be loaded ({type(error).__name__}).",
            advice="It needs to be downloaded once, with its tokenizer; or set the checkpoint to 'embedded'.",
        ) from error
    longest = min(int(getattr(model.tokenizer, "model_max_length", 512)), 512) - 2
    thresholds = Thresholds(dict.fromkeys(HARMFUL_LABELS, hold), dict.fromkeys(HARMFUL_LABELS, refuse))
    return DetoxifyReader(model, version=digest[:12], window_tokens=min(longest, 128)), thresholds
