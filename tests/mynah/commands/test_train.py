"""`mynah train --now` and `mynah eval`: verdicts, exit codes, and what is printed where."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mynah.app import app
from mynah.commands.evaluate import read_conversations
from storage.errors import LeaseHeld, WrongUsage
from storage.values import Role, Run, RunState
from tests.mynah.commands.conftest import conversation
from trainer.repeating import Repeated

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def run(state: RunState, note: str) -> Run:
    return Run(1, state, "command", 1.0, note, None, None, None, False, NOW, NOW, NOW)


@pytest.fixture
def ends_with(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Run], None]:
    """Has the next run end in some way, without training anything."""

    @asynccontextmanager
    async def open_trainer(*_: object) -> AsyncIterator[None]:
        yield

    def set_end(end: Run) -> None:
        async def train_now(_: None, *, by: str, line: str, on_progress: Callable[[Run], None]) -> Run:
            assert (by, line) == ("command", "")
            on_progress(run(RunState.TRAINING, ""))
            on_progress(end)
            return end

        monkeypatch.setattr("trainer.serving.train_now", train_now)

    monkeypatch.setattr("mynah.world.open_trainer", open_trainer)
    return set_end


def test_a_promotion_is_told_and_exits_with_0(cli: CliRunner, ends_with: Callable[[Run], None]) -> None:
    ends_with(run(RunState.PROMOTED, "It is better."))
    result = cli.invoke(app, ["train", "--now"])
    assert result.exit_code == 0
    assert result.stdout == "Promoted: It is better.\n"
    assert "training" in result.stderr


def test_a_refusal_exits_with_3_and_says_why(cli: CliRunner, ends_with: Callable[[Run], None]) -> None:
    ends_with(run(RunState.REFUSED, "It forgot too much."))
    result = cli.invoke(app, ["train", "--now", "--json"])
    assert result.exit_code == 3
    assert "It forgot too much." in result.stderr
    document = json.loads(result.stdout)
    assert (document["promoted"], document["reason"]) == (False, "It forgot too much.")
    assert document["run"]["state"] == "refused"


@pytest.mark.parametrize("state", [RunState.FAILED, RunState.CANCELLED])
def test_a_run_that_came_to_nothing_exits_with_1(
    cli: CliRunner, ends_with: Callable[[Run], None], state: RunState
) -> None:
    ends_with(run(state, ""))
    assert cli.invoke(app, ["train", "--now"]).exit_code == 1


def test_without_now_it_says_what_to_do(cli: CliRunner, ends_with: Callable[[Run], None]) -> None:
    result = cli.invoke(app, ["train"])
    assert result.exit_code == 2
    assert "--now" in result.stderr


def test_a_trainer_at_work_elsewhere_is_told(
    cli: CliRunner, ends_with: Callable[[Run], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def train_now(*_: object, **__: object) -> Run:
        raise LeaseHeld("Another process trains now.", advice="Wait for it.")

    monkeypatch.setattr("trainer.serving.train_now", train_now)
    result = cli.invoke(app, ["train", "--now"])
    assert (result.exit_code, result.stderr) == (1, "Another process trains now. Wait for it.\n")


def test_conversations_are_read_as_an_import_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "eval.jsonl"
    path.write_text(conversation("When?", "On Friday.", author="ann") + "\n" + conversation("Where?", "Here."))
    read = read_conversations(path)
    assert [[message.text for message in messages] for messages in read] == [
        ["When?", "On Friday."],
        ["Where?", "Here."],
    ]
    assert read[0][0].role == Role.USER


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "null",
        '{"messages": 5}',
        '{"messages": [{"role": "parrot", "content": "x"}]}',
        '{"messages": [{"role": "user", "content": "only a question"}]}',
        '{"messages": [{"role": "assistant", "content": 7}]}',
        "[" * 100_000,
    ],
    ids=["broken", "list", "null", "no list", "role", "no answer", "no text", "deep"],
)
def test_a_line_that_is_no_conversation_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "eval.jsonl"
    path.write_text(conversation("When?", "On Friday.") + line + "\n")
    with pytest.raises(WrongUsage, match="Line 2"):
        read_conversations(path)


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_an_empty_file_is_wrong_usage(cli: CliRunner, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "empty.jsonl"
    path.write_bytes(content)
    assert cli.invoke(app, ["eval", str(path)]).exit_code == 2


@pytest.mark.usefixtures("home")
def test_a_missing_file_is_wrong_usage(cli: CliRunner) -> None:
    assert cli.invoke(app, ["eval", "nowhere.jsonl"]).exit_code == 2


@pytest.mark.parametrize(
    ("repeated", "exit_code", "told"),
    [("aaaa", 0, "Run 3 again: the same weights, aaaa."), ("bbbb", 1, "its record says aaaa")],
    ids=["same", "other"],
)
def test_a_repeated_run_says_whether_the_weights_are_the_same(
    cli: CliRunner,
    ends_with: Callable[[Run], None],
    monkeypatch: pytest.MonkeyPatch,
    repeated: str,
    exit_code: int,
    told: str,
) -> None:
    async def repeat_run(_: None, run_id: int, *, tell: Callable[[float, str], None]) -> Repeated:
        tell(0.5, "Training: step 1 of 2, loss 3.00.")
        tell(0.9, "Training: step 2 of 2, loss 2.00.")
        return Repeated(run_id, "aaaa", repeated, "cpu")

    monkeypatch.setattr("trainer.serving.repeat_run", repeat_run)
    result = cli.invoke(app, ["train", "--repeat", "3"])
    assert result.exit_code == exit_code
    assert told in result.stdout
    assert result.stderr.count("Training") == 1
    document = json.loads(cli.invoke(app, ["train", "--repeat", "3", "--json"]).stdout)
    assert document == {"run": 3, "recorded": "aaaa", "repeated": repeated, "same": exit_code == 0}


def test_training_now_and_repeating_are_two_things(cli: CliRunner) -> None:
    result = cli.invoke(app, ["train", "--now", "--repeat", "3"])
    assert result.exit_code == 2
    assert "Say one." in result.stderr
