"""`mynah sizes`: every size with what it costs here, and bad options refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mynah.app import app
from trainer import machine
from trainer.growing.sizes import SIZES
from trainer.machine import Machine, Speed


@pytest.fixture(autouse=True)
def two_devices(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """A machine with a card, measured in no time."""
    machines = {
        "cuda": Machine("cuda", "a card", 80 * 10**9, 80 * 10**9, trains_in_half=True),
        "cpu": Machine("cpu", "CPU, 2 threads", 4 * 10**9, 8 * 10**9),
    }
    monkeypatch.setattr(machine, "devices", lambda: list(machines))
    monkeypatch.setattr(machine, "look", machines.__getitem__)
    monkeypatch.setattr(machine, "measure", lambda given: Speed({512: 1e14 if given.trains_in_half else 1e11}))


def printed(cli: CliRunner, *options: str) -> Any:
    result = cli.invoke(app, ["sizes", "--json", *options])
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_the_table_has_every_size_on_every_device(cli: CliRunner) -> None:
    result = cli.invoke(app, ["sizes"])
    assert result.exit_code == 0
    for name in SIZES:
        assert sum(line.startswith(f"{name} ") for line in result.stdout.splitlines()) == 2
    assert "a card: 80 GB free of 80 GB, 100,000 GFLOP/s in bfloat16" in result.stdout
    assert "CPU, 2 threads: 4.0 GB free of 8.0 GB, 100 GFLOP/s in float32" in result.stdout


def test_programs_get_the_same_in_numbers(cli: CliRunner) -> None:
    sizes = {size["name"]: size for size in printed(cli)["sizes"]}
    gpt2 = sizes["gpt2"]
    assert gpt2["parameters"] == 124_439_808
    assert gpt2["tokens"] == 20 * gpt2["parameters"]
    assert gpt2["here"]["cuda"]["fits"]
    assert not gpt2["here"]["cpu"]["fits"]
    assert gpt2["here"]["cuda"]["train_seconds"] < gpt2["here"]["cpu"]["train_seconds"]


def test_tokens_vocabulary_and_architecture_may_be_chosen(cli: CliRunner) -> None:
    options = ("--tokens", "1000000", "--vocabulary", "8192", "--architecture", "gpt2")
    [micro] = [size for size in printed(cli, *options)["sizes"] if size["name"] == "micro"]
    assert (micro["tokens"], micro["vocabulary"], micro["architecture"]) == (1_000_000, 8192, "gpt2")


def test_a_size_of_ones_own_comes_beside_the_named_ones(cli: CliRunner) -> None:
    sizes = printed(cli, "--hidden", "320", "--layers", "3")["sizes"]
    assert len(sizes) == len(SIZES) + 1
    assert (sizes[-1]["name"], sizes[-1]["layers"], sizes[-1]["hidden"], sizes[-1]["heads"]) == ("custom", 3, 320, 5)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--vocabulary", "100"], "vocabulary of 100"),
        (["--architecture", "mamba"], "llama, gpt2"),
        (["--tokens", "0"], "--tokens is 0"),
        (["--tokens-a-step", "-1"], "--tokens-a-step is -1"),
        (["--hidden", "100", "--heads", "3"], "cannot be shared"),
        (["--layers", "0"], "0 layers"),
        (["--context", "4"], "context of 4"),
    ],
    ids=lambda value: str(value),
)
def test_bad_options_are_refused(cli: CliRunner, options: list[str], told: str) -> None:
    result = cli.invoke(app, ["sizes", *options])
    assert result.exit_code == 2
    assert told in result.stderr
    assert not result.stdout
