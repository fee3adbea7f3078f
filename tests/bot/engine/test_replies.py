from collections.abc import Callable
from typing import Any

import pytest
import torch

from bot.engine.answer_text import AnswerText
from bot.engine.protocol import PromptTooLong, Sampling
from bot.engine.replies import generate_replies
from bot.engine.weights import LoadedWeights
from tests.bot.engine.conftest import GREEDY, user, words
from tests.fakes.models import KINDS, Kind

Load = Callable[[Kind], LoadedWeights]


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_of_replies_equals_the_models_own_greedy_answers(kind: Kind, weights_of: Load) -> None:
    weights = weights_of(kind)
    prompts = words(9)
    own = []
    model: Any = weights.model
    for prompt in prompts:
        ids = torch.tensor([weights.renderer.prompt(prompt, max_tokens=200)])
        text = AnswerText(weights.renderer)
        for token in model.generate(ids, max_new_tokens=24, do_sample=False)[0, ids.shape[1] :].tolist():
            text.add(token)
        text.finish()
        own.append(text.text)
    assert generate_replies(weights, prompts, GREEDY, seed=1, batch_size=4) == own
    assert len(set(own)) > 1


def test_one_seed_gives_one_set_of_replies_and_leaves_other_chance_alone(weights_of: Load) -> None:
    weights = weights_of("llama")
    sampling = Sampling(temperature=1.0, max_new_tokens=12)
    torch.manual_seed(3)
    expected_chance = torch.rand(1)
    torch.manual_seed(3)
    first = generate_replies(weights, words(4), sampling, seed=5)
    assert torch.equal(torch.rand(1), expected_chance)
    assert generate_replies(weights, words(4), sampling, seed=5) == first
    assert generate_replies(weights, words(4), sampling, seed=6) != first


def test_no_prompts_give_no_replies(weights_of: Load) -> None:
    assert generate_replies(weights_of("llama"), [], GREEDY, seed=1) == []


def test_a_prompt_that_does_not_fit_is_refused(weights_of: Load) -> None:
    with pytest.raises(PromptTooLong):
        generate_replies(weights_of("llama"), [[user("word " * 500)]], GREEDY, seed=1)


def test_a_model_in_training_is_in_training_again_afterwards(weights_of: Load) -> None:
    weights = weights_of("llama")
    weights.model.train(True)
    try:
        generate_replies(weights, words(1), GREEDY, seed=1)
        assert weights.model.training
    finally:
        weights.model.train(False)
