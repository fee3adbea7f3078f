"""Verdicts as JSON columns and back."""

import math
from collections.abc import Mapping
from typing import Any

from storage.text import storable
from storage.values import Outcome, Verdict


def verdict_to_json(verdict: Verdict) -> dict[str, Any]:
    """The verdict as the JSON that a row keeps; outcome and screen version have columns of their own."""
    return {
        "text": storable(verdict.text),
        "reasons": [storable(reason) for reason in verdict.reasons],
        "scores": {storable(label): float(score) for label, score in verdict.scores.items() if math.isfinite(score)},
        "blocks_reply": verdict.blocks_reply,
        "is_crisis": verdict.is_crisis,
    }


def verdict_from_json(outcome: str, screen_version: str, kept: Mapping[str, Any]) -> Verdict:
    """The verdict that a row keeps."""
    return Verdict(
        outcome=Outcome(outcome),
        text=kept.get("text", ""),
        reasons=tuple(kept.get("reasons", ())),
        scores=dict(kept.get("scores", {})),
        screen_version=screen_version,
        blocks_reply=bool(kept.get("blocks_reply", False)),
        is_crisis=bool(kept.get("is_crisis", False)),
    )
