"""`mynah pretrain`: from prepared talk to a folder that can be talked to."""

import json
import signal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mynah.app import app
from trainer.growing.dataset import DatasetWriter, Talk

TINY = [
    "--size",
    "nano",
    "--vocabulary",
    "300",
    "--context",
    "32",
    "--tokens-a-step",
    "64",
    "--no-vary",
    "--device",
    "cpu",
]


@pytest.fixture
def talk(home: Path) -> Path:
    """A prepared dataset in the home, called `talk`."""
    folder = home / "datasets" / "talk"
    with DatasetWriter(folder) as writer:
        for number in range(40):
            messages = [
                {"role": "user", "content": f"What is {number}?"},
                {"role": "assistant", "content": f"{number} is a number."},
            ]
            writer.add(Talk(messages, "numbers"), is_held_out=number % 10 == 0)
        writer.finish({"sources": {"numbers": {"licences": {"CC0-1.0": 40}}}}, "talk")
    return folder


def test_the_model_is_told_of_and_lies_in_the_home(cli: CliRunner, home: Path, talk: Path) -> None:
    result = cli.invoke(app, ["pretrain", "talk", *TINY, "--tokens", "256", "--out", "small"])
    assert result.exit_code == 0, result.output
    assert (home / "grown" / "small" / "config.json").is_file()
    assert f"MYNAH_ENGINE__BASE={home / 'grown' / 'small'} mynah chat" in result.stdout
    assert "perplexity" in result.stdout
    assert "tokens/s" in result.stderr


def test_json_is_one_document_with_plan_curve_and_figures(cli: CliRunner, home: Path, talk: Path) -> None:
    result = cli.invoke(
        app, ["pretrain", str(talk), *TINY, "--tokens", "128", "--out", str(home / "x" / "m"), "--json"]
    )
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["folder"] == str(home / "x" / "m")
    assert document["plan"]["steps"] == 2
    assert document["curve"][-1]["step"] == 2
    assert set(document["figures"]) == {"numbers", "all"}


def test_a_signal_keeps_what_was_learnt_and_the_same_command_goes_on(
    cli: CliRunner, home: Path, talk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupting(self: object, step: int, steps: int, loss: float) -> None:
        if step == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("mynah.terminal.growing.GrowthSteps.step", interrupting)
    command = ["pretrain", "talk", *TINY, "--tokens", "320", "--json"]
    stopped = cli.invoke(app, command)
    assert stopped.exit_code == 1
    assert "The same command goes on where it was." in stopped.stderr
    assert not (home / "grown" / "talk").exists()
    monkeypatch.undo()
    monkeypatch.setenv("MYNAH_HOME", str(home))
    resumed = cli.invoke(app, command)
    assert resumed.exit_code == 0, resumed.output
    assert json.loads(resumed.stdout)["resumed_from"] >= 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "There is no folder"),
        (["talk", "--size", "huge"], "There is no size 'huge'"),
        (["talk", "--size", "gpt3-175b"], "needs about"),
        (["talk", "--epochs", "2", "--minutes", "3"], "Only one of"),
        (["talk", "--epochs", "0"], "cannot last 0"),
        (["talk", "--tokens", "nan"], "cannot last nan"),
        (["talk", "--learning-rate", "0"], "learns nothing"),
        (["talk", "--weight", "numbers"], "cannot be read"),
        (["talk", "--weight", "numbers=-1"], "cannot be read"),
        (["talk", "--weight", "letters=2"], "There is no source 'letters'"),
        (["talk", "--between-people", "letters"], "Its sources are: numbers"),
        (["talk", "--device", "abacus"], "no device"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_grown_is_refused_with_what_to_do(
    cli: CliRunner, home: Path, talk: Path, arguments: list[str], said: str
) -> None:
    result = cli.invoke(app, ["pretrain", *arguments])
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert not (home / "grown").exists() or not list((home / "grown").iterdir())


def test_a_dataset_without_talk_is_refused(cli: CliRunner, home: Path) -> None:
    with DatasetWriter(home / "datasets" / "empty") as writer:
        writer.finish({}, "empty")
    result = cli.invoke(app, ["pretrain", "empty"])
    assert result.exit_code == 2
    assert "nothing to learn" in result.stderr
