"""Pinned conversations: what is kept, what is not, and files that nobody could check by."""

import json
from pathlib import Path
from typing import Any

import pytest

from storage.errors import WrongUsage
from storage.values import RunState
from tests.fakes.speaker import RuleSpeaker
from tests.trainer.conftest import facts, teach
from trainer.golden import check, keep, read_golden
from trainer.serving import train_now
from trainer.settings import TrainerSettings
from trainer.world import TrainerWorld

SETTINGS = TrainerSettings()


def written(folder: Path, *rows: Any) -> Path:
    path = folder / "golden.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


@pytest.mark.parametrize(
    ("pin", "reply", "is_kept"),
    [
        pytest.param({"must_contain": ["friday"]}, "On Friday!", True, id="has it"),
        pytest.param({"must_contain": ["friday"]}, "On Sunday!", False, id="lacks it"),
        pytest.param({"must_contain": ["friday", "eight"]}, "On Friday.", False, id="has one of two"),
        pytest.param({"must_contain": ["fri(day)?|sat"]}, "fri it is", True, id="a pattern"),
        pytest.param({"must_not_contain": ["sunday"]}, "On Sunday!", False, id="says what it must not"),
        pytest.param({"must_not_contain": ["sunday"]}, "On Friday!", True, id="does not"),
        pytest.param({"reply": "Game night is on Friday."}, "game night is on friday!", True, id="nearly the reply"),
        pytest.param({"reply": "Game night is on Friday."}, "I like trains.", False, id="another reply"),
        pytest.param({"reply": "Game night.", "similarity": 0.01}, "Game over", True, id="a low likeness"),
    ],
)
def test_a_pin_is_kept_or_refused(tmp_path: Path, pin: dict[str, Any], reply: str, is_kept: bool) -> None:
    pinned = read_golden(written(tmp_path, {"prompt": "when is game night?", **pin}))
    found = check(keep(RuleSpeaker(lambda text: reply), pinned), SETTINGS)

    assert found.passed is is_kept
    assert is_kept or "line 1" in found.sentence


def test_a_pin_that_the_model_cannot_read_is_not_kept(tmp_path: Path) -> None:
    pinned = read_golden(written(tmp_path, {"prompt": "too long", "must_not_contain": ["x"]}))

    assert not check(keep(RuleSpeaker(longest=3), pinned), SETTINGS).passed


def test_the_operator_may_let_some_go(tmp_path: Path) -> None:
    rows = [{"prompt": f"say {word}", "must_contain": [word]} for word in ("this", "that")]
    kept = keep(RuleSpeaker(lambda text: "this"), read_golden(written(tmp_path, *rows)))

    assert not check(kept, SETTINGS).passed
    assert check(kept, TrainerSettings(max_golden_failures=1)).passed


def test_a_whole_conversation_can_be_pinned_and_is_asked_as_it_stands(tmp_path: Path) -> None:
    told = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "hello"},
        {"role": "user", "content": "when is game night?"},
    ]
    challenger = RuleSpeaker(lambda text: "friday")
    keep(challenger, read_golden(written(tmp_path, {"messages": told, "must_contain": ["friday"]})))

    assert [message.text for message in challenger.asked[0]] == ["hi", "hello", "when is game night?"]


def test_without_a_file_nothing_is_pinned_and_everything_passes(tmp_path: Path) -> None:
    pinned = read_golden(tmp_path / "golden.jsonl")

    assert pinned == ()
    assert check(keep(RuleSpeaker(), pinned), SETTINGS).passed


@pytest.mark.parametrize(
    ("row", "why"),
    [
        pytest.param([], "not an object", id="a list"),
        pytest.param({"must_contain": ["x"]}, "either `prompt` or `messages`", id="no prompt"),
        pytest.param({"prompt": "a", "messages": [], "must_contain": ["x"]}, "either", id="both"),
        pytest.param({"prompt": "hi"}, "pins nothing", id="nothing pinned"),
        pytest.param({"prompt": "hi", "must_contain": []}, "pins nothing", id="empty list"),
        pytest.param({"prompt": "hi", "must_contain": "x"}, "list of patterns", id="a text for a list"),
        pytest.param({"prompt": "hi", "must_contain": [""]}, "list of patterns", id="an empty pattern"),
        pytest.param({"prompt": "hi", "must_contain": ["("]}, "regular expression", id="a broken pattern"),
        pytest.param({"prompt": "hi", "must_contian": ["x"]}, "no key 'must_contian'", id="a misspelt key"),
        pytest.param({"prompt": 7, "must_contain": ["x"]}, "must be a text", id="a number for a prompt"),
        pytest.param({"prompt": " ", "must_contain": ["x"]}, "not empty", id="an empty prompt"),
        pytest.param({"messages": "hi", "must_contain": ["x"]}, "list of objects", id="messages as a text"),
        pytest.param(
            {"messages": [{"role": "bot", "content": "x"}], "reply": "x"}, "list of objects", id="unknown role"
        ),
        pytest.param(
            {"messages": [{"role": "assistant", "content": "x"}], "reply": "x"},
            "must be the user's",
            id="nothing to answer",
        ),
        pytest.param({"prompt": "hi", "reply": ""}, "`reply` must be a text", id="an empty reply"),
        pytest.param({"prompt": "hi", "reply": "x", "similarity": 2}, "`similarity`", id="too alike"),
        pytest.param({"prompt": "hi", "must_contain": ["x"], "similarity": 0.5}, "needs a `reply`", id="like nothing"),
    ],
)
def test_a_broken_line_is_told_with_its_number_and_reason(tmp_path: Path, row: Any, why: str) -> None:
    with pytest.raises(WrongUsage, match="Line 2 of") as raised:
        read_golden(written(tmp_path, {"prompt": "hi", "must_contain": ["x"]}, row))

    assert why in raised.value.what


@pytest.mark.parametrize("content", [b"{not json}\n", b"\xff\xfe{\n", b"[" * 100_000], ids=["json", "bytes", "depth"])
def test_a_file_that_is_no_json_lines_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "golden.jsonl"
    path.write_bytes(content)

    with pytest.raises(WrongUsage, match=r"golden\.jsonl"):
        read_golden(path)


async def test_a_broken_file_is_told_before_a_run_is_begun(world: TrainerWorld, tmp_path: Path) -> None:
    from dataclasses import replace

    path = written(tmp_path, {"prompt": "hi"})

    with pytest.raises(WrongUsage, match="Line 1 of"):
        await train_now(replace(world, golden_file=path), by="command")
    assert await world.store.runs.latest() == []


@pytest.mark.usefixtures("lenient_gate")
async def test_a_new_version_that_breaks_a_pin_is_refused_with_its_line(world: TrainerWorld, tmp_path: Path) -> None:
    from dataclasses import replace

    await teach(world, facts())
    path = written(tmp_path, {"prompt": "what colour is the door?", "must_contain": ["a colour that nobody taught"]})

    run = await train_now(replace(world, golden_file=path), by="command")

    assert run.state is RunState.REFUSED
    assert "golden.jsonl, line 1 is not answered with" in run.note
