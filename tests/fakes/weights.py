"""Model folders without a model: real safetensors files, written without torch."""

import json
from pathlib import Path


def safetensors_bytes(values: bytes, *, name: str = "weight") -> bytes:
    """A safetensors file with one tensor of bytes."""
    header = json.dumps({name: {"dtype": "U8", "shape": [len(values)], "data_offsets": [0, len(values)]}}).encode()
    return len(header).to_bytes(8, "little") + header + values


def write_model(folder: Path, values: bytes = b"weights") -> Path:
    """Fill a folder as `save_pretrained` would: a config and weights."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text('{"model_type": "llama"}', encoding="utf-8")
    (folder / "model.safetensors").write_bytes(safetensors_bytes(values))
    return folder
