import re
from types import SimpleNamespace
from typing import Any

import pytest

from bot.cogs.dated import PATTERN, Asked
from storage.errors import Refused
from tests.fakes.clock import FakeClock


def by(user_id: int) -> Any:
    return SimpleNamespace(user=SimpleNamespace(id=user_id))


def at(clock: FakeClock) -> Any:
    return SimpleNamespace(clock=clock)


def test_what_a_custom_id_holds_is_read_back(clock: FakeClock) -> None:
    asked = Asked.now(by(123456789012345678), at(clock))
    found = re.fullmatch(PATTERN, asked.text)
    assert found is not None
    assert Asked.parse(found["user"], found["asked"]) == asked


def test_only_the_one_who_was_asked_may_answer(clock: FakeClock) -> None:
    asked = Asked.now(by(1), at(clock))
    asked.require_open(by(1), at(clock), command="/x")
    with pytest.raises(Refused, match="somebody else"):
        asked.require_open(by(2), at(clock), command="/x")


def test_an_old_question_says_how_to_ask_again(clock: FakeClock) -> None:
    asked = Asked.now(by(1), at(clock))
    clock.advance(600)
    asked.require_open(by(1), at(clock), command="/x")
    clock.advance(1)
    with pytest.raises(Refused, match="Ask again: `/x`"):
        asked.require_open(by(1), at(clock), command="/x")
