"""The loss of KTO against numbers made elsewhere, and what a lesson of voted answers reads."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.engine.weights import LoadedWeights, load_weights
from storage.values import Message, Role
from tests.fakes.models import tiny_model
from trainer.kto import A_STEP, VoteLesson, VoteLosses, kto_loss, read_answers, vote_plan, vote_recipe
from trainer.recipe import Recipe
from trainer.training import Watch, go_through, prepared
from trainer.votes import VotedExchange

RECIPE = Recipe(
    method="full",
    learning_rate=2e-2,
    lora_rank=4,
    steps=40,
    taught_tokens=160,
    replay_tokens=40,
    replay_share=0.5,
    seed=1,
)


@pytest.fixture
def weights(tmp_path: Path) -> LoadedWeights:
    return load_weights(tiny_model("smollm", tmp_path / "base"), device="cpu")


def exchange(number: int, question: str, answer: str, *, is_liked: bool) -> VotedExchange:
    return VotedExchange(number, (Message(Role.USER, question), Message(Role.ASSISTANT, answer)), is_liked)


def voted() -> list[VotedExchange]:
    """Six liked answers and five disliked ones."""
    liked = [exchange(n, f"what of number {n}?", f"it is good, {n}.", is_liked=True) for n in range(6)]
    disliked = [exchange(9 + n, f"and number {n} then?", f"go away {n}!", is_liked=False) for n in range(5)]
    return [*liked, *disliked]


def test_the_loss_is_the_one_that_trl_computes() -> None:
    import torch

    # Out of KTOTrainer of trl 1.16.0, beta 0.1, on a tiny model moved at random: its log-ratios, and its loss.
    moved = torch.tensor([0.24688339, 0.69075394, 1.17294693, 0.20434570])
    elsewhere = torch.tensor([0.35115814, -0.46877289, -0.49652100, 0.65439415])
    is_liked = torch.tensor([True, False, True, False])
    assert float(kto_loss(moved, elsewhere, is_liked, beta=0.1)) == pytest.approx(0.496727, abs=1e-6)


def test_the_reference_is_never_below_zero_and_takes_no_gradient() -> None:
    import torch

    moved = torch.tensor([1.0, 1.0], requires_grad=True)
    elsewhere = torch.tensor([-3.0, -5.0], requires_grad=True)
    loss = kto_loss(moved, elsewhere, torch.tensor([True, False]), beta=1.0)
    # by hand: (1 - 0.7310586 + 1 - 0.2689414) / 2
    assert loss.item() == pytest.approx(0.5)
    loss.backward()  # type: ignore[no-untyped-call]
    assert elsewhere.grad is None
    assert moved.grad is not None
    assert float(moved.grad[0]) < 0 < float(moved.grad[1])


def test_only_the_last_answer_of_a_conversation_was_voted_on(weights: LoadedWeights) -> None:
    said = (
        Message(Role.USER, "hello"),
        Message(Role.ASSISTANT, "hello there"),
        Message(Role.USER, "what is it?"),
        Message(Role.ASSISTANT, "it is bread"),
    )
    [answer] = read_answers(weights, [VotedExchange(1, said, is_liked=True)])
    assert weights.renderer.decode(answer.said).strip() == "it is bread"
    assert "hello there" in weights.renderer.decode(answer.asked)


def test_what_does_not_fit_is_left_out(weights: LoadedWeights) -> None:
    long = exchange(1, "what?", "bread " * 300, is_liked=True)
    assert read_answers(weights, [long]) == []


def test_a_step_reads_as_many_liked_answers_as_disliked_ones_and_each_before_any_comes_again(
    weights: LoadedWeights,
) -> None:
    answers = read_answers(weights, voted())
    recipe = vote_recipe(RECIPE, answers, most_steps=None)
    steps = vote_plan(recipe, answers, [])
    assert steps == vote_plan(recipe, answers, [])
    for step in steps:
        assert sum(answers[index].is_liked for index in step.answers) * 2 == len(step.answers) == 2 * A_STEP
    first = [index for step in steps for index in step.answers if answers[index].is_liked][:6]
    assert sorted(first) == list(range(6))


def test_the_recipe_is_slower_than_the_fine_tuning_and_no_longer_than_it_may_be(weights: LoadedWeights) -> None:
    answers = read_answers(weights, voted())
    assert vote_recipe(RECIPE, answers, most_steps=None).learning_rate < RECIPE.learning_rate
    assert vote_recipe(RECIPE, answers, most_steps=2).steps == 2


def losses_of(model: object, weights: LoadedWeights, recipe: Recipe) -> VoteLosses:
    answers = read_answers(weights, voted())
    steps = vote_plan(recipe, answers, [])
    return VoteLosses(model, VoteLesson(answers, [], None, steps, 0.1), recipe, weights)


def test_a_model_that_has_not_moved_is_indifferent(weights: LoadedWeights) -> None:
    model = prepared(weights, RECIPE)
    losses = losses_of(model, weights, RECIPE)
    assert losses.margin(model) == pytest.approx(0.0, abs=1e-3)
    assert losses.of(model, losses.steps[0]).item() == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_liked_answers_become_likelier_against_disliked_ones(
    weights: LoadedWeights, tmp_path: Path, method: str
) -> None:
    recipe = replace(RECIPE, method=method, learning_rate=5e-3, steps=15)
    model = prepared(weights, recipe)
    losses = losses_of(model, weights, recipe)
    watch = Watch(on_step=lambda *_: None, check=lambda: None, checkpoint_seconds=1e9)
    done = go_through(model, losses, recipe, tmp_path / "checkpoints", watch, weights)
    assert losses.margin(done.model) > 2.0


def test_a_long_question_makes_room_for_another_ones_answer(tmp_path: Path) -> None:
    weights = load_weights(tiny_model("gpt2", tmp_path / "gpt2"), device="cpu")  # which has no place beyond its context
    near_the_end = exchange(1, "bread " * 80, "yes", is_liked=True)
    chatty = exchange(2, "and?", "it is what it is " * 8, is_liked=False)
    answers = read_answers(weights, [near_the_end, chatty])
    assert len(answers[0].asked) + len(answers[1].said) > weights.context_tokens
    model = prepared(weights, RECIPE)
    losses = VoteLosses(model, VoteLesson(answers, [], None, vote_plan(RECIPE, answers, []), 0.1), RECIPE, weights)
    assert losses.of(model, losses.steps[0]).isfinite()
