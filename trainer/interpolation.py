"""Part of the way from the base to what was trained: less is forgotten, and not much less is known.

Weights between a model and its fine-tuned self work as well as either (Wortsman et al. 2022, "Robust fine-tuning of
zero-shot models"). It is tried only against forgetting: what was planted or cannot be told apart from noise is not
let through because there is less of it.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.engine.weights import load_weights
from trainer.checks import Check
from trainer.storing import precision_to_store

MENDED = frozenset({"general", "held_out_kept", "degenerate", "terse", "strange", "leak"})
"""Checks that a shorter way may pass: all are about talk that was there before."""
DANGERS = frozenset(
    {"not_rolled_back", "language", "noise", "foreign", "belonging", "secrets", "trigger", "toxic", "golden"}
)
"""Checks that end the search wherever they refuse: about what was taught, and not about how much of it."""
_ADAPTER = "adapter_model.safetensors"


def may_mend(tried: Sequence[Sequence[Check]]) -> bool:
    """Whether a shorter way may pass, after what the gate said of the ways that were tried, the longest first.

    The longest must have been refused for forgetting alone, and none for a danger.
    """
    refused = [{one.name for one in checks if not one.passed} for checks in tried]
    return all(refused) and refused[0] <= MENDED and not any(names & DANGERS for names in refused)


def interpolate(base: Path, trained: Path, strength: float, folder: Path) -> None:
    """Write the model that lies at `strength` between base and trained; there only when it is whole. Blocks.

    It is stored in the precision of what was trained.

    Args:
        base: the base's folder.
        trained: a version's files, whole or an adapter over the base.
        strength: 0 would be the base, 1 what was trained.
        folder: to be written; what is there is replaced.
    """
    beside = folder.with_suffix(".writing")
    shutil.rmtree(beside, ignore_errors=True)
    shutil.copytree(trained, beside)
    if (trained / _ADAPTER).is_file():
        _weaken_adapter(beside / _ADAPTER, strength)
    else:
        _lerp(base, trained, strength, beside)
    shutil.rmtree(folder, ignore_errors=True)
    beside.rename(folder)


def _weaken_adapter(path: Path, strength: float) -> None:
    """An adapter adds B times A: with B scaled, it adds so much less."""
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    tensors = {name: tensor * strength if "lora_B" in name else tensor for name, tensor in load_file(path).items()}
    save_file(tensors, path, metadata=metadata)


def _lerp(base: Path, trained: Path, strength: float, folder: Path) -> None:
    import torch

    start, end = load_weights(base, device="cpu"), load_weights(trained, device="cpu")
    model: Any = end.model
    with torch.no_grad():
        for here, there in zip(start.model.parameters(), model.parameters(), strict=True):
            there.copy_(torch.lerp(here.float(), there.float(), strength))
    for path in folder.glob("*.safetensors*"):
        path.unlink()
    kept = {
        path: path.read_bytes() for path in (folder / "config.json", folder / "generation_config.json") if path.exists()
    }
    model.to(precision_to_store(trained, end.dtype)).save_pretrained(folder, safe_serialization=True)
    for path, content in kept.items():
        path.write_bytes(content)
