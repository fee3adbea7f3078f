import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bot.screening.checkpoint import open_embedded
from storage.errors import ModelDamaged
from tests.tools.screen.data import write_open_data
from tools.screen.card import save
from tools.screen.corpus import bare, corpus, heldout_lines
from tools.screen.examples import HARMLESS, Example
from tools.screen.growing import Recipe, grow, grow_tokenizer, logits_of
from tools.screen.open_data import all_talk

RECIPE = Recipe(seed=3, epochs=40, hidden=32, layers=1, vocabulary=300, learning_rate=3e-3, batch_tokens=256)


def lesson(count: int) -> list[Example]:
    unkind = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    return [
        Example(f"you {'awful' if index % 2 else 'kind'} person {index}", unkind if index % 2 else HARMLESS)
        for index in range(count)
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    learnt = lesson(600)
    tokenizer = grow_tokenizer((example.text for example in learnt), RECIPE.vocabulary)
    model = grow(learnt, tokenizer, ["tea or coffee"] * 5, RECIPE)
    path = tmp_path_factory.mktemp("grown")
    (path / "digest").write_text(save(model, tokenizer, RECIPE, path))
    return path


def test_what_was_grown_opens_as_the_embedded_model_and_has_learnt(folder: Path) -> None:
    reader, thresholds = open_embedded(folder, (folder / "digest").read_text())
    kind, awful = reader.score(["you kind person 77", "you awful person 78"])
    assert kind["insult"] < thresholds.hold["insult"] < awful["insult"]
    assert set(thresholds.refuse) == set(thresholds.hold)


def test_a_changed_card_is_refused(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    card = tmp_path / "card.json"
    card.write_text(card.read_text().replace('"seed": 3', '"seed": 4'))
    with pytest.raises(ModelDamaged, match=r"card\.json"):
        open_embedded(tmp_path, (folder / "digest").read_text())


def test_the_same_seed_grows_the_same_weights() -> None:
    learnt = lesson(200)
    tokenizer = grow_tokenizer((example.text for example in learnt), RECIPE.vocabulary)
    short = replace(RECIPE, epochs=2)
    first, second = (logits_of(grow(learnt, tokenizer, ["tea"], short), tokenizer, ["you kind"]) for _ in range(2))
    assert torch.equal(first, second)


def test_the_corpus_is_the_same_for_the_same_seed_and_never_has_a_line_that_judges(tmp_path: Path) -> None:
    data = write_open_data(tmp_path / "data")
    first, second = (corpus(data, random.Random(1), 0.01) for _ in range(2))
    assert first == second
    learnt, checking = first
    assert len(learnt) > 1000
    assert any(example.is_unkind for example in checking)
    judging = heldout_lines()
    assert not any(bare(example.text) in judging for example in [*learnt, *checking])
    assert not {"never learn this"} & {example.text for example in learnt}
    assert all_talk(data)
