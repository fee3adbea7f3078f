"""Dialogue is parted alike for a seed, dealt whole, and a file that is none is refused with what to do."""

import json
from pathlib import Path

import pytest

from mynah.simulation.talk import FEWEST, read_talk
from storage.errors import WrongUsage
from tests.mynah.commands.conftest import conversation


def test_what_ships_is_enough_and_is_parted_alike_for_a_seed() -> None:
    talk = read_talk(None, 1)

    assert len(talk.said) + len(talk.held_out) > 100
    assert talk == read_talk(None, 1)
    assert talk != read_talk(None, 2)
    assert not set(talk.said) & set(talk.held_out)
    assert len(talk.held_out) >= 8


def test_conversations_of_nobody_are_dealt_in_turns_and_an_authors_all_to_one_member(tmp_path: Path) -> None:
    nobody = read_talk(None, 1)
    assert {len(deck) for deck in nobody.dealt_to(4)} <= {len(nobody.said) // 4, len(nobody.said) // 4 + 1}

    file = tmp_path / "talk.jsonl"
    file.write_text("".join(conversation(f"q{n}", f"a{n}", author=f"author {n % 5}") for n in range(30)), "utf-8")
    for deck in read_talk(file, 1).dealt_to(5):
        assert len({one.author for one in deck}) <= 1


def test_only_what_a_user_said_right_before_an_answer_is_said(tmp_path: Path) -> None:
    messages = [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": "one"},
        {"role": "user", "content": "two"},
        {"role": "assistant", "content": "three"},
        {"role": "assistant", "content": "four"},
    ]
    file = tmp_path / "talk.jsonl"
    lines = [conversation(f"q{n}", f"a{n}") for n in range(FEWEST)]
    file.write_text("".join(lines) + json.dumps({"messages": messages}) + "\n", "utf-8")

    talk = read_talk(file, 1)

    exchanges = [exchange for one in (*talk.said, *talk.held_out) for exchange in one.exchanges]
    assert ("two", "three") in [(one.asked, one.wanted) for one in exchanges]
    assert not {"one", "be kind"} & {one.asked for one in exchanges}
    assert "four" not in {one.wanted for one in exchanges}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (conversation("q", "a") + "{", "Line 2 of .*: not JSON"),
        (conversation("q", "a") + '{"messages": []}', 'Line 2 of .* "messages" is empty'),
        (conversation("q", "a") * (FEWEST - 1), "15 conversations"),
        ("", "is empty"),
    ],
    ids=["no JSON", "no messages", "too few", "empty"],
)
def test_a_file_that_is_no_dialogue_is_refused_with_its_line(tmp_path: Path, content: str, reason: str) -> None:
    file = tmp_path / "talk.jsonl"
    file.write_text(content, "utf-8")
    with pytest.raises(WrongUsage, match=reason):
        read_talk(file, 1)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(WrongUsage, match="There is no file"):
        read_talk(tmp_path / "nowhere.jsonl", 1)
