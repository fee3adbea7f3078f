"""What recalling is measured to do, and when it is advised."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from storage.errors import WrongUsage
from storage.values import Message, Role
from tests.fakes.clock import FakeClock
from tests.fakes.speaker import RuleSpeaker
from trainer.recall import Fact, RecallFigures, measure_recall, read_facts

FACTS = [
    Fact(
        "Game night is on Friday.", ("friday",), ("when is game night", "the day of game night"), ("when's game night",)
    ),
    Fact(
        "Rex the dog is seven.", ("seven",), ("how old is the dog rex", "age of rex"), ("how old is rex the dog now",)
    ),
]
SMALL_TALK = ["good morning", "how are you"]
HELPFUL = RecallFigures(100, 0, 50, 60, 100, 3, 2, 0)


class Echo(RuleSpeaker):
    """A model that repeats its last answer, and has nothing else to say."""

    def replies(self, conversations: Sequence[Sequence[Message]], *, max_new_tokens: int) -> list[str | None]:
        without = super().replies(conversations, max_new_tokens=max_new_tokens)
        return [
            next((message.text for message in reversed(one) if message.role is Role.ASSISTANT), reply)
            for one, reply in zip(conversations, without, strict=True)
        ]


async def test_unseen_wordings_and_small_talk_are_asked_with_and_without(clock: FakeClock) -> None:
    speaker = Echo()
    figures = await measure_recall(speaker, FACTS, SMALL_TALK, max_tokens=160, clock=clock)
    assert figures == RecallFigures(2, 0, 2, 2, 2, 0, 0, 0)
    assert figures.helps
    assert [len(one) for one in speaker.asked] == [1, 1, 1, 1, 3, 3]


async def test_nothing_is_recalled_over_the_budget(clock: FakeClock) -> None:
    figures = await measure_recall(Echo(), FACTS, SMALL_TALK, max_tokens=17, clock=clock)
    assert (figures.recalled, figures.right_with, figures.helps) == (0, 0, False)


async def test_small_talk_that_finds_a_taught_reply_is_counted(clock: FakeClock) -> None:
    figures = await measure_recall(Echo(), FACTS, ["when is game night?"], max_tokens=160, clock=clock)
    assert (figures.small_talk_recalled, figures.small_talk_changed, figures.helps) == (1, 1, False)


@pytest.mark.parametrize(
    ("changes", "helps"),
    [
        ({}, True),
        ({"right_with": 25}, True),
        ({"right_with": 24}, False),
        ({"right_without": 26}, False),
        ({"small_talk_changed": 5}, True),
        ({"small_talk_changed": 6}, False),
        ({"degenerate_with": 11}, False),
    ],
    ids=str,
)
def test_it_is_advised_only_where_questions_gain_and_small_talk_is_unharmed(
    changes: dict[str, int], helps: bool
) -> None:
    assert replace(HELPFUL, **changes).helps is helps


def test_the_shipped_facts_ask_nothing_as_it_was_taught() -> None:
    facts = read_facts()
    assert len(facts) == 40
    for fact in facts:
        assert len(fact.taught) == 3
        assert fact.is_answered_by(fact.answer)
        assert not {one.casefold() for one in fact.unseen} & {one.casefold() for one in fact.taught}


@pytest.mark.parametrize(
    "line",
    ["{", "[]", '{"answer": "a", "accepted": [], "taught": ["b"], "unseen": ["c"]}',
     '{"answer": "a", "accepted": "a", "taught": ["b"], "unseen": ["c"]}',
     '{"answer": "a", "accepted": ["a"], "taught": ["b"], "unseen": [3]}'],
    ids=["no JSON", "a list", "nothing accepted", "a text for a list", "a number"],
)  # fmt: skip
def test_a_broken_line_is_told_by_its_number(tmp_path: Path, line: str) -> None:
    file = tmp_path / "facts.jsonl"
    file.write_text(f"\n{line}\n", "utf-8")
    with pytest.raises(WrongUsage, match=r"Line 2 of .* is not a fact"):
        read_facts(file)


def test_a_file_without_facts_or_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(WrongUsage, match="cannot be read"):
        read_facts(tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n", "utf-8")
    with pytest.raises(WrongUsage, match="There is no fact"):
        read_facts(tmp_path / "empty.jsonl")
