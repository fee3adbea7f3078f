"""`mynah recall`: what was measured on the base, and what the setting makes of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mynah.app import app
from mynah.world import World, ensure_champion, selected_base
from tests.mynah.commands.conftest import InWorld

pytestmark = pytest.mark.usefixtures("home")

FIGURES = {
    "questions": 80,
    "right_without": 1,
    "right_with": 40,
    "recalled": 57,
    "small_talk": 60,
    "small_talk_recalled": 0,
    "small_talk_changed": 0,
    "degenerate_with": 0,
}


async def measured(world: World) -> None:
    await ensure_champion(world)
    base = await selected_base(world)
    await world.store.recalls.set_measure(base.content_hash, helps=True, figures=FIGURES)


def test_recalling_is_off_until_it_was_measured(cli: CliRunner) -> None:
    shown = cli.invoke(app, ["recall", "show"])
    assert "mynah recall measure" in shown.stdout
    assert "Recalling is off" in shown.stdout


@pytest.mark.parametrize(("setting", "is_on"), [("auto", True), ("off", False)])
def test_the_setting_goes_by_the_measurement(
    cli: CliRunner, in_world: InWorld[Any], monkeypatch: pytest.MonkeyPatch, setting: str, is_on: bool
) -> None:
    in_world(measured)
    monkeypatch.setenv("MYNAH_CHAT__RECALL", setting)
    document = json.loads(cli.invoke(app, ["recall", "show", "--json"]).stdout)
    assert (document["helps"], document["is_on"], document["setting"]) == (True, is_on, setting)
    assert document["figures"] == FIGURES
    assert "1 of 80 without, 40 with" in cli.invoke(app, ["recall", "show"]).stdout


def test_a_broken_file_of_facts_ends_it_before_anything_is_measured(cli: CliRunner, tmp_path: Path) -> None:
    file = tmp_path / "facts.jsonl"
    file.write_text("{}\n", "utf-8")
    result = cli.invoke(app, ["recall", "measure", "--facts", str(file)])
    assert result.exit_code == 2
    assert "Line 1 of" in result.stderr


def test_measuring_keeps_the_figures(cli: CliRunner, tmp_path: Path) -> None:
    file = tmp_path / "facts.jsonl"
    fact = {"answer": "It is Rex.", "accepted": ["rex"], "taught": ["who is the dog"], "unseen": ["who's the dog"]}
    file.write_text(f"{json.dumps(fact)}\n", "utf-8")
    document = json.loads(cli.invoke(app, ["recall", "measure", "--facts", str(file), "--json"]).stdout)
    assert (document["figures"]["questions"], document["figures"]["recalled"]) == (1, 1)
    assert json.loads(cli.invoke(app, ["recall", "show", "--json"]).stdout) == document
