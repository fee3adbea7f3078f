"""`mynah prepare`: what people and programs are told, and how it ends."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from mynah.app import app
from mynah.terminal.preparing import PrepareSteps
from tests.fakes.screening import WordScreening
from tests.mynah.commands.conftest import conversation
from trainer.growing.dataset import open_dataset
from trainer.growing.preparing import Step

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """A folder with talk, some of which may not be learnt, and a file that is none."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "talk.jsonl").write_text(
        conversation("When is game night?", "On Friday.")
        + conversation("Where is it held?", "In the blue room.")
        + conversation("Who may come along?", "Write to ann@example.org")
        + conversation("What do you say?", "damn")
    )
    (folder / "photo.txt").write_bytes(b"\x89PNG" + bytes(range(256)))
    return folder


def test_a_name_without_a_slash_lies_in_the_home(cli: CliRunner, talk: Path, home: Path) -> None:
    result = cli.invoke(app, ["prepare", str(talk), "--out", "mine"])
    assert result.exit_code == 0, result.output
    assert len(list(open_dataset(home / "datasets" / "mine").train())) == 1
    assert "mynah pretrain mine" in result.stdout


def test_a_path_lies_where_it_says(cli: CliRunner, talk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = cli.invoke(app, ["prepare", "mine/talk.jsonl", "--out", "./made"])
    assert result.exit_code == 0, result.output
    open_dataset(tmp_path / "made").verify()
    assert f"mynah pretrain {tmp_path / 'made'}" in result.stdout


def test_people_are_told_what_became_of_everything(cli: CliRunner, talk: Path) -> None:
    told = cli.invoke(app, ["prepare", str(talk), "--out", "mine"]).stdout
    for words in ("toxicity:insult", "personal-data:email", "photo.txt: is not text", "talk.jsonl (unknown)"):
        assert words in told


def test_json_is_the_card_and_nothing_else_is_printed(cli: CliRunner, talk: Path, home: Path) -> None:
    result = cli.invoke(app, ["prepare", str(talk), "--out", "mine", "--json"])
    document = json.loads(result.stdout)
    assert document["folder"] == str(home / "datasets" / "mine")
    assert document["content_hash"] == open_dataset(home / "datasets" / "mine").content_hash
    assert document["conversations"]["read"]["conversations"] == 4


def test_without_the_screen_only_personal_data_is_looked_for_and_that_is_said_loudly(
    cli: CliRunner, talk: Path, word_screening: WordScreening
) -> None:
    result = cli.invoke(app, ["prepare", str(talk), "--out", "mine", "--no-screen", "--json"])
    card = json.loads(result.stdout)
    assert word_screening.checked == []
    assert card["dropped"] == {"personal-data:email": 1}
    assert "NOT SCREENED" in card["notes"][0]
    assert "NOT SCREENED" in cli.invoke(app, ["prepare", str(talk), "--out", "two", "--no-screen"]).stdout


def test_options_reach_the_card(cli: CliRunner, talk: Path) -> None:
    arguments = ["--lowercase", "--licence", "CC0", "--heldout", "0.5", "--seed", "7", "--longest-turn", "100"]
    result = cli.invoke(app, ["prepare", str(talk), "--out", "mine", "--skip", "x*", "--json", *arguments])
    options = json.loads(result.stdout)["options"]
    assert options == {
        "heldout_share": 0.5,
        "longest_turn": 100,
        "lowercase": True,
        "spelling": None,
        "screened": True,
        "licence": "CC0",
        "skip": ["x*"],
        "seed": 7,
    }


def test_a_dataset_is_replaced_only_with_force(cli: CliRunner, talk: Path) -> None:
    command = ["prepare", str(talk), "--out", "mine"]
    assert cli.invoke(app, command).exit_code == 0
    refused = cli.invoke(app, command)
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert cli.invoke(app, [*command, "--force"]).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere", "--out", "mine"], "There is no file or folder nowhere"),
        (["hf:talk", "--out", "mine"], "hf:owner/name"),
        (["TALK", "--out", "mine", "--heldout", "1.5"], "--heldout 1.5"),
        (["TALK", "--out", ".."], "names no folder"),
        (["TALK", "--out", ""], "names no folder"),
        (["TALK", "--out", "mine", "--longest-turn", "0"], "--longest-turn"),
        (["TALK"], "--out"),
        (["--out", "mine"], "SOURCE"),
    ],
    ids=["no source", "no dataset", "a share", "above", "no name", "no length", "no place", "no talk"],
)
def test_wrong_usage_exits_with_2_and_leaves_nothing(
    cli: CliRunner, talk: Path, home: Path, arguments: list[str], told: str
) -> None:
    result = cli.invoke(app, ["prepare", *(str(talk) if one == "TALK" else one for one in arguments)])
    assert result.exit_code == 2
    assert told in result.stderr
    assert not list(home.glob("datasets/*"))


def test_a_missing_spelling_library_is_said_before_anything_is_read(
    cli: CliRunner, talk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "spellchecker", None)
    result = cli.invoke(app, ["prepare", str(talk), "--out", "mine", "--spelling", "en"])
    assert result.exit_code == 2
    assert "mynah[spelling]" in result.stderr


def test_a_process_that_is_told_to_end_leaves_no_half_folder(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "talk.txt"
    path.write_text("".join(f"Ann: {number} and {number * 7}\nBen: so {number * 3}\n\n" for number in range(200_000)))
    process = subprocess.Popen(
        [sys.executable, "-m", "mynah", "prepare", str(path), "--out", "mine", "--no-screen"],
        stderr=subprocess.PIPE,
        env={**os.environ, "MYNAH_HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert process.stderr is not None
    with process:
        first = process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
    assert b"reading talk.txt" in first
    assert process.returncode == 128 + signal.SIGTERM
    assert list((home / "datasets").iterdir()) == []


def test_a_log_gets_a_line_every_some_seconds() -> None:
    now = 0.0
    written = io.StringIO()
    steps = PrepareSteps(Console(file=written), is_live=False, seconds=lambda: now)
    for now in (0.0, 1.0, 9.0, 11.0, 12.0, 30.0):
        steps.show(Step(f"reading at {now:g}", now / 30, int(now)))
    assert [line.split(",")[0].split("reading ")[1] for line in written.getvalue().splitlines()] == [
        "at 0",
        "at 11",
        "at 30",
    ]
