"""Conversations as rows of one batch: new ones join between two tokens, finished ones leave, all others go on.

This is the arithmetic of continuous batching and nothing else: ids in, scores of the next token out. It does not
know requests, sampling or threads.

Promise: a row's scores do not depend on its neighbours, beyond the rounding of a wider matrix product. `bot.engine.warming`
checks it against a plain forward pass before a model serves.
"""

import inspect
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

from bot.engine.weights import LoadedWeights

_COLUMNS_AT_A_TIME = 128
_PROMPTS_AT_A_TIME = 8
"""Prompts of one forward pass: few, so that an answer under way waits little, and padding stays small."""


class Rows(Protocol):
    """A batch that rows join and leave."""

    def __len__(self) -> int: ...

    def join(self, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        """Add rows at the end; returns the scores of each new row's first token, `(prompts, vocabulary)`."""
        ...

    def step(self, tokens: Sequence[int]) -> torch.Tensor:
        """Give every row its newest token; returns the scores of the next, `(rows, vocabulary)`."""
        ...

    def leave(self, row: int) -> None:
        """Remove a row. The last row takes its place."""
        ...


class _SlotLayer(CacheLayerMixin):  # type: ignore[no-untyped-call]
    """Keys and values of one layer: row by column, every row filled from the left to its own length."""

    is_sliding = False
    keys: Any
    values: Any

    def __init__(self, slots: "_Slots") -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._slots = slots

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Make room for all rows."""
        room = (self._slots.capacity, key_states.shape[1], self._slots.columns)
        self.keys = key_states.new_zeros((*room, key_states.shape[3]))
        self.values = value_states.new_zeros((*room, value_states.shape[3]))
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write what is new; returns all that the rows at work may look at."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        slots = self._slots
        self._grow(slots.columns)
        if slots.joining is not None:
            self.keys[slots.joining, :, : key_states.shape[2]] = key_states
            self.values[slots.joining, :, : value_states.shape[2]] = value_states
            return key_states, value_states
        self.keys[slots.rows, :, slots.places] = key_states[:, :, 0]
        self.values[slots.rows, :, slots.places] = value_states[:, :, 0]
        count, width = len(slots.rows), slots.width
        seen: tuple[torch.Tensor, torch.Tensor] = self.keys[:count, :, :width], self.values[:count, :, :width]
        return seen

    def move(self, source: int, target: int, length: int) -> None:
        """Copy a row over another."""
        if self.is_initialized:
            self.keys[target, :, :length] = self.keys[source, :, :length]
            self.values[target, :, :length] = self.values[source, :, :length]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Length and offset of the keys that a mask is made for: only joining rows need one made."""
        return (query_length, 0) if self._slots.joining is not None else (self._slots.width, 0)

    def get_seq_length(self) -> int:
        """Nothing comes before a joining prompt; other rows bring their own positions."""
        return 0

    def get_max_length(self) -> int:
        """There is no maximum of the cache's own."""
        return -1

    def get_max_cache_shape(self) -> int:
        """The same, as older releases call it."""
        return -1

    def _grow(self, columns: int) -> None:
        missing = columns - self.keys.shape[2]
        if missing > 0:
            self.keys = torch.nn.functional.pad(self.keys, (0, 0, 0, missing))
            self.values = torch.nn.functional.pad(self.values, (0, 0, 0, missing))


class _Slots:
    """What all layers need to know about the step at hand."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.columns = _COLUMNS_AT_A_TIME
        self.joining: slice | None = None
        self.rows = torch.empty(0, dtype=torch.long)
        self.places = torch.empty(0, dtype=torch.long)
        self.width = 0

    def make_room(self, width: int) -> None:
        """Have at least `width` columns."""
        self.columns = max(self.columns, -(-width // _COLUMNS_AT_A_TIME) * _COLUMNS_AT_A_TIME)


class SlotRows:
    """Rows in one preallocated cache, written in place: for models with plain attention, which is nearly all."""

    def __init__(self, weights: LoadedWeights, *, capacity: int) -> None:
        self._model: Any = weights.model
        self._device = weights.device
        self._pad = weights.renderer.pad_id
        self._lengths: list[int] = []
        self._slots = _Slots(capacity)
        layers = int(weights.model.config.get_text_config().num_hidden_layers)
        self._layers = [_SlotLayer(self._slots) for _ in range(layers)]
        self._cache = Cache(layers=list(self._layers))
        self._keeps_logits = "logits_to_keep" in inspect.signature(self._model.forward).parameters
        self._nothing = torch.zeros((), dtype=weights.dtype, device=self._device)
        self._never = torch.full((), torch.finfo(weights.dtype).min, dtype=weights.dtype, device=self._device)

    def __len__(self) -> int:
        return len(self._lengths)

    def join(self, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        """Add rows at the end; returns the scores of each one's first token."""
        batches = [prompts[start : start + _PROMPTS_AT_A_TIME] for start in range(0, len(prompts), _PROMPTS_AT_A_TIME)]
        return torch.cat([self._join(batch) for batch in batches])

    def step(self, tokens: Sequence[int]) -> torch.Tensor:
        """Give every row its newest token; returns the scores of the next."""
        slots = self._slots
        slots.width = max(self._lengths) + 1
        slots.make_room(slots.width)
        slots.places = torch.tensor(self._lengths, device=self._device)
        slots.rows = torch.arange(len(self._lengths), device=self._device)
        seen = torch.arange(slots.width, device=self._device) <= slots.places[:, None]
        # Padding stands to the right of a row, so a mask of its own is all that keeps it out.
        mask = torch.where(seen, self._nothing, self._never)[:, None, None, :]
        output = self._model(
            input_ids=torch.tensor(tokens, device=self._device)[:, None],
            attention_mask=mask,
            position_ids=slots.places[:, None],
            past_key_values=self._cache,
            use_cache=True,
        )
        self._lengths = [length + 1 for length in self._lengths]
        scores: torch.Tensor = output.logits[:, -1]
        return scores

    def leave(self, row: int) -> None:
        """Remove a row. The last row takes its place."""
        last = len(self._lengths) - 1
        if row != last:
            for layer in self._layers:
                layer.move(last, row, self._lengths[last])
            self._lengths[row] = self._lengths[last]
        self._lengths.pop()

    def _join(self, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        width = max(len(prompt) for prompt in prompts)
        first = len(self._lengths)
        self._slots.make_room(width)
        ids = [[*prompt, *[self._pad] * (width - len(prompt))] for prompt in prompts]
        ends = torch.tensor([len(prompt) - 1 for prompt in prompts], device=self._device)
        kept, where = torch.unique(ends, return_inverse=True)
        self._slots.joining = slice(first, first + len(prompts))
        try:
            output = self._model(
                input_ids=torch.tensor(ids, device=self._device),
                position_ids=torch.arange(width, device=self._device).expand(len(prompts), -1),
                past_key_values=self._cache,
                use_cache=True,
                **({"logits_to_keep": kept} if self._keeps_logits else {}),
            )
        finally:
            self._slots.joining = None
        self._lengths += [len(prompt) for prompt in prompts]
        columns = where if self._keeps_logits else ends
        scores: torch.Tensor = output.logits[torch.arange(len(prompts), device=self._device), columns]
        return scores


class SeparateRows:
    """Each row with a cache of the model's own making, one forward pass a row: for every other architecture."""

    def __init__(self, weights: LoadedWeights) -> None:
        self._model: Any = weights.model
        self._device = weights.device
        self._caches: list[Any] = []

    def __len__(self) -> int:
        return len(self._caches)

    def join(self, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        """Add rows at the end; returns the scores of each one's first token."""
        scores = []
        for prompt in prompts:
            output = self._model(input_ids=torch.tensor([list(prompt)], device=self._device), use_cache=True)
            self._caches.append(output.past_key_values)
            scores.append(output.logits[:, -1])
        return torch.cat(scores)

    def step(self, tokens: Sequence[int]) -> torch.Tensor:
        """Give every row its newest token; returns the scores of the next."""
        scores = []
        for row, token in enumerate(tokens):
            output = self._model(
                input_ids=torch.tensor([[token]], device=self._device),
                past_key_values=self._caches[row],
                use_cache=True,
            )
            self._caches[row] = output.past_key_values
            scores.append(output.logits[:, -1])
        return torch.cat(scores)

    def leave(self, row: int) -> None:
        """Remove a row. The last row takes its place."""
        last = self._caches.pop()
        if row < len(self._caches):
            self._caches[row] = last


def has_plain_attention(weights: LoadedWeights, *, context_tokens: int) -> bool:
    """Whether every layer looks at all that came before, within this context."""
    config = weights.model.config.get_text_config()
    window = getattr(config, "sliding_window", None)
    kinds = set(getattr(config, "layer_types", None) or ["sliding_attention" if window else "full_attention"])
    is_wide = not window or int(window) >= context_tokens
    return kinds <= {"full_attention"} or (kinds <= {"full_attention", "sliding_attention"} and is_wide)
