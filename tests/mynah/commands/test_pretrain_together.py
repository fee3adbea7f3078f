"""`mynah pretrain` in several processes, and what is refused before they start."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from mynah.app import app
from tests.mynah.commands.test_pretrain import TINY, talk  # noqa: F401 - a fixture

ROOT = Path(__file__).parents[3]


@pytest.mark.timeout(900)  # three processes import torch: seconds on a free machine, minutes on a busy one
def test_processes_that_torchrun_started_grow_one_model_and_one_of_them_tells(home: Path, talk: Path) -> None:  # noqa: F811
    torchrun = [sys.executable, "-W", "ignore", "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command = [*torchrun, "-m", "mynah", "pretrain", "talk", *TINY, "--tokens", "256", "--out", "small"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "MYNAH_HOME": str(home), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (home / "grown" / "small" / "model.safetensors").is_file()
    assert done.stdout.count("tokens read.") == 1
    assert not (home / "grown" / ".small.growing").exists()


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


REFUSED: list[tuple[list[str], Mapping[str, str], str]] = [
    (["--processes", "4"], {}, "4 processes need as many GPUs, and this machine has 2."),
    ([], {"MYNAH_TRAINER__PROCESSES": "3"}, "3 processes need as many GPUs"),
    (["--processes", "0"], {}, "--processes"),
    ([], {"MYNAH_TRAINER__PROCESSES": "0"}, "MYNAH_TRAINER__PROCESSES"),
    (["--minutes", "1"], {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "2"}, "Give --epochs or --tokens."),
]


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(("options", "environment", "told"), REFUSED)
def test_what_cannot_be_spread_is_wrong_usage_and_leaves_nothing(
    cli: CliRunner,
    home: Path,
    talk: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    environment: Mapping[str, str],
    told: str,
) -> None:
    for name, text in environment.items():
        monkeypatch.setenv(name, text)
    result = cli.invoke(app, ["pretrain", "talk", *options])
    assert result.exit_code == 2, result.output
    assert told in result.stderr
    assert not (home / "grown").exists()


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize("command", [["trainer"], ["train", "--now"]], ids=["trainer", "train"])
def test_a_trainer_that_cannot_spread_its_rounds_does_not_start(
    cli: CliRunner, home: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("MYNAH_TRAINER__PROCESSES", "8")
    result = cli.invoke(app, command)
    assert result.exit_code == 2, result.output
    assert "8 processes need as many GPUs" in result.stderr
