"""`mynah sweep`: what it prints and writes of a search, and what it refuses."""

import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mynah.app import app
from tests.trainer.growing.conftest import exchange
from trainer.growing import sweep as searching
from trainer.growing.advice import Advice, Lack
from trainer.growing.dataset import DatasetWriter
from trainer.growing.sweep import Sweep, SweepOnlooker, SweepOrder
from trainer.growing.sweep_settings import Settings, Space, Trial, TrialState
from trainer.growing.variations import USUAL, Variations
from trainer.progress import Interrupted, Why

PLAIN = Settings(0.02, 2048, 0.6, 4.0)
BETTER = Settings(0.0341, 1024, 0.4, 2.0)
TRIALS = (
    Trial(0, PLAIN, TrialState.DONE, 3.0, 400_000, 60.0),
    Trial(1, Settings(0.08, 1024, 0.2, 4.0), TrialState.DIVERGED, None, 20_000, 3.0),
    Trial(2, BETTER, TrialState.DONE, 2.7, 200_000, 30.0),
    Trial(3, Settings(0.004, 4096, 1.0, 4.0), TrialState.STOPPED, 5.0, 100_000, 15.0),
)
SPACE = Space(PLAIN, (0.004, 0.08), (1024, 2048, 4096), (0.2, 0.4, 0.6), (1.0, 2.0, 4.0))
ADVICE = Advice(Lack.DATA, "Collect more talk: twice the talk would help.")
FOUND = Sweep(SPACE, 100_000, TRIALS, TRIALS[2], ADVICE, 300.0)


class FakeSearch:
    """Gives what it was told to, and remembers what was asked."""

    def __init__(self) -> None:
        self.found = FOUND
        self.orders: list[SweepOrder] = []
        self.restarts: list[bool] = []

    def __call__(self, order: SweepOrder, folder: Path, onlooker: SweepOnlooker, *, restart: bool) -> Sweep:
        self.orders.append(order)
        self.restarts.append(restart)
        folder.mkdir(parents=True, exist_ok=True)
        onlooker.on_begin("trial 1", PLAIN)
        onlooker.on_step(1, 10, 3.5)
        onlooker.on_end(TRIALS[0])
        return self.found


@pytest.fixture
def search(monkeypatch: pytest.MonkeyPatch) -> FakeSearch:
    fake = FakeSearch()
    monkeypatch.setattr(searching, "sweep", fake)
    return fake


@pytest.fixture
def talk(home: Path) -> Path:
    with DatasetWriter(home / "datasets" / "talk", replaces=False) as writer:
        writer.add(exchange("Hi!", "Hello."), is_held_out=False)
        writer.add(exchange("Bye!", "See you."), is_held_out=True)
        return writer.finish({"licences": {"ours": "CC0-1.0"}}, "talk").folder


Run = Callable[..., Any]


@pytest.fixture
def run(cli: CliRunner, talk: Path) -> Run:
    return lambda *options: cli.invoke(app, ["sweep", "talk", *options])


def test_the_recommended_command_has_the_best_settings_and_can_be_typed(run: Run, search: FakeSearch) -> None:
    result = run("--size", "nano", "--context", "128")
    assert result.exit_code == 0, result.stderr
    [line] = [line for line in result.stdout.splitlines() if "mynah pretrain" in line]
    assert shlex.split(line) == [
        *("mynah", "pretrain", "talk", "--size", "nano", "--context", "128"),
        *("--learning-rate", "0.0341", "--tokens-a-step", "1024", "--decay", "0.4", "--epochs", "2"),
    ]


def test_pretraining_knows_every_recommended_option(run: Run, search: FakeSearch, cli: CliRunner) -> None:
    shown = cli.invoke(app, ["pretrain", "--help"]).stdout
    some = ("--architecture", "gpt2", "--vocabulary", "300", "--seed", "3", "--threads", "1")
    for more in (("--no-vary",), ("--between-people", "ours")):
        words = shlex.split(json.loads(run("--json", *some, *more).stdout)["command"])
        assert set(more) <= set(words)
        assert all(word in shown for word in words if word.startswith("--"))


