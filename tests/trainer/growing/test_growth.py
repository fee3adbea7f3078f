"""From a prepared dataset to a model folder."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bot.engine.protocol import Sampling
from bot.engine.replies import generate_replies
from bot.engine.weights import load_weights
from storage.errors import WrongUsage
from storage.values import Message, Role
from tests.trainer.growing.conftest import WriteDataset, exchange
from trainer.growing.dataset import Talk
from trainer.growing.growth import Length, Order, grow
from trainer.growing.model_card import GROWTH
from trainer.growing.pretraining import Onlooker, Plan
from trainer.growing.sizes import choose_size
from trainer.growing.variations import Variations
from trainer.progress import Interrupted, Why

TINY = choose_size("nano", layers=1, hidden=32, heads=2, feed_forward=64, vocabulary=320, context=64)
PLAN = Plan(steps=1, tokens_a_step=128, warmup_steps=2, evaluations=4)


@pytest.fixture
def order(write_dataset: WriteDataset, animals: list[Talk]) -> Order:
    heldout = [exchange(f"Where is the {name}?", "It is over there.", "ours") for name in ("fox", "cow", "owl")]
    return Order(write_dataset(animals, heldout), TINY, PLAN, Length(epochs=2), device="cpu")


def _stopping_after(step: int) -> Onlooker:
    steps: list[int] = []

    def check() -> None:
        if len(steps) >= step:
            raise Interrupted(Why.STOPPING)

    return Onlooker(on_step=lambda step, *_: steps.append(step), check=check)


def test_what_is_grown_can_be_loaded_and_talked_to(order: Order, tmp_path: Path) -> None:
    growth = grow(order, tmp_path / "model", Onlooker())
    weights = load_weights(tmp_path / "model", device="cpu")
    prompt = [Message(Role.USER, "What does the cat do at noon?")]
    (reply,) = generate_replies(weights, [prompt], Sampling(temperature=0.0, max_new_tokens=4), seed=0)
    assert isinstance(reply, str)
    assert weights.parameters == growth.parameters
    assert weights.context_tokens == 64
    assert [path.name for path in tmp_path.iterdir() if "model" in path.name] == ["model"]


def test_the_card_tells_data_plan_figures_and_samples(order: Order, tmp_path: Path) -> None:
    growth = grow(order, tmp_path / "model", Onlooker())
    record = json.loads((tmp_path / "model" / GROWTH).read_text())
    assert record["order"]["dataset"] == order.dataset.content_hash
    assert record["plan"]["steps"] == growth.plan.steps
    assert record["epochs"] == pytest.approx(2, abs=0.2)
    assert set(record["figures"]) == {"ours", "all"}
    assert record["figures"]["all"]["items"] == 3
    assert len(record["samples"]) >= 5
    assert record["advice"]["sentence"] == growth.advice.sentence
    readme = (tmp_path / "model" / "README.md").read_text()
    assert "CC0-1.0" in readme
    assert order.dataset.content_hash in readme
    assert (tmp_path / "model" / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_an_interrupted_growth_goes_on_to_the_same_model(order: Order, tmp_path: Path) -> None:
    grow(order, tmp_path / "whole", Onlooker())
    with pytest.raises(Interrupted):
        grow(order, tmp_path / "model", _stopping_after(3))
    assert not (tmp_path / "model").exists()
    growth = grow(order, tmp_path / "model", Onlooker())
    assert growth.resumed_from > 0
    weights = "model.safetensors"
    assert (tmp_path / "model" / weights).read_bytes() == (tmp_path / "whole" / weights).read_bytes()


def test_another_order_does_not_go_on_where_one_was_interrupted(order: Order, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        grow(order, tmp_path / "model", _stopping_after(2))
    other = replace(order, plan=replace(PLAN, seed=2))
    with pytest.raises(WrongUsage, match="differs in: plan"):
        grow(other, tmp_path / "model", Onlooker())
    assert grow(other, tmp_path / "model", Onlooker(), restart=True).resumed_from == 0


def test_a_folder_that_exists_is_never_written_over(order: Order, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine").write_text("dear to me")
    with pytest.raises(WrongUsage, match="exists already"):
        grow(order, tmp_path / "model", Onlooker(), restart=True)
    assert (tmp_path / "model" / "mine").read_text() == "dear to me"


def test_a_size_too_large_for_the_machine_is_refused_before_anything_begins(order: Order, tmp_path: Path) -> None:
    with pytest.raises(WrongUsage, match="gpt3-175b needs about"):
        grow(replace(order, size=choose_size("gpt3-175b")), tmp_path / "model", Onlooker())
    assert not list(tmp_path.glob(".model*"))


def test_a_single_conversation_is_too_little_to_learn_from(write_dataset: WriteDataset, tmp_path: Path) -> None:
    order = Order(write_dataset([exchange("Hi", "Ho")]), TINY, PLAN, Length(epochs=1), device="cpu")
    with pytest.raises(WrongUsage, match="prepare more talk"):
        grow(order, tmp_path / "model", Onlooker())


def test_a_source_that_is_not_there_is_refused(order: Order, tmp_path: Path) -> None:
    for mistaken in (replace(order, repeats={"theirs": 2.0}), replace(order, variations=Variations(symmetric=("x",)))):
        with pytest.raises(WrongUsage, match="sources are: ours"):
            grow(mistaken, tmp_path / "model", Onlooker())


def test_without_held_out_talk_nothing_is_measured_and_the_card_says_so(
    write_dataset: WriteDataset, animals: list[Talk], tmp_path: Path
) -> None:
    order = Order(write_dataset(animals), TINY, PLAN, Length(tokens=400), device="cpu")
    assert grow(order, tmp_path / "model", Onlooker()).figures == {}
    assert "Nothing was held out" in (tmp_path / "model" / "README.md").read_text()


def test_a_model_is_grown_on_from_another_with_its_tokenizer(order: Order, tmp_path: Path) -> None:
    first = grow(order, tmp_path / "first", Onlooker())
    gentle = replace(PLAN, matrix_rate=0.0, other_rate=0.0, weight_decay=0.0)
    second = grow(replace(order, start=tmp_path / "first", plan=gentle), tmp_path / "second", Onlooker())
    assert second.figures["all"].perplexity == pytest.approx(first.figures["all"].perplexity, rel=1e-3)
    tokenizers = [(tmp_path / name / "tokenizer.json").read_text() for name in ("first", "second")]
    assert tokenizers[0] == tokenizers[1]
    assert "went on from `first`" in (tmp_path / "second" / "README.md").read_text()


def test_minutes_become_steps_that_are_decided_once(order: Order, tmp_path: Path) -> None:
    timed = replace(order, length=Length(minutes=0.01))
    with pytest.raises(Interrupted):
        grow(timed, tmp_path / "model", _stopping_after(0))
    decided = json.loads((tmp_path / ".model.growing" / "plan.json").read_text())["steps"]
    assert decided >= 1
    assert grow(timed, tmp_path / "model", Onlooker()).plan.steps == decided


def test_varied_talk_is_read_in_passes_that_count_as_one_epoch_each(order: Order, tmp_path: Path) -> None:
    plain = grow(order, tmp_path / "plain", Onlooker())
    varied = grow(replace(order, variations=Variations(lowercase=0.5)), tmp_path / "varied", Onlooker())
    assert varied.tokens_an_epoch == pytest.approx(plain.tokens_an_epoch, rel=0.1)
