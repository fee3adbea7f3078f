"""The processes that train one model together, as one of them sees the others. Blocks wherever it waits for them.

Promise: what one process wishes, all do at the same step; the first one alone writes and tells.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from trainer.progress import Why

SILENT = timedelta(minutes=10)
"""A process that waits so long for another one takes it for dead, and ends, so that all are started anew."""
PATIENT = timedelta(hours=12)
"""Likewise where the first process prepares the talk while the others wait."""
_SAVE = 1
_WISHES: tuple[Why | None, ...] = (None, None, Why.STOPPING, Why.CANCELLED, Why.LOST)
"""By their number; the higher one wins. 1 is the wish for a checkpoint."""


@dataclass(frozen=True, slots=True)
class Group:
    """A process's place among those that train together; by default it is alone."""

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether it is the one that writes and tells."""
        return self.rank == 0

    def agree(self, why: Why | None, *, saves: bool) -> tuple[Why | None, bool]:
        """Why all stop now, and if none does, whether all save: what anyone wishes.

        Every process has to ask at the same step.
        """
        if self.size == 1:
            return why, saves
        import torch
        from torch import distributed

        device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
        wish = torch.tensor(_WISHES.index(why) if why else _SAVE * saves, device=device)
        distributed.all_reduce(wish, distributed.ReduceOp.MAX)
        agreed = int(wish)
        return _WISHES[agreed], agreed == _SAVE

    def wait(self) -> None:
        """Until all have come here."""
        if self.size > 1:
            from torch import distributed

            distributed.barrier()


ALONE = Group()


def here() -> Group:
    """The group that this process has joined."""
    from torch import distributed

    return Group(distributed.get_rank(), distributed.get_world_size())


@contextmanager
def joined(device: str, patience: timedelta = SILENT) -> Iterator[Group]:
    """The group that torchrun started this process into, by the variables that it set; joined once, left at the end.

    Args:
        device: `cpu`, or `cuda`: each process takes the GPU of its number on this machine.
        patience: how long to wait for the others.
    """
    import torch
    from torch import distributed

    if device == "cuda":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    if distributed.is_initialized():
        yield here()
        return
    distributed.init_process_group("nccl" if device == "cuda" else "gloo", timeout=patience)
    try:
        yield here()
    finally:
        distributed.destroy_process_group()
