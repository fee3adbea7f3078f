"""The texts that training is judged by are whole, apart from one another, and as many as they claim to be."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks.nonsense import KINDS, Kind, nonsense

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "trainer" / "assets"
DATA = ROOT / "benchmarks" / "data"

Rows = list[dict[str, list[dict[str, str]]]]


def rows(path: Path) -> Rows:
    loaded: Rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return loaded


def questions(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]


def plain(text: str) -> str:
    """Two wordings that differ only in case, spaces and end punctuation are the same one."""
    return " ".join(text.casefold().split()).rstrip(" .!?") or text


def asked(conversations: Rows) -> list[str]:
    return [
        plain(message["content"]) for row in conversations for message in row["messages"] if message["role"] == "user"
    ]


GENERAL = rows(ASSETS / "general.jsonl")
REPLAY = lines(ASSETS / "replay_prompts.txt")
PROBES = lines(ASSETS / "probes.txt")
FACTS = rows(DATA / "facts.jsonl")
UNSEEN = questions(DATA / "facts_unseen.jsonl")


@pytest.mark.parametrize("conversations", [GENERAL, FACTS], ids=["general", "facts"])
def test_a_conversation_alternates_and_ends_with_the_assistant(conversations: Rows) -> None:
    for row in conversations:
        roles = [message["role"] for message in row["messages"]]
        assert roles == ["user", "assistant"] * (len(roles) // 2), row
        assert all(message["content"].strip() == message["content"] != "" for message in row["messages"]), row


def test_the_sets_are_as_large_as_promised() -> None:
    assert len(GENERAL) >= 160
    assert sum(len(row["messages"]) > 2 for row in GENERAL) >= 20
    assert len(REPLAY) >= 400
    assert len(PROBES) == 60
    assert len(FACTS) == 120
    assert len(UNSEEN) == 80
    assert len(lines(DATA / "benign_chat.txt")) >= 200
    assert len(lines(DATA / "unkind_chat.txt")) == 120


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (asked(GENERAL), [plain(line) for line in REPLAY]),
        (asked(GENERAL), [plain(line) for line in PROBES]),
        (asked(GENERAL), asked(FACTS)),
        ([plain(line) for line in REPLAY], [plain(line) for line in PROBES]),
        ([plain(line) for line in REPLAY], asked(FACTS)),
        (asked(FACTS), [plain(row["prompt"]) for row in UNSEEN]),
    ],
    ids=["general-replay", "general-probes", "general-facts", "replay-probes", "replay-facts", "facts-unseen"],
)
def test_what_judges_is_not_what_is_trained_on(one: list[str], other: list[str]) -> None:
    assert set(one) & set(other) == set()


@pytest.mark.parametrize(
    "texts",
    [
        REPLAY,
        PROBES,
        [row["messages"][0]["content"] for row in GENERAL + FACTS],
        lines(DATA / "benign_chat.txt"),
        lines(DATA / "unkind_chat.txt"),
    ],
    ids=["replay", "probes", "openings", "benign", "unkind"],
)
def test_nothing_is_counted_twice(texts: list[str]) -> None:
    assert [text for text, count in Counter(text.casefold() for text in texts).items() if count > 1] == []


FACT_FILES = pytest.mark.parametrize(("name", "count"), [("facts", 40), ("facts200", 200)])


@FACT_FILES
def test_every_fact_has_three_wordings_and_two_unseen_ones_that_its_reply_answers(name: str, count: int) -> None:
    taught, unseen = rows(DATA / f"{name}.jsonl"), questions(DATA / f"{name}_unseen.jsonl")
    replies = list(dict.fromkeys(row["messages"][1]["content"] for row in taught))
    assert len(replies) == count
    assert set(Counter(row["messages"][1]["content"] for row in taught).values()) == {3}
    assert Counter(row["fact"] for row in unseen) == dict.fromkeys(range(1, count + 1), 2)
    for row in unseen:
        assert any(accepted in replies[row["fact"] - 1].casefold() for accepted in row["accepted"]), row
    wordings = asked(taught) + [plain(row["prompt"]) for row in unseen]
    assert len(set(wordings)) == 5 * count


@FACT_FILES
def test_a_swapped_fact_is_not_accepted(name: str, count: int) -> None:
    """Facts must not share an answer, or a mix-up would count as right."""
    replies = list(dict.fromkeys(row["messages"][1]["content"] for row in rows(DATA / f"{name}.jsonl")))
    for row in questions(DATA / f"{name}_unseen.jsonl"):
        accepting = [reply for reply in replies if any(word in reply.casefold() for word in row["accepted"])]
        assert accepting == [replies[row["fact"] - 1]], row


@pytest.mark.parametrize("kind", KINDS)
def test_nonsense_is_the_same_for_a_seed_and_different_for_another(kind: Kind) -> None:
    assert nonsense(kind, 50, 1) == nonsense(kind, 50, 1)
    assert nonsense(kind, 50, 1) != nonsense(kind, 50, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_nonsense_comes_in_different_rows_of_the_import_format(kind: Kind) -> None:
    made = nonsense(kind, 120, 7)
    assert len({json.dumps(row) for row in made}) == 120
    assert all([message["role"] for message in row["messages"]] == ["user", "assistant"] for row in made)


def test_more_nonsense_than_there_is_is_refused() -> None:
    with pytest.raises(ValueError, match="10000 were asked for"):
        nonsense("shuffled", 10_000, 1)
