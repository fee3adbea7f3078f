"""What training keeps in memory, counted: for one step's way back, for gradients and for an optimiser. Pure.

Rounds of learning and the growing of models both ask it; what is free is `machine`'s to say.
"""

from dataclasses import dataclass

WEIGHT, GRADIENT, HALF = 4, 4, 2
"""Bytes of a number: in training always float32; beside it, and on a GPU that serves, bfloat16."""
ADAM_STATE = 8
"""Bytes that Adam keeps for a number: a mean and a square."""
PROCESS_BYTES = 700_000_000
"""Of Python with torch and transformers, or of CUDA's own on a GPU."""
_LAYER_BYTES = {
    ("llama", False): (40, 16),
    ("llama", True): (34, 8),
    ("gpt2", False): (32, 20),
    ("gpt2", True): (20, 10),
}
"""What a layer keeps of a token until the way back, in bytes a unit of width and of inner width; by architecture and
whether in bfloat16. Counted from the tensors that transformers' models save."""
_SCORE_BYTES = 12
"""Of one token's score: the score, its logarithm and its gradient."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Of a model, as far as its activations depend on it."""

    architecture: str
    """`gpt2`, or anything else: counted as `llama`, whose layers keep more."""
    layers: int
    hidden: int
    feed_forward: int
    vocabulary: int


def activation_bytes(shape: Shape, tokens: int, *, in_half: bool, checkpointing: bool = False) -> int:
    """What a forward pass keeps for the way back.

    Args:
        shape: of the model.
        tokens: read at once.
        in_half: whether matrices are multiplied in bfloat16.
        checkpointing: whether each layer keeps only what went into it, and is gone through once more on the way back.
    """
    a_layer, an_inner = _LAYER_BYTES["gpt2" if shape.architecture == "gpt2" else "llama", in_half]
    whole = a_layer * shape.hidden + an_inner * shape.feed_forward
    kept = shape.layers * WEIGHT * shape.hidden + whole if checkpointing else shape.layers * whole
    return tokens * (kept + _SCORE_BYTES * shape.vocabulary)
