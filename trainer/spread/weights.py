"""What a group trained of a model, from its processes to the one that asked."""

from pathlib import Path
from typing import Any


def save_trained(model: Any, path: Path) -> None:
    """Write the trained parameters, each once, as safetensors."""
    from safetensors.torch import save_file

    trained = {name: one for name, one in model.named_parameters() if one.requires_grad}
    save_file({name: one.detach().cpu().contiguous() for name, one in trained.items()}, path)


def take_trained(model: Any, path: Path) -> None:
    """Put what was trained into a model of the same shape, in its precision and on its device."""
    import torch
    from safetensors.torch import load_file

    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name, trained in load_file(path).items():
            parameters[name].copy_(trained)
