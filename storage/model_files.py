"""Which files may be in a model's folder, and whether a safetensors file is whole.

Knows no torch: a safetensors file is eight bytes of length, that much JSON, and the tensors end to end.
"""

import json
import math
import re
import stat
from pathlib import Path
from typing import Any

from storage.errors import ModelDamaged, UnsafeModel, WrongUsage

MANIFEST = "manifest.json"
ALLOWED_SUFFIXES = frozenset({".safetensors", ".json", ".txt", ".jinja", ".model"})
"""`.model` is SentencePiece's vocabulary: data, like the rest."""

_PICKLED_SUFFIXES = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".h5", ".msgpack"})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_LONGEST_HEADER = 100_000_000
_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64, "C64": 64,
}  # fmt: skip


def files_of(folder: Path) -> list[Path]:
    """The files of a folder that wants to be a version, by name; the manifest is not one of them.

    Raises:
        UnsafeModel: a link, a folder, or a file of an unknown kind.
    """
    files = sorted(folder.iterdir(), key=lambda path: path.name)
    for path in files:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise UnsafeModel(f"{path} is not a plain file.", advice="Links and folders are not let into a model.")
        check_name(path.name)
    return [path for path in files if path.name != MANIFEST]


def check_name(name: str) -> None:
    """Nothing, for the name of a file that may be in a model.

    Raises:
        UnsafeModel: it is of another kind, or would lead out of the folder.
    """
    if Path(name).suffix not in ALLOWED_SUFFIXES or not _NAME.fullmatch(name):
        raise UnsafeModel(
            f"{name!r} is of a kind that may not be in a model.",
            advice=f"Only these are: {', '.join(sorted(ALLOWED_SUFFIXES))}.",
        )


def files_to_import(folder: Path) -> list[Path]:
    """The files of a base model's folder that make the model; the rest (a README, other formats) is left out.

    Links are followed: the hub's cache is made of them.

    Raises:
        WrongUsage: the folder is not a model.
        UnsafeModel: it has pickled weights and no safetensors.
        ModelDamaged: its index names a file that is not there.
    """
    if not folder.is_dir():
        raise WrongUsage(f"{folder} is not a folder.", advice="Give a folder with config.json and safetensors weights.")
    files = {path.name: path for path in sorted(folder.iterdir()) if path.is_file()}
    weights = _weights(folder, files)
    if not weights:
        if any(Path(name).suffix in _PICKLED_SUFFIXES for name in files):
            raise UnsafeModel(
                f"{folder} has only pickled weights, which could run code.",
                advice="Save it with safetensors: model.save_pretrained(folder).",
            )
        raise WrongUsage(f"{folder} has no weights.", advice="Give a folder with config.json and safetensors weights.")
    _check_config(folder, files)
    beside = [
        name
        for name, path in files.items()
        if path.suffix in ALLOWED_SUFFIXES - {".safetensors"} and name != MANIFEST and _NAME.fullmatch(name)
    ]
    return [files[name] for name in sorted({*weights, *beside})]


def _weights(folder: Path, files: dict[str, Path]) -> list[str]:
    """The names of the files with the weights: those the index names, or the usual one, or all there are."""
    index = files.get("model.safetensors.index.json")
    if index is not None:
        named = set(_json(index).get("weight_map", {}).values())
        missing = sorted(str(name) for name in named if name not in files)
        if missing:
            raise ModelDamaged(f"{folder} lacks {missing[0]}, which its index names.", advice="Download it again.")
        return sorted(named)
    if "model.safetensors" in files:
        return ["model.safetensors"]
    return [name for name in files if name.endswith(".safetensors")]


def _check_config(folder: Path, files: dict[str, Path]) -> None:
    if "config.json" in files:
        _json(files["config.json"])
    elif "adapter_config.json" in files:
        raise WrongUsage(f"{folder} is an adapter, not a whole model.", advice="Merge it into its base first.")
    else:
        raise WrongUsage(f"{folder} has no config.json.", advice="Give a folder that save_pretrained wrote.")


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise WrongUsage(f"{path} is not JSON.", advice="Download the model again.") from error
    if not isinstance(value, dict):
        raise WrongUsage(f"{path} is not a JSON object.", advice="Download the model again.")
    return value


def check_safetensors(path: Path) -> None:
    """Check that a safetensors file's header fits the file: nothing missing, nothing overlapping, nothing behind.

    Raises:
        UnsafeModel: it is a pickle or an archive that only bears the name.
        ModelDamaged: it is cut short or garbled.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or length > min(size - 8, _LONGEST_HEADER):
            if start.startswith((b"\x80", b"PK", b"\x1f\x8b")):
                raise UnsafeModel(f"{path} is not safetensors but a pickle or an archive.", advice="Do not load it.")
            raise _damaged(path)
        header = file.read(length)
    try:
        tensors = json.loads(header)
        spans = sorted(_span(path, tensor) for name, tensor in tensors.items() if name != "__metadata__")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(path) from error
    end = 0
    for begins, ends in spans:
        if begins != end or ends < begins:
            raise _damaged(path)
        end = ends
    if end != size - 8 - length:
        raise _damaged(path)


def _span(path: Path, tensor: dict[str, Any]) -> tuple[int, int]:
    begins, ends = (int(offset) for offset in tensor["data_offsets"])
    shape = [int(side) for side in tensor["shape"]]
    bits = _BITS.get(tensor["dtype"])
    if any(side < 0 for side in shape) or (bits is not None and math.prod(shape) * bits != 8 * (ends - begins)):
        raise _damaged(path)
    return begins, ends


def _damaged(path: Path) -> ModelDamaged:
    return ModelDamaged(
        f"{path} is not a whole safetensors file.", advice="Download it again, or restore it from a backup."
    )
