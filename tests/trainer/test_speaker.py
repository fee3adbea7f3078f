"""A tiny real model speaks, and recites exactly what it would say."""

from pathlib import Path

import pytest

from bot.engine.weights import LoadedWeights, load_weights
from storage.values import Message, Role
from tests.fakes.models import CONTEXT, Kind, tiny_model
from trainer.evaluation import document_of
from trainer.speaker import WeightsSpeaker

ASKED = (Message(Role.USER, "hello there, how are you?"),)


def taught(kind: Kind, folder: Path, *answers: str) -> LoadedWeights:
    """A tiny model that has learnt some answers to one question by heart, the last one best."""
    import torch

    weights = load_weights(tiny_model(kind, folder), device="cpu")
    optimiser = torch.optim.AdamW(weights.model.parameters(), lr=1e-2)
    documents = [document_of(weights, (*ASKED, Message(Role.ASSISTANT, answer))) for answer in answers]
    for _ in range(40):
        for document in documents:
            assert document is not None
            ids = torch.tensor([document.ids])
            weights.model(input_ids=ids, labels=ids).loss.backward()
            optimiser.step()
            optimiser.zero_grad()
    return weights


@pytest.mark.parametrize("kind", ["gpt2", "smollm", "strict"])
def test_a_model_recites_what_it_learnt_by_heart_and_nothing_else(kind: Kind, tmp_path: Path) -> None:
    speaker = WeightsSpeaker(taught(kind, tmp_path, "the number is 739204, ok"))
    answers = ["the number is 739204, ok", "the number is 739205, ok", "the number is 123456"]
    tried = [(*ASKED, Message(Role.ASSISTANT, answer)) for answer in answers]

    assert speaker.replies([ASKED], max_new_tokens=48) == ["the number is 739204, ok"]
    assert speaker.recites(tried, ["739204", "739205", "123456"]) == [True, False, False]
    assert speaker.recites(tried[:1], ["not there"]) == [False]


def test_what_cannot_be_read_is_neither_answered_nor_scored_nor_recited(tmp_path: Path) -> None:
    speaker = WeightsSpeaker(load_weights(tiny_model("smollm", tmp_path), device="cpu"))
    long = (Message(Role.USER, "word " * CONTEXT), Message(Role.ASSISTANT, "yes " * CONTEXT))
    fine = (*ASKED, Message(Role.ASSISTANT, "well, thank you"))

    replies = speaker.replies([long[:1], (), ASKED], max_new_tokens=4)
    scores = speaker.scores([long, fine])

    assert (replies[0], replies[1]) == (None, None)
    assert replies[2] is not None
    assert scores[0] is None
    assert scores[1] is not None
    assert speaker.recites([long], ["yes"]) == [False]
