"""Fixtures for the composition root: a home of its own for each test, and nothing left behind in the process."""

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mynah.logs import take_down_logs


@pytest.fixture(autouse=True)
def apart(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads this machine's settings, and none leaves its log handlers or its levels behind."""
    for name in ("TRANSFORMERS_VERBOSITY", "TOKENIZERS_PARALLELISM", "MPLBACKEND"):
        monkeypatch.setenv(name, "")  # so that what a command sets is taken back
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path_factory.mktemp("working-folder"))
    level = logging.getLogger().level
    yield
    take_down_logs()
    logging.getLogger().setLevel(level)


@pytest.fixture
def home(tmp_path: Path, migrated_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with an empty database, which every command uses."""
    folder = shutil.copytree(migrated_home, tmp_path / "mynah-home")
    monkeypatch.setenv("MYNAH_HOME", str(folder))
    return folder


@pytest.fixture
def cli() -> CliRunner:
    """Runs commands in this process."""
    return CliRunner()
