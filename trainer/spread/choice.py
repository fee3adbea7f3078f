"""Whether a training is spread over processes. What cannot work is refused here, before anything starts."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from storage.errors import WrongUsage


@dataclass(frozen=True, slots=True)
class Spread:
    """Over how many processes, and who starts them."""

    processes: int = 1
    is_within: bool = False
    """Whether torchrun started this process already as one of them, on this machine or on several."""

    @property
    def is_alone(self) -> bool:
        """Whether nothing is spread."""
        return self.processes == 1


ONE = Spread()


def spread_within(environment: Mapping[str, str] = os.environ) -> Spread | None:
    """What torchrun started this process into, by the variables that it set; None where it did not."""
    if "TORCHELASTIC_RUN_ID" not in environment or environment.get("WORLD_SIZE", "1") == "1":
        return None
    return Spread(int(environment["WORLD_SIZE"]), is_within=True)


def check_spread(spread: Spread, device: str, *, gpus: int | None = None) -> None:
    """Nothing, where this machine can do it.

    Args:
        spread: what is chosen; of processes that run already, torchrun was told how many each machine takes.
        device: `auto`, `cpu`, `cuda` or `mps`.
        gpus: of this machine; None: it is asked.

    Raises:
        WrongUsage: it cannot; says what to choose instead.
    """
    if spread.is_alone:
        return
    import torch

    from bot.engine.weights import find_device

    place = find_device(device).type
    if place == "mps":
        raise WrongUsage(
            "Several processes cannot train on Apple's GPU.", advice="Set MYNAH_TRAINER__PROCESSES=1, or use the CPU."
        )
    there = torch.cuda.device_count() if gpus is None else gpus
    wanted = int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if spread.is_within else spread.processes
    if place == "cuda" and wanted > there:
        raise WrongUsage(
            f"{wanted} processes need as many GPUs, and this machine has {there}.",
            advice=f"Train in {max(1, there)} (MYNAH_TRAINER__PROCESSES), or on the CPU.",
        )
