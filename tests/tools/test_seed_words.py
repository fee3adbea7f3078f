"""The words that the embedded model learns from us."""

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storage.similarity import normalised
from tools.grammar import tidy
from tools.seed import words as seed
from trainer.growing.dataset import Talk

FOLDER = Path(seed.__file__).parent


def _lines(pattern: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(FOLDER.glob(pattern)):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
            yield f"{path.name}:{number}", json.loads(line)


@pytest.fixture(scope="module")
def talks() -> list[Talk]:
    return seed.words(FOLDER, random.Random(1))


def test_every_intent_has_wordings_replies_and_values_for_its_slots() -> None:
    for where, intent in _lines("intents_*.jsonl"):
        assert len(intent["asks"]) >= 2, where
        assert len(intent["replies"]) >= 2, where
        slots = intent.get("slots", {})
        used = set(re.findall(r"\{(\w+)\}", " ".join([*intent["asks"], *intent["replies"]])))
        assert used == set(slots), where
        assert all(slots.values()), where


def test_an_intent_never_asks_the_same_twice() -> None:
    for where, intent in _lines("intents_*.jsonl"):
        asked = [normalised(ask) or ask for ask in intent["asks"]]
        assert len(asked) == len(set(asked)), where


def test_every_template_of_further_wordings_can_be_filled_and_belongs_to_an_intent() -> None:
    dice = random.Random(1)
    for kind in ("everyday", "self"):
        path = FOLDER / f"intents_{kind}.jsonl"
        intents = {intent["intent"]: intent.get("slots", {}) for _, intent in _lines(path.name)}
        for name, known in seed.templates(path).items():
            assert name in intents, name
            for template in known:
                said = tidy(template.chosen(dice))
                assert said, template.line
                assert not set("()|").intersection(said), template.line
                assert set(re.findall(r"\{(\w+)\}", said)) <= set(intents[name]), template.line


def test_further_wordings_get_the_replies_of_their_intent(tmp_path: Path) -> None:
    (tmp_path / "intents_x.jsonl").write_text(json.dumps({"intent": "tea", "asks": ["Tea?"], "replies": ["Yes."]}))
    (tmp_path / "wordings_x.jsonl").write_text(json.dumps({"intent": "tea", "asks": ["(a cup|a pot) of tea( now|) ?"]}))
    (tmp_path / "prompts.txt").write_text("a pot of tea now")
    talks = seed.words(tmp_path, random.Random(1))
    asked = " / ".join(sorted(talk.messages[0]["content"] for talk in talks))
    assert "a cup of tea now?" in asked
    assert "a pot of tea?" in asked
    assert {talk.messages[1]["content"] for talk in talks} == {"Yes."}


def test_in_every_talk_people_take_turns_and_the_assistant_ends() -> None:
    for where, talk in _lines("talks_*.jsonl"):
        roles = [message["role"] for message in talk["messages"]]
        assert roles == ["user", "assistant"] * (len(roles) // 2), where
        assert roles, where
        assert all(message["content"].strip() for message in talk["messages"]), where


def test_nothing_that_the_model_is_judged_by_is_among_its_words(talks: list[Talk]) -> None:
    judged_by = {normalised(prompt) for prompt in seed.prompts(FOLDER)}
    assert len(judged_by) == 50
    assert not any(normalised(message["content"]) in judged_by for talk in talks for message in talk.messages)


def test_slots_are_filled_alike_in_question_and_answer(tmp_path: Path) -> None:
    intent = {
        "intent": "x",
        "asks": ["{thing}?"],
        "replies": ["I know {thing}. {thing} it is."],
        "slots": {"thing": ["tea"]},
    }
    (tmp_path / "intents_x.jsonl").write_text(json.dumps(intent))
    (tmp_path / "prompts.txt").write_text("")
    talk = seed.words(tmp_path, random.Random(1))[0]
    assert [message["content"] for message in talk.messages] == ["Tea?", "I know tea. Tea it is."]


def test_a_slot_without_values_is_told(tmp_path: Path) -> None:
    (tmp_path / "intents_x.jsonl").write_text(json.dumps({"intent": "x", "asks": ["{thing}?"], "replies": ["Yes."]}))
    (tmp_path / "prompts.txt").write_text("")
    with pytest.raises(ValueError, match="no values for the slot thing"):
        seed.words(tmp_path, random.Random(1))


def test_talk_that_says_a_prompt_is_left_out_however_it_is_typed() -> None:
    talk = Talk(
        [{"role": "user", "content": "WHO  built you, and why"}, {"role": "assistant", "content": "People."}], "x"
    )
    other = Talk([{"role": "user", "content": "who built this?"}, {"role": "assistant", "content": "People."}], "x")
    assert list(seed.without_prompts([talk, other], ["who built you, and why?"])) == [other]


def test_the_same_dice_give_the_same_words() -> None:
    assert seed.words(FOLDER, random.Random(7)) == seed.words(FOLDER, random.Random(7))
