"""Packed documents are read as if each were alone; and a model that cannot do that is found out."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.engine.weights import load_weights
from storage.values import Message, Role
from tests.fakes.models import KINDS, Kind, tiny_model
from trainer.evaluation import document_of, evaluate_conversations, score_documents
from trainer.packing import Document, chunked, keeps_apart, packed

TALKS = [
    [Message(Role.USER, "hello there"), Message(Role.ASSISTANT, "how are you doing today?")],
    [Message(Role.USER, "when is game night?"), Message(Role.ASSISTANT, "game night is on friday at eight.")],
    [Message(Role.USER, "bread?"), Message(Role.ASSISTANT, "bread needs flour, water, salt and yeast.")],
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_costs_the_same_whatever_lies_beside_it(kind: Kind, tmp_path: Path) -> None:
    weights = load_weights(tiny_model(kind, tmp_path), device="cpu")
    documents = [document for talk in TALKS if (document := document_of(weights, talk)) is not None]
    assert len(documents) == len(TALKS)

    beside = score_documents(weights, documents)
    alone = [score_documents(weights, [document])[0] for document in documents]
    others = score_documents(weights, [documents[0], documents[2], documents[2]])

    assert keeps_apart(weights.model, weights.renderer.pad_id)
    for together, by_itself in zip(beside, alone, strict=True):
        assert together.tokens == by_itself.tokens > 0
        assert together.loss == pytest.approx(by_itself.loss, rel=1e-4)
    assert others[0].loss == pytest.approx(beside[0].loss, rel=1e-4)


def test_a_model_that_would_mix_documents_up_gets_them_in_rows_of_their_own(tmp_path: Path) -> None:
    weights = load_weights(tiny_model("llama", tmp_path), device="cpu")
    documents = [document for talk in TALKS if (document := document_of(weights, talk)) is not None]
    expected = score_documents(weights, documents)
    forward = weights.model.forward

    def mixing(**inputs: Any) -> Any:
        inputs.pop("position_ids", None)
        return forward(**inputs)

    weights.model.forward = mixing

    assert not keeps_apart(weights.model, weights.renderer.pad_id)
    for found, wanted in zip(score_documents(weights, documents), expected, strict=True):
        assert found.loss == pytest.approx(wanted.loss, rel=1e-4)
        assert found.correct == wanted.correct


def test_only_the_assistants_words_are_learnt_and_no_document_predicts_the_next_ones_beginning() -> None:
    first = Document((5, 6, 7, 8), (False, False, True, True))
    second = Document((9, 10), (False, True))

    rows = packed([first, second], apart=True, pad_id=0)

    assert rows.targets[0].tolist() == [6, 7, 8, -100, 10, -100]
    assert rows.is_learnt[0].tolist() == [False, True, True, False, True, False]
    assert rows.inputs["position_ids"][0].tolist() == [0, 1, 2, 3, 0, 1]


def test_padding_is_neither_read_nor_learnt() -> None:
    rows = packed([Document((5, 6, 7), (True,) * 3), Document((9, 10), (True,) * 2)], apart=False, pad_id=0)

    assert rows.inputs["attention_mask"].tolist() == [[1, 1, 1], [1, 1, 0]]
    assert rows.targets.tolist() == [[6, 7, -100], [10, -100, -100]]


def test_a_chunk_holds_what_fits_and_a_document_that_never_fits_goes_alone() -> None:
    documents = [Document((1,) * size, (True,) * size) for size in (3, 4, 20, 2, 2)]

    assert chunked(documents, tokens=8) == [[0, 1], [2], [3, 4]]


def test_figures_are_those_of_every_token_by_itself(tmp_path: Path) -> None:
    import torch

    weights = load_weights(tiny_model("smollm", tmp_path), device="cpu")
    weights = replace(weights, context_tokens=200)
    example = weights.renderer.training_example(TALKS[1], max_tokens=200)
    with torch.inference_mode():
        logits = weights.model(torch.tensor([example.ids])).logits[0]
    losses = [
        float(torch.nn.functional.cross_entropy(logits[at - 1], torch.tensor(example.ids[at])))
        for at in range(1, len(example.ids))
        if example.learnt[at]
    ]

    figures = evaluate_conversations(weights, [TALKS[1]])

    assert figures.tokens == len(losses)
    assert figures.perplexity == pytest.approx(float(torch.tensor(losses).mean().exp()), rel=1e-4)
