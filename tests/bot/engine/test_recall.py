"""How an approved exchange is put before a model, and which one."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.engine.recall import likely, tokens_taken, with_recalled
from storage.governance import Neighbour
from storage.values import Candidate, CandidateState, Message, Outcome, Role, Source, Verdict

EXCHANGE = Candidate(
    id=1,
    messages=(),
    server="harbour",
    channel="pier",
    source=Source.MESSAGE,
    verdict=Verdict(Outcome.PASS, ""),
    author_keys=(),
    state=CandidateState.APPROVED,
    content_hash="",
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    user_turn_id=None,
    assistant_turn_id=None,
)


def near(question: str, reply: str = "at noon", score: float = 0.5) -> Neighbour:
    messages = (
        Message(Role.USER, "hello"),
        Message(Role.ASSISTANT, "hi"),
        Message(Role.USER, question),
        Message(Role.ASSISTANT, reply),
    )
    return Neighbour(replace(EXCHANGE, messages=messages), score)


def asked(found: list[Neighbour]) -> list[str]:
    return [one.candidate.messages[-2].text for one in found]


def test_the_wording_that_is_most_alike_comes_first_whatever_the_search_says() -> None:
    found = [near("when does the ferry sail", score=0.9), near("when does the ferry leave", score=0.1)]
    assert asked(likely("when does the ferry leave?", found, max_tokens=160)) == [
        "when does the ferry leave",
        "when does the ferry sail",
    ]


@pytest.mark.parametrize("question", ["where do you live", "good morning", "?!"])
def test_what_asks_something_else_is_left_out(question: str) -> None:
    assert likely(question, [near("which words do we live by here", score=1.0)], max_tokens=160) == []


def test_an_exchange_over_the_budget_makes_room_for_one_within() -> None:
    found = [near("when does the ferry leave", "at noon " * 100), near("when does the ferry sail")]
    assert asked(likely("when does the ferry leave", found, max_tokens=60)) == ["when does the ferry sail"]


def test_tokens_are_counted_by_bytes_so_that_no_script_is_taken_for_short() -> None:
    assert tokens_taken("a" * 9, "b" * 9) == 6 + 16
    assert tokens_taken("я" * 9, "ж" * 9) == 12 + 16


def test_the_question_is_put_once_before_with_the_approved_reply() -> None:
    talk = [Message(Role.SYSTEM, "Be kind."), Message(Role.USER, "when does it leave")]
    assert with_recalled(talk, "At noon.") == [*talk, Message(Role.ASSISTANT, "At noon."), talk[-1]]
