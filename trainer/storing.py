"""In which precision a version's whole weights are stored: that of its base, so that it is no larger.

What is judged is read from the stored files, so the rounding is judged with the rest. It looks at files only.
"""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_PRECISIONS = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}
"""How safetensors name what a model may be stored in, and how torch does. Packed or eight-bit weights are not written."""


def precision_to_store(folder: Path, loaded: "torch.dtype") -> "torch.dtype":
    """That of most numbers in a folder's weights; of what it was loaded in, if that is shorter. Reads headers only.

    Args:
        folder: of a whole model.
        loaded: in which it was computed with. Digits that no answer was made with are not worth their room.
    """
    import torch

    found = _stored(folder)
    if found is None:
        return loaded
    stored: torch.dtype = getattr(torch, found)
    return min(stored, loaded, key=lambda one: one.itemsize)


def _stored(folder: Path) -> str | None:
    from safetensors import safe_open

    numbers: Counter[str] = Counter()
    for path in folder.glob("*.safetensors"):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 - it is no mapping
                tensor = file.get_slice(name)
                size = 1
                for length in tensor.get_shape():
                    size *= length
                numbers[tensor.get_dtype()] += size
    known = {_PRECISIONS[kind]: count for kind, count in numbers.items() if kind in _PRECISIONS}
    return max(known, key=lambda kind: known[kind], default=None)
