import random
from collections.abc import Callable
from typing import Any

import pytest
import torch

from bot.engine.protocol import EngineFailed
from bot.engine.rows import Rows, SeparateRows, SlotRows, has_plain_attention
from bot.engine.warming import prove
from bot.engine.weights import LoadedWeights, load_weights
from storage.errors import ModelDamaged
from tests.fakes.models import KINDS, Kind, tiny_model

Load = Callable[[Kind], LoadedWeights]
BY_KIND = pytest.mark.parametrize("kind", KINDS)


def slot_rows(weights: LoadedWeights) -> Rows:
    return SlotRows(weights, capacity=12)


@pytest.mark.parametrize(
    ("kind", "make"), [*[(kind, slot_rows) for kind in KINDS], ("llama", SeparateRows), ("gpt2", SeparateRows)]
)
def test_rows_that_come_and_go_score_as_each_would_alone(
    kind: Kind, make: Callable[[LoadedWeights], Rows], weights_of: Load
) -> None:
    weights = weights_of(kind)
    model: Any = weights.model
    chance = random.Random(11)
    rows = make(weights)
    alive: list[list[int]] = []
    scored: list[tuple[list[int], torch.Tensor]] = []
    with torch.inference_mode():
        for _ in range(14):
            if len(alive) < 9 and chance.random() < 0.5:
                lengths = [chance.randrange(1, 60) for _ in range(chance.randrange(1, 4))]
                joining = [[chance.randrange(len(weights.tokenizer)) for _ in range(length)] for length in lengths]
                scored += [(list(ids), score) for ids, score in zip(joining, rows.join(joining), strict=True)]
                alive += joining
            if len(alive) > 1 and chance.random() < 0.4:
                leaving = chance.randrange(len(alive))
                rows.leave(leaving)
                last = alive.pop()
                if leaving < len(alive):
                    alive[leaving] = last
            if alive:
                tokens = [chance.randrange(len(weights.tokenizer)) for _ in alive]
                for ids, token in zip(alive, tokens, strict=True):
                    ids.append(token)
                scored += [(list(ids), score) for ids, score in zip(alive, rows.step(tokens), strict=True)]
            assert len(rows) == len(alive)
        for ids, score in chance.sample(scored, 20):
            torch.testing.assert_close(score, model(torch.tensor([ids])).logits[0, -1], rtol=1e-3, atol=1e-3)


@BY_KIND
def test_every_shape_is_proved_to_answer_in_slots(kind: Kind, weights_of: Load) -> None:
    assert isinstance(prove(weights_of(kind), capacity=4, context_tokens=2048)(), SlotRows)


def test_a_model_with_a_narrow_window_is_not_put_into_slots(weights_of: Load) -> None:
    weights = weights_of("strict")
    config: Any = weights.model.config
    assert has_plain_attention(weights, context_tokens=256)
    config.sliding_window = 64
    try:
        assert not has_plain_attention(weights, context_tokens=256)
        assert has_plain_attention(weights, context_tokens=64)
        assert isinstance(prove(weights, capacity=4, context_tokens=256)(), SeparateRows)
    finally:
        config.sliding_window = None


def test_a_model_that_is_wrong_in_slots_gets_separate_rows(weights_of: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    right = SlotRows.step
    monkeypatch.setattr(SlotRows, "step", lambda self, tokens: right(self, tokens).roll(1, -1))
    assert isinstance(prove(weights_of("llama"), capacity=4, context_tokens=256)(), SeparateRows)


def test_a_model_that_is_wrong_either_way_does_not_serve(weights_of: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (SlotRows, SeparateRows):
        monkeypatch.setattr(kind, "step", lambda self, tokens: torch.zeros(len(self), 480))
    with pytest.raises(EngineFailed):
        prove(weights_of("llama"), capacity=4, context_tokens=256)


def test_weights_that_are_not_numbers_do_not_serve(tmp_path: Any) -> None:
    weights = load_weights(tiny_model("llama", tmp_path), device="cpu")
    next(weights.model.parameters()).data[:] = float("nan")
    with pytest.raises(ModelDamaged, match="numbers"):
        prove(weights, capacity=4, context_tokens=256)


def test_a_model_that_only_ends_has_nothing_to_say(weights_of: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = weights_of("llama")
    only_end = torch.zeros(len(weights.tokenizer))
    only_end[min(weights.renderer.stop_ids)] = 1.0
    monkeypatch.setattr(SlotRows, "join", lambda self, prompts: only_end.repeat(len(prompts), 1))
    monkeypatch.setattr(SlotRows, "step", lambda self, tokens: only_end.repeat(len(tokens), 1))
    monkeypatch.setattr(SlotRows, "leave", lambda self, row: None)
    with pytest.raises(ModelDamaged, match="nothing to say"):
        prove(weights, capacity=4, context_tokens=256)


def test_the_cache_grows_with_long_rows(weights_of: Load) -> None:
    weights = weights_of("gpt2")
    rows = SlotRows(weights, capacity=2)
    model: Any = weights.model
    with torch.inference_mode():
        rows.join([[5, 6, 7]])
        rows.join([list(range(10, 210))])
        scores = rows.step([8, 9])
        torch.testing.assert_close(scores[0], model(torch.tensor([[5, 6, 7, 8]])).logits[0, -1], rtol=1e-3, atol=1e-3)
