"""How many threads a forward pass on the CPU takes: one rule for serving and for training."""

from bot.engine.weights import LoadedWeights

_SMALL_PARAMETERS = 30_000_000


def use_threads(threads: int | None, weights: LoadedWeights) -> None:
    """Set the process's number of torch threads to what suits a model.

    A step of a small model is too short to be shared: on a machine with other work, one thread is several times faster
    than two that wait for each other.

    Args:
        threads: what the operator chose. None: one for a small model, torch's own choice for others.
        weights: the model.
    """
    import torch

    if threads is None and weights.parameters < _SMALL_PARAMETERS:
        threads = 1
    if threads is not None:
        torch.set_num_threads(threads)
