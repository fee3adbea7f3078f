"""Documents side by side in one row, each as if it were alone, with nothing wasted on padding.

Each document counts its positions from 0, and no attention mask is given: transformers then sees where documents end
and keeps them apart (only without a cache, so `use_cache=False` always). `keeps_apart` asks a model whether that is
true of it; where it is not, documents go in rows of their own, padded. It does not know what is learnt from a row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


@dataclass(frozen=True, slots=True)
class Document:
    """Token ids, and which of them are the assistant's words."""

    ids: tuple[int, ...]
    learnt: tuple[bool, ...]

    @property
    def learnt_tokens(self) -> int:
        """How many tokens are predicted: the first token of a document has nothing before it."""
        return sum(self.learnt[1:])


@dataclass(frozen=True, slots=True)
class Rows:
    """Some documents as one forward pass. Shapes are (rows, width)."""

    inputs: "dict[str, torch.Tensor]"
    """For the model: `input_ids` and `position_ids`, or `input_ids` and `attention_mask`."""
    targets: "torch.Tensor"
    """The next token at each place; -100 where nothing is predicted."""
    documents: "torch.Tensor"
    """The index of the document at each place; -1 for padding."""
    is_learnt: "torch.Tensor"
    """Whether the next token is one of the assistant's."""


def packed(documents: Sequence[Document], *, apart: bool, pad_id: int, device: Any = None) -> Rows:
    """The documents as one packed row, or (when the model would mix them up) as padded rows."""
    import torch

    width = max(len(document.ids) for document in documents)
    starts = [width * row for row in range(len(documents))]
    size = width * len(documents)
    if apart:
        starts, size = [], 0
        for document in documents:
            starts.append(size)
            size += len(document.ids)
    ids, targets, owners = [pad_id] * size, [-100] * size, [-1] * size
    positions, learnt = [0] * size, [False] * size
    for index, (start, document) in enumerate(zip(starts, documents, strict=True)):
        end = start + len(document.ids)
        ids[start:end] = document.ids
        targets[start : end - 1] = document.ids[1:]
        learnt[start : end - 1] = document.learnt[1:]
        owners[start:end] = [index] * len(document.ids)
        positions[start:end] = range(len(document.ids))

    def rows(values: Sequence[int] | Sequence[bool]) -> "torch.Tensor":
        return torch.tensor(values, device=device).reshape(1 if apart else len(documents), -1)

    owner_rows = rows(owners)
    extra = {"position_ids": rows(positions)} if apart else {"attention_mask": (owner_rows >= 0).long()}
    return Rows({"input_ids": rows(ids), **extra}, rows(targets), owner_rows, rows(learnt))


def chunked(documents: Sequence[Document], *, tokens: int) -> list[list[int]]:
    """Indices of the documents in lists of at most `tokens` tokens (or one document), in the order given."""
    lists: list[list[int]] = []
    size = 0
    for index, document in enumerate(documents):
        if not lists or size + len(document.ids) > tokens:
            lists.append([])
            size = 0
        lists[-1].append(index)
        size += len(document.ids)
    return lists


def logits_at(model: "PreTrainedModel", rows: Rows, wanted: "torch.Tensor") -> "torch.Tensor":
    """The model's logits at the wanted places, shape (places, vocabulary), in float32.

    Args:
        model: in whichever mode it should be.
        rows: of one forward pass.
        wanted: boolean, the shape of `rows.targets`.
    """
    if wanted.shape[0] == 1:  # the head is a fifth of a small model's work: not for tokens that nobody asks about
        places = wanted[0].nonzero()[:, 0]
        output = model(**rows.inputs, use_cache=False, logits_to_keep=places)
        return output.logits[0].float()  # type: ignore[no-any-return]
    return model(**rows.inputs, use_cache=False).logits[wanted].float()  # type: ignore[no-any-return]


def keeps_apart(model: "PreTrainedModel", pad_id: int) -> bool:
    """Whether a model reads packed documents as if each were alone. Asks it, with two made-up documents."""
    import torch

    embeddings: Any = model.get_input_embeddings()
    vocabulary = int(embeddings.weight.shape[0])
    first = Document(tuple(7 * n % vocabulary for n in range(1, 9)), (True,) * 8)
    second = Document(tuple(11 * n % vocabulary for n in range(1, 7)), (True,) * 6)
    was_training = model.training
    model.train(False)
    try:
        with torch.inference_mode():
            both = packed([first, second], apart=True, pad_id=pad_id, device=model.device)
            alone = packed([second], apart=True, pad_id=pad_id, device=model.device)
            beside = logits_at(model, both, both.documents == 1)
            by_itself = logits_at(model, alone, alone.documents == 0)
    except (TypeError, ValueError, RuntimeError, IndexError):  # a model that takes no such arguments
        return False
    finally:
        model.train(was_training)
    tolerance = 1e-3 if model.dtype == torch.float32 else 0.1
    return bool((beside - by_itself).abs().max() <= tolerance * by_itself.abs().max().clamp(min=1.0))
