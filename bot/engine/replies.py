"""Whole replies to many prompts at once, for evaluation and replay: the same renderer and endings as serving.

It does not stream, queue or stop; a bot that talks to people uses the engine.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bot.engine.answer_text import AnswerText
from bot.engine.protocol import Sampling
from bot.engine.weights import LoadedWeights
from storage.values import Message

if TYPE_CHECKING:
    import torch

BATCH = 32


def generate_replies(
    weights: LoadedWeights,
    prompts: Sequence[Sequence[Message]],
    sampling: Sampling,
    *,
    seed: int,
    batch_size: int = BATCH,
) -> list[str]:
    """One reply for each conversation, in order. Blocks; the same seed gives the same replies on the same machine.

    Args:
        weights: the model to ask.
        prompts: conversations that end with what is to be answered.
        sampling: temperature 0 is greedy, and then equals what the engine answers.
        seed: of the sampling; unused when greedy.
        batch_size: prompts of one forward pass. Prompts are sorted by length, so that little is padding.

    Raises:
        PromptTooLong: a last message alone does not fit the model's context.
        WrongUsage: a last message is empty.
    """
    import torch

    prompt_room, answer_room = weights.room(sampling.max_new_tokens)
    rows = [weights.renderer.prompt(messages, max_tokens=prompt_room) for messages in prompts]
    order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
    replies = [""] * len(rows)
    devices = [weights.device] if weights.device.type == "cuda" else []
    was_training = weights.model.training
    weights.model.train(False)
    try:
        with torch.random.fork_rng(devices=devices), torch.inference_mode():
            torch.manual_seed(seed)
            for start in range(0, len(order), batch_size):
                batch = order[start : start + batch_size]
                texts = _batch_of_replies(weights, [rows[index] for index in batch], sampling, answer_room)
                for index, text in zip(batch, texts, strict=True):
                    replies[index] = text
    finally:
        weights.model.train(was_training)
    return replies


def _batch_of_replies(
    weights: LoadedWeights, rows: Sequence[Sequence[int]], sampling: Sampling, answer_room: int
) -> list[str]:
    import torch
    from transformers import GenerationConfig

    width = max(len(row) for row in rows)
    pad = weights.renderer.pad_id
    ids = torch.tensor([[pad] * (width - len(row)) + list(row) for row in rows], device=weights.device)
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows], device=weights.device)
    answers = [AnswerText(weights.renderer) for _ in rows]

    def have_ended(seen: "torch.Tensor", scores: Any, **_: Any) -> "torch.Tensor":
        for answer, token in zip(answers, seen[:, -1].tolist(), strict=True):
            answer.add(token)
        return torch.tensor([answer.has_ended for answer in answers], device=seen.device)

    options: dict[str, Any] = {
        "max_new_tokens": answer_room,
        "eos_token_id": sorted(weights.renderer.stop_ids) or None,
        "pad_token_id": pad,
        "do_sample": sampling.temperature > 0,
    }
    if sampling.temperature > 0:
        options |= {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": sampling.top_k}
    model: Any = weights.model
    model.generate(
        ids,
        attention_mask=mask,
        generation_config=GenerationConfig(**options),  # type: ignore[no-untyped-call]
        stopping_criteria=[have_ended],
    )
    for answer in answers:
        if not answer.has_ended:
            answer.finish()
    return [answer.text for answer in answers]
