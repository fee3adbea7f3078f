"""Scores to tokens: greedy where the temperature is 0, drawn by chance elsewhere, each row by its own options."""

from collections.abc import Sequence

import torch

from bot.engine.protocol import Sampling


def choose_tokens(scores: torch.Tensor, samplings: Sequence[Sampling], chance: torch.Generator) -> list[int]:
    """The next token of each row.

    Args:
        scores: `(rows, vocabulary)`, before any temperature.
        samplings: one for each row. The `top_k` likeliest are kept, then as many as make up `top_p`.
        chance: on the scores' device.
    """
    greedy = scores.argmax(dim=-1)
    drawn = [row for row, sampling in enumerate(samplings) if sampling.temperature > 0]
    if drawn:
        rows = torch.tensor(drawn, device=scores.device)
        greedy[rows] = _draw(scores[rows].float(), [samplings[row] for row in drawn], chance)
    tokens: list[int] = greedy.tolist()
    return tokens


def _draw(scores: torch.Tensor, samplings: Sequence[Sampling], chance: torch.Generator) -> torch.Tensor:
    vocabulary = scores.shape[-1]
    limits = [min(sampling.top_k or vocabulary, vocabulary) for sampling in samplings]
    values, tokens = scores.topk(max(limits), dim=-1)
    temperatures = torch.tensor([sampling.temperature for sampling in samplings], device=scores.device)
    places = torch.arange(values.shape[-1], device=scores.device)
    too_many = places >= torch.tensor(limits, device=scores.device)[:, None]
    # A temperature near 0 overflows to infinity: the difference from the best score does not.
    warmed = ((values - values[:, :1]) / temperatures[:, None]).masked_fill(too_many, float("-inf"))
    shares = warmed.softmax(dim=-1)
    before = shares.cumsum(dim=-1) - shares
    enough = torch.tensor([sampling.top_p for sampling in samplings], device=scores.device)
    shares = shares.masked_fill(before >= enough[:, None], 0.0)
    return tokens.gather(-1, torch.multinomial(shares, 1, generator=chance)).squeeze(-1)
