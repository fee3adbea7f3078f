"""The loop that grows a model."""

import contextlib
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedTokenizerBase

from trainer.growing import pretraining
from trainer.growing.corpus import Corpus, open_corpus, write_corpus
from trainer.growing.dataset import Talk
from trainer.growing.pretraining import Onlooker, Plan, Point, heldout_loss, pretrain
from trainer.growing.sizes import choose_size
from trainer.growing.tokenising import grow_tokenizer
from trainer.growing.variations import Variations
from trainer.progress import Interrupted, Why

PLAN = Plan(steps=6, tokens_a_step=128, warmup_steps=2, evaluations=3)


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return grow_tokenizer([], 300, 32)


@pytest.fixture
def corpus(animals: list[Talk], tokenizer: PreTrainedTokenizerBase, tmp_path: Path) -> Corpus:
    path = tmp_path / "tokens"
    write_corpus(lambda: animals, tokenizer, path, repeats={}, variations=Variations(), seed=1)
    return open_corpus(path, tokenizer, 32)


def _model(tokenizer: PreTrainedTokenizerBase) -> Any:
    torch.manual_seed(1)
    size = choose_size("nano", layers=1, hidden=16, heads=2, feed_forward=32, vocabulary=len(tokenizer), context=32)
    automatic: Any = AutoModelForCausalLM
    return automatic.from_config(size.configuration())


def _weights(model: Any) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in model.parameters()]


def _assert_equal(ours: list[torch.Tensor], theirs: list[torch.Tensor], tolerance: float = 0.0) -> None:
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


def test_the_held_out_loss_falls_and_every_point_is_told(
    corpus: Corpus, tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    points: list[Point] = []
    model = _model(tokenizer)
    before = heldout_loss(model, corpus)
    grown = pretrain(model, corpus, corpus, PLAN, tmp_path / "run", Onlooker(on_point=points.append))
    assert grown.curve == tuple(points)
    assert [point.step for point in points] == [2, 4, 6]
    assert [point.tokens for point in points] == [256, 512, 768]
    assert points[-1].heldout_loss is not None
    assert points[-1].heldout_loss < before
    assert points[-1].heldout_loss == pytest.approx(heldout_loss(model, corpus))
    assert grown.tokens == 768


def test_without_held_out_talk_there_is_no_held_out_loss(
    corpus: Corpus, tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    grown = pretrain(_model(tokenizer), corpus, None, PLAN, tmp_path / "run", Onlooker())
    assert {(point.heldout_loss, point.perplexity) for point in grown.curve} == {(None, None)}


@pytest.mark.parametrize("stop_after", [0, 2, 4])
def test_an_interrupted_run_goes_on_to_the_same_weights(
    corpus: Corpus, tokenizer: PreTrainedTokenizerBase, tmp_path: Path, stop_after: int
) -> None:
    whole = _model(tokenizer)
    uninterrupted = pretrain(whole, corpus, corpus, PLAN, tmp_path / "whole", Onlooker())
    steps: list[int] = []

    def check() -> None:
        if len(steps) == stop_after:
            raise Interrupted(Why.STOPPING)

    onlooker = Onlooker(on_step=lambda step, *_: steps.append(step), check=check)
    # The loop checks before it tells of a step, so that one more is made than was told.
    with pytest.raises(Interrupted):
        pretrain(_model(tokenizer), corpus, corpus, PLAN, tmp_path / "run", onlooker)
    resumed = _model(tokenizer)
    grown = pretrain(resumed, corpus, corpus, PLAN, tmp_path / "run", Onlooker())
    assert grown.resumed_from == stop_after + 1
    assert grown.tokens == uninterrupted.tokens
    assert [point.step for point in grown.curve] == [point.step for point in uninterrupted.curve]
    _assert_equal(_weights(resumed), _weights(whole))


def test_a_step_in_parts_is_the_step_in_one(corpus: Corpus, tokenizer: PreTrainedTokenizerBase, tmp_path: Path) -> None:
    models = []
    for at_once in (None, 32):
        model = _model(tokenizer)
        plan = Plan(steps=2, tokens_a_step=128, tokens_at_once=at_once, evaluations=0)
        pretrain(model, corpus, None, plan, tmp_path / f"run-{at_once}", Onlooker())
        models.append(_weights(model))
    _assert_equal(models[0], models[1], tolerance=1e-4)


@pytest.mark.parametrize(("compiled", "kind"), [(True, "eager"), (False, "sdpa")], ids=["compiled", "plain"])
def test_attention_is_written_out_for_a_compiler_only_and_only_while_it_trains(
    tokenizer: PreTrainedTokenizerBase, compiled: bool, kind: str
) -> None:
    model = _model(tokenizer)
    before = model.config._attn_implementation
    with contextlib.suppress(Interrupted), pretraining._attention_for(model, Plan(steps=1, compiled=compiled)):
        during = model.config._attn_implementation
        raise Interrupted(Why.STOPPING)
    assert (during, model.config._attn_implementation) == (kind, before)


def test_the_seed_decides_what_is_read(corpus: Corpus, tokenizer: PreTrainedTokenizerBase, tmp_path: Path) -> None:
    weights = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        model = _model(tokenizer)
        plan = Plan(steps=2, tokens_a_step=64, evaluations=0, seed=seed)
        pretrain(model, corpus, None, plan, tmp_path / name, Onlooker())
        weights.append(_weights(model))
    _assert_equal(weights[0], weights[1])
    assert any((one != other).any() for one, other in zip(weights[0], weights[2], strict=True))


def test_the_learning_rate_rises_stays_and_falls_to_nearly_nothing() -> None:
    plan = Plan(steps=100, warmup_steps=10, decay_share=0.5)
    rates = [plan.rate(step) for step in range(100)]
    assert rates[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert rates[10:50] == [1.0] * 40
    assert rates[50:] == sorted(rates[50:], reverse=True)
    assert rates[-1] == pytest.approx(0.02)


def test_without_a_decay_the_learning_rate_stays() -> None:
    plan = Plan(steps=50, warmup_steps=1, decay_share=0.0)
    assert {plan.rate(step) for step in range(50)} == {1.0}
