"""Whether a base can be trained in four bits (QLoRA): where bitsandbytes is installed and there is a CUDA device.

The base's weights then take a quarter of the memory that they take in bfloat16, and only an adapter over them is
learnt (Dettmers et al. 2023). The version that comes of it is an adapter like any other: it answers over the whole base.
"""

from importlib.util import find_spec

from storage.errors import MynahError, WrongUsage

QLORA = "qlora"
_INSTEAD = "Take MYNAH_TRAINER__METHOD=lora, or auto."


def require_quantising(device: str) -> None:
    """Refuse where it cannot be had.

    Args:
        device: `auto`, `cpu`, `cuda` or `mps`.

    Raises:
        WrongUsage: says what is missing.
    """
    from bot.engine.weights import find_device

    if find_spec("bitsandbytes") is None:
        raise WrongUsage(
            "MYNAH_TRAINER__METHOD=qlora needs bitsandbytes, which is not installed.",
            advice=f"pip install 'mynah[qlora]'. {_INSTEAD}",
        )
    try:
        place = find_device(device)
    except MynahError as error:
        raise WrongUsage(f"MYNAH_TRAINER__METHOD=qlora needs a CUDA device. {error.what}", advice=_INSTEAD) from error
    if place.type != "cuda":
        raise WrongUsage(
            f"MYNAH_TRAINER__METHOD=qlora needs a CUDA device, and this trainer uses {place.type}.", advice=_INSTEAD
        )
