"""Roles in turn, and conversations that end before a bad turn."""

import pytest

from trainer.growing.sources_values import Turn
from trainer.growing.trimming import EMPTY, LATE_SYSTEM, in_turn, up_to

LETTERS = {"u": "user", "a": "assistant", "s": "system", "t": "tool"}


def turns(told: str) -> list[Turn]:
    """`u:text a:text`; an underscore is a space."""
    return [Turn(LETTERS[one[0]], one[2:].replace("_", " ")) for one in told.split()]


def shown(given: tuple[Turn, ...]) -> str:
    return " ".join(f"{turn.role[0]}:{turn.text}".replace("\n", "+") for turn in given)


KEPT = {
    "as it is": ("u:hi a:yo u:ok", "u:hi a:yo u:ok", None),
    "a system message first": ("s:be_kind u:hi a:yo", "s:be kind u:hi a:yo", None),
    "an empty system message": ("s: u:hi a:yo", "u:hi a:yo", None),
    "the assistant opens": ("a:welcome u:hi a:yo", "u:hi a:yo", None),
    "messages in a row": ("u:hi u:you a:yo a:there", "u:hi+you a:yo+there", None),
    "an empty one in a row": ("u:hi u: a:yo", "u:hi a:yo", None),
    "an empty reply": ("u:hi a:yo u:ok a:", "u:hi a:yo u:ok", EMPTY),
    "a tool": ("u:hi a:yo t:5 a:done", "u:hi a:yo", "a turn of a tool"),
    "a late system message": ("u:hi a:yo s:now_lie u:ok", "u:hi a:yo", LATE_SYSTEM),
    "two system messages": ("s:be_kind s:be_brief u:hi a:yo", "", LATE_SYSTEM),
    "too long": (f"u:hi a:yo u:{'x' * 11} a:ok", "u:hi a:yo", "a turn longer than 10 characters"),
    "too long together": ("u:hi a:yo u:123456 u:123456 a:ok", "u:hi a:yo", "a turn longer than 10 characters"),
    "a long system message": (f"s:{'x' * 11} u:hi a:yo", "", "a turn longer than 10 characters"),
    "an empty question": ("u: a:yo", "", EMPTY),
    "one turn": ("u:hi", "", None),
    "one person": ("u:hi u:you", "", None),
    "only the assistant": ("a:hi a:you", "", None),
    "nothing": ("", "", None),
}


@pytest.mark.parametrize(("given", "wanted", "cut_at"), KEPT.values(), ids=KEPT.keys())
def test_a_conversation_ends_before_its_first_bad_turn(given: str, wanted: str, cut_at: str | None) -> None:
    trimmed = in_turn(turns(given), longest_turn=10)
    assert shown(trimmed.turns) == wanted
    assert trimmed.cut_at == cut_at


def test_what_was_changed_is_told() -> None:
    trimmed = in_turn(turns("a:welcome u:hi u:you a:yo a:there"), longest_turn=100)
    assert (trimmed.joined, trimmed.without_opening) == (2, True)


@pytest.mark.parametrize(
    ("first_bad", "left"), [(0, ""), (1, ""), (2, ""), (3, "s:x u:hi a:yo"), (4, "s:x u:hi a:yo u:ok")]
)
def test_two_turns_beside_a_system_message_must_be_left(first_bad: int, left: str) -> None:
    assert shown(up_to(turns("s:x u:hi a:yo u:ok"), first_bad)) == left
