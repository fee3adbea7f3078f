"""How good probabilities are, and how to make them honest: area under the curve, calibration, and what the bands hold."""

import math
from dataclasses import dataclass

import torch
from transformers import BertForSequenceClassification


def area_under_curve(scores: torch.Tensor, truths: torch.Tensor) -> float:
    """The chance that a true one scores above a false one; NaN without both."""
    positive, negative = scores[truths > 0.5], scores[truths <= 0.5]
    if not len(positive) or not len(negative):
        return math.nan
    ranks = torch.cat([positive, negative]).double().argsort().argsort().double() + 1
    return float(
        (ranks[: len(positive)].sum() - len(positive) * (len(positive) + 1) / 2) / (len(positive) * len(negative))
    )


def as_in_chat(unkind: torch.Tensor, share: float) -> torch.Tensor:
    """Weights, one on average, by which the unkind ones among texts make up `share` of them.

    Texts that check a screen are unkind far more often than chat is; probabilities that are honest there would cry wolf.
    """
    found = unkind.float().mean()
    return torch.where(unkind, share / found, (1 - share) / (1 - found))


def calibration_error(
    probabilities: torch.Tensor, truths: torch.Tensor, weights: torch.Tensor, bins: int = 15
) -> float:
    """By how much probabilities miss what really happens, on average over weighted texts, in bins of equal width."""
    places = (probabilities * bins).long().clamp(max=bins - 1)
    misses = torch.zeros(bins).index_add_(0, places, weights * (probabilities - truths))
    return float(misses.abs().sum() / weights.sum())


@torch.enable_grad()
def platt(logits: torch.Tensor, truths: torch.Tensor, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """A scale and a shift for each label that make `sigmoid(scale * logit + shift)` as honest as they can.

    Args:
        logits: texts by labels.
        truths: texts by labels, 0 to 1.
        weights: of the texts.
    """
    scale, shift = (torch.full((logits.shape[1],), start, requires_grad=True) for start in (1.0, 0.0))
    optimizer = torch.optim.LBFGS([scale, shift], max_iter=200)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits * scale + shift, truths, reduction="none")
        total = (loss * weights[:, None]).mean(0).sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return scale.detach(), shift.detach()


def fold_in(model: BertForSequenceClassification, scale: torch.Tensor, shift: torch.Tensor) -> None:
    """Put scale and shift into the last layer, so that the checkpoint stays a plain one."""
    with torch.no_grad():
        model.classifier.weight.mul_(scale[:, None])
        model.classifier.bias.mul_(scale).add_(shift)


@dataclass(frozen=True, slots=True)
class Band:
    """What lands between two thresholds."""

    share: float
    """Of all texts."""
    unkind: float
    """Of the texts inside; NaN if there are none."""


def band(scores: torch.Tensor, unkind: torch.Tensor, weights: torch.Tensor, lowest: float, highest: float) -> Band:
    """Of weighted texts whose worst score is at least `lowest` and below `highest`."""
    inside = ((scores >= lowest) & (scores < highest)).float() * weights
    share = float(inside.sum() / weights.sum())
    return Band(share, float(inside[unkind].sum() / inside.sum()) if share else math.nan)