def test_the_epochs_are_not_recommended_where_the_budget_chose_them(run: Run, search: FakeSearch) -> None:
    short = Space(PLAIN, (0.004, 0.08), (2048,), (0.6,), (0.3,))
    search.found = Sweep(short, 100_000, TRIALS, TRIALS[2], ADVICE, 300.0)
    assert "--epochs" not in json.loads(run("--json").stdout)["command"]


def test_the_table_has_the_best_run_first_and_says_how_the_others_ended(run: Run, search: FakeSearch) -> None:
    rows = [line.split() for line in run().stdout.splitlines() if line[:5].strip().isdigit()]
    assert [row[0] for row in rows] == ["3", "1", "4", "2"]
    assert [row[-1] for row in rows[2:]] == ["stopped", "diverged"]


def test_it_says_what_settings_gain_and_what_is_missing(run: Run, search: FakeSearch) -> None:
    result = run()
    assert "by 26 %" in result.stdout
    assert ADVICE.sentence in result.stdout


def test_few_trials_do_not_praise_the_usual_settings(run: Run, search: FakeSearch) -> None:
    search.found = Sweep(SPACE, 100_000, TRIALS[:1], TRIALS[0], None, 60.0)
    result = run()
    assert "too few to say" in result.stdout
    assert "no time left" in result.stdout


def test_where_nothing_came_to_its_end_nothing_is_recommended(run: Run, search: FakeSearch) -> None:
    search.found = Sweep(SPACE, 100_000, (TRIALS[1],), None, None, 3.0)
    result = run()
    assert "No run came to a usable end" in result.stdout
    assert "mynah pretrain" not in result.stdout


def test_the_record_is_what_programs_get(run: Run, search: FakeSearch, home: Path) -> None:
    printed = json.loads(run("--json").stdout)
    assert printed == json.loads((home / "sweeps" / "talk-micro" / "sweep.json").read_text())
    assert printed["best"]["settings"] == {"learning_rate": 0.0341, "tokens_a_step": 1024, "decay": 0.4, "epochs": 2.0}
    assert printed["advice"]["lack"] == "data"
    assert printed["trials"][1]["perplexity"] is None
    assert printed["order"]["trials"] == 12


def test_options_reach_the_search(run: Run, search: FakeSearch) -> None:
    run("--minutes", "2.5", "--trials", "4", "--size", "nano", "--no-vary", "--restart")
    run("--between-people", "ours")
    first, second = search.orders
    assert (first.minutes, first.trials, first.size.name) == (2.5, 4, "nano")
    assert first.variations == Variations() != USUAL
    assert second.variations == replace(USUAL, symmetric=("ours",))
    assert search.restarts == [True, False]


def test_an_interruption_says_how_to_go_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: Any, **__: Any) -> Sweep:
        raise Interrupted(Why.STOPPING)

    monkeypatch.setattr(searching, "sweep", stop)
    result = run()
    assert result.exit_code == 1
    assert "same command goes on" in result.stderr


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--size", "huge"], "no size 'huge'"),
        (["--vocabulary", "100"], "vocabulary of 100"),
        (["--minutes", "0"], "0 minutes"),
        (["--trials", "0"], "0 trials"),
        (["--size", "gpt3-175b"], "to train and this machine"),
    ],
    ids=lambda value: str(value),
)
def test_bad_options_are_refused(run: Run, options: list[str], told: str) -> None:
    result = run(*options)
    assert result.exit_code == 2
    assert told in result.stderr


def test_a_dataset_that_is_not_there_is_refused(cli: CliRunner, home: Path) -> None:
    result = cli.invoke(app, ["sweep", "nowhere"])
    assert result.exit_code == 2
    assert "mynah prepare" in result.stderr


def test_too_little_talk_is_refused(run: Run) -> None:
    result = run("--size", "nano", "--vocabulary", "300", "--context", "512")
    assert result.exit_code == 2
    assert "talk" in result.stderr
