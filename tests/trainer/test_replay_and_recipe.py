"""What a training reads, and in which order; and the pull towards what the base expects."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.engine.weights import LoadedWeights, load_weights
from storage.similarity import normalised
from storage.values import Message, Role
from tests.fakes.models import tiny_model
from trainer.recipe import FEWEST_STEPS, choose, plan
from trainer.replay import (
    OPENING_TOKENS,
    OPENING_WEIGHT,
    ReplayCache,
    ask_teacher,
    forgetting,
    weight_of,
    weights_of,
)
from trainer.settings import TrainerSettings
from trainer.wordings import WORDINGS, wordings

PROMPTS = ["hello there", "how are you?", "bread?", "what is it"]


@pytest.fixture
def weights(tmp_path: Path) -> LoadedWeights:
    return load_weights(tiny_model("smollm", tmp_path / "base"), device="cpu")


def test_old_talk_is_made_once_and_is_the_same_afterwards(weights: LoadedWeights, tmp_path: Path) -> None:
    def cache() -> ReplayCache:
        return ReplayCache(tmp_path / "replay", PROMPTS, base_version="b", seed=1)

    first = cache().documents(weights, tokens=50)
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "replay").rglob("*.json")}
    second = cache().documents(weights, tokens=50)

    assert first == second
    assert written == {path: path.stat().st_mtime_ns for path in (tmp_path / "replay").rglob("*.json")}
    assert cache().documents(weights, tokens=50) != ReplayCache(
        tmp_path / "replay", PROMPTS, base_version="b", seed=2
    ).documents(weights, tokens=50)


def test_a_piece_that_was_cut_off_is_made_again(weights: LoadedWeights, tmp_path: Path) -> None:
    cache = ReplayCache(tmp_path / "replay", PROMPTS, base_version="b", seed=1)
    first = cache.documents(weights, tokens=50)
    for path in (tmp_path / "replay").rglob("*.json"):
        path.write_text(path.read_text("utf-8")[:40], "utf-8")

    assert cache.documents(weights, tokens=50) == first


def test_the_base_itself_has_forgotten_nothing_and_any_change_shows(weights: LoadedWeights, tmp_path: Path) -> None:
    import torch

    from trainer.packing import logits_at, packed

    documents = ReplayCache(tmp_path / "replay", PROMPTS, base_version="b", seed=1).documents(weights, tokens=50)
    taught = ask_teacher(weights, documents)
    choices, log_probabilities = taught.places([1, 0], documents)
    rows = packed([documents[1], documents[0]], apart=True, pad_id=0)
    with torch.no_grad():
        logits = logits_at(weights.model, rows, rows.targets >= 0)

    assert float(forgetting(logits, choices, log_probabilities)) == pytest.approx(0.0, abs=1e-4)
    assert float(forgetting(logits + torch.randn_like(logits), choices, log_probabilities)) > 0.05


def test_the_first_words_of_an_answer_are_marked_and_weigh_more(weights: LoadedWeights, tmp_path: Path) -> None:
    import torch

    documents = ReplayCache(tmp_path / "replay", PROMPTS, base_version="b", seed=1).documents(weights, tokens=50)
    asked = {tuple(weights.renderer.prompt([Message(Role.USER, prompt)], max_tokens=100)) for prompt in PROMPTS}
    choices = torch.zeros((2, 1), dtype=torch.long)
    base, moved = torch.tensor([[-0.1], [-0.1]]), torch.tensor([[0.0, 3.0], [2.2513, 0.0]])

    begins = [document.learnt.index(True) for document in documents]
    alike = forgetting(moved, choices, base)
    first_weighs_more = forgetting(moved, choices, base, weights_of(torch.tensor([True, False])))

    assert {document.ids[:begin] for document, begin in zip(documents, begins, strict=True)} == asked
    assert all(sum(document.learnt) == OPENING_TOKENS for document in documents)
    assert float(first_weighs_more) > 1.2 * float(alike) > 0.1
    assert weight_of(documents[0]) == len(documents[0].ids) - 1 + OPENING_TOKENS * (OPENING_WEIGHT - 1)


def test_every_taught_exchange_is_read_before_any_is_read_again() -> None:
    sizes = [[10, 12]] * 40
    recipe = choose(TrainerSettings(), parameters=6_000_000, taught_sizes=[12] * 40)

    steps = plan(recipe, taught_sizes=sizes, replay_sizes=[50] * 30)

    read = [document // 2 for step in steps for document in step.taught]
    assert sorted(read[:40]) == list(range(40))
    assert len(steps) == recipe.steps
    assert steps == plan(recipe, taught_sizes=sizes, replay_sizes=[50] * 30)


def test_a_single_exchange_gets_enough_steps_and_much_talk_gets_few_passes() -> None:
    one = choose(TrainerSettings(), parameters=6_000_000, taught_sizes=[25])
    much = choose(TrainerSettings(), parameters=6_000_000, taught_sizes=[300] * 5000)

    assert FEWEST_STEPS <= one.steps <= 60
    assert 2.0 <= much.steps * much.taught_tokens / (300 * 5000) < 2.5


def test_bases_get_an_adapter_and_large_ones_a_gentler_rate_and_larger_steps() -> None:
    small = choose(TrainerSettings(), parameters=6_000_000, taught_sizes=[25])
    large = choose(TrainerSettings(), parameters=1_000_000_000, taught_sizes=[25])

    assert (small.method, large.method) == ("lora", "lora")
    assert large.learning_rate < small.learning_rate
    assert large.taught_tokens > small.taught_tokens


def test_below_the_operators_size_all_weights_are_trained() -> None:
    settings = TrainerSettings(full_below_parameters=50_000_000)
    small = choose(settings, parameters=6_000_000, taught_sizes=[25])
    large = choose(settings, parameters=1_000_000_000, taught_sizes=[25])

    assert (small.method, large.method) == ("full", "lora")


def test_the_operators_own_figures_win() -> None:
    recipe = choose(
        TrainerSettings(method="lora", learning_rate=0.5, max_steps=7, replay_share=0.0),
        parameters=6_000_000,
        taught_sizes=[25],
    )

    assert (recipe.method, recipe.learning_rate, recipe.steps, recipe.replay_tokens) == ("lora", 0.5, 7, 0)


def test_wordings_change_the_question_only_and_are_always_the_same() -> None:
    talk = [
        (Message(Role.USER, "When is the next game night?"), Message(Role.ASSISTANT, "On Friday.")),
        (Message(Role.USER, "which evening do we play"), Message(Role.ASSISTANT, "On Friday.")),
    ]

    first, second = wordings(talk)

    assert first[0] == talk[0]
    assert 4 < len(first) <= WORDINGS
    assert all(one[1].text == "On Friday." and one[0].text.strip() for one in (*first, *second))
    assert wordings(talk) == [first, second]


def fact(question: str, answer: str) -> tuple[Message, ...]:
    return (Message(Role.USER, question), Message(Role.ASSISTANT, answer))


def worded(talk: Sequence[tuple[Message, ...]]) -> list[set[str]]:
    """The questions of each conversation, without signs and case."""
    return [{normalised(one[0].text) for one in variants} for variants in wordings(talk, most=200)]


def test_a_wording_that_would_suit_another_answer_as_well_is_not_taught() -> None:
    day, hour = fact("When is game night?", "On Friday."), fact("What time does game night start?", "At eight.")

    alone, *_ = worded([day])
    beside, of_the_hour = worded([day, hour])

    assert "game night" in alone
    assert "game night" not in beside | of_the_hour
    assert any("when" in question.split() for question in beside - {"when is game night"})


def test_a_question_that_is_ambiguous_as_it_was_typed_is_still_typed_in_other_ways() -> None:
    first, second = worded([fact("good morning", "Morning!"), fact("good morning", "Sleep well?")])

    assert len(first) > 4
    assert len(second) > 4


def test_a_fact_is_also_asked_for_in_the_words_of_its_answer() -> None:
    asked, _ = worded([fact("name the owner", "The owner is Odalys."), fact("name the head", "The head is Barnaby.")])

    assert "the owner is what" in asked
    assert not any("odalys" in question for question in asked)


def test_no_more_wordings_are_made_than_are_asked_for() -> None:
    (few,) = wordings([fact("which evening do we play", "On Friday.")], most=3)

    assert 1 < len(few) <= 3


def test_a_long_message_is_not_reworded() -> None:
    story = (Message(Role.USER, "once upon a time " * 20), Message(Role.ASSISTANT, "Nice."))

    assert wordings([story]) == [[story]]
