"""The proof a version must give before it serves: it answers a few prompts, with numbers, and rightly in a batch."""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from bot.engine.answer_text import AnswerText
from bot.engine.golden import GOLDEN
from bot.engine.protocol import EngineFailed
from bot.engine.rows import Rows, SeparateRows, SlotRows, has_plain_attention
from bot.engine.weights import LoadedWeights
from storage.errors import ModelDamaged
from storage.values import Message, Role

_TOKENS = 6
_LEAVES_AFTER = 3
"""Steps after which the first row leaves, so that moving a row is proved too."""


def prove(weights: LoadedWeights, *, capacity: int, context_tokens: int) -> Callable[[], Rows]:
    """How to make the rows that answer as the model itself does; the fast kind, where it is right for this model.

    Also warms the model up: its first forward pass is its slowest. Blocks.

    Raises:
        ModelDamaged: the weights give scores that are no numbers, or nothing but empty answers.
        EngineFailed: no kind of rows agrees with the model's own forward pass.
    """
    context = min(context_tokens, weights.context_tokens)
    makers: list[Callable[[], Rows]] = [lambda: SeparateRows(weights)]
    if has_plain_attention(weights, context_tokens=context):
        makers.insert(0, lambda: SlotRows(weights, capacity=capacity))
    room, _ = weights.room(_TOKENS, context_tokens=context_tokens)
    prompts = [weights.renderer.prompt([Message(Role.USER, text)], max_tokens=room) for text in GOLDEN]
    prompts = prompts[: max(1, capacity)]
    reasons: list[Exception] = []
    with torch.inference_mode():
        for make in makers:
            try:
                agrees = _agrees(weights, make(), prompts)
            except (RuntimeError, TypeError, ValueError, AttributeError, IndexError, KeyError) as error:
                reasons.append(error)  # an architecture with habits of its own: the next kind may suit it
                continue
            if agrees:
                return make
    raise EngineFailed(
        "This model answers differently in a batch than alone.", advice="Choose another base model."
    ) from (reasons[-1] if reasons else None)


def _agrees(weights: LoadedWeights, rows: Rows, prompts: Sequence[Sequence[int]]) -> bool:
    model: Any = weights.model
    tokens: list[list[int]] = [[] for _ in prompts]
    seen: list[list[torch.Tensor]] = [[] for _ in prompts]
    at_work = list(range(len(prompts)))
    scores = rows.join(prompts)
    for count in range(_TOKENS):
        if not bool(torch.isfinite(scores).all()):
            raise ModelDamaged("This model's weights are no usable numbers.", advice="Roll back to another version.")
        for row, at in enumerate(at_work):
            seen[at].append(scores[row].float())
            tokens[at].append(int(scores[row].argmax()))
        if count == _LEAVES_AFTER and len(at_work) > 1:
            rows.leave(0)
            at_work = [at_work[-1], *at_work[1:-1]]
        if count < _TOKENS - 1:
            scores = rows.step([tokens[at][-1] for at in at_work])
    _check_that_it_speaks(weights, tokens)
    tolerance = 1e-3 if weights.dtype == torch.float32 else 0.1
    for prompt, chosen, scored in zip(prompts, tokens, seen, strict=True):
        whole = torch.tensor([[*prompt, *chosen[:-1]]], device=weights.device)
        plain = model(input_ids=whole).logits[0, len(prompt) - 1 :].float()
        if float((torch.stack(scored) - plain).abs().max()) > tolerance * float(plain.abs().max()):
            return False
    return True


def _check_that_it_speaks(weights: LoadedWeights, tokens: Sequence[Sequence[int]]) -> None:
    for answer in tokens:
        text = AnswerText(weights.renderer)
        for token in answer:
            text.add(token)
        text.finish()
        if text.text:
            return
    raise ModelDamaged("This model has nothing to say.", advice="Roll back to another version.")
