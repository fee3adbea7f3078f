"""`mynah eval --history`, and a broken `golden.jsonl` on the command line."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mynah.app import app
from mynah.world import World
from storage.values import Evaluation, RunState
from tests.mynah.commands.conftest import InWorld


async def measured(world: World) -> None:
    run = await world.store.runs.request("command")
    rows = [Evaluation(run.id, name, "general", 10, 100, 12.5, 0.5, 1.5) for name in ("old", "new")]
    await world.store.evaluations.add(rows)
    await world.store.runs.advance(run.id, RunState.REFUSED)


def test_the_history_is_a_document_that_can_be_plotted(cli: CliRunner, in_world: InWorld[Any]) -> None:
    in_world(measured)
    result = cli.invoke(app, ["eval", "--history", "--set", "general", "--json"])
    assert result.exit_code == 0
    points = json.loads(result.stdout)["history"]
    assert [(one["version"], one["outcome"], one["is_challenger"]) for one in points] == [
        ("old", "refused", False),
        ("new", "refused", True),
    ]
    assert points[0]["perplexity"] == 12.5
    assert points[0]["measured_at"]


def test_the_history_is_lines_for_people(cli: CliRunner, in_world: InWorld[Any]) -> None:
    assert "No run has measured anything yet" in cli.invoke(app, ["eval", "--history"]).stdout
    in_world(measured)
    shown = cli.invoke(app, ["eval", "--history"]).stdout
    assert "new  refused" in shown
    assert "perplexity 12.50" in shown


@pytest.mark.parametrize("arguments", [["eval"], ["eval", "talk.jsonl", "--history"]], ids=["neither", "both"])
def test_a_file_or_the_history_is_asked_for_not_both(cli: CliRunner, arguments: list[str]) -> None:
    result = cli.invoke(app, arguments)
    assert result.exit_code == 2
    assert "--history" in result.stderr


def test_a_line_that_does_not_exist_is_told(cli: CliRunner) -> None:
    assert cli.invoke(app, ["eval", "--history", "--line", "nobody"]).exit_code == 2


def test_a_broken_file_of_pinned_conversations_ends_training_before_it_begins(cli: CliRunner, home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "golden.jsonl").write_text('{"prompt": "hi", "must_contain": "hello"}\n', "utf-8")
    result = cli.invoke(app, ["train", "--now"])
    assert result.exit_code == 2
    assert "Line 1 of" in result.stderr
    assert "list of patterns" in result.stderr
