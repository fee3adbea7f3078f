from pathlib import Path

import pytest

from tests.fakes.postgres import program


def install(folder: Path, name: str) -> str:
    folder.mkdir(parents=True)
    made = folder / name
    made.touch(mode=0o755)
    return str(made)


def test_the_programs_of_the_newest_version_that_debian_installed_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    install(tmp_path / "9" / "bin", "initdb")
    newest = install(tmp_path / "15" / "bin", "initdb")
    (tmp_path / "16" / "bin").mkdir(parents=True)
    install(tmp_path / "common" / "bin", "initdb")
    assert program("initdb", tmp_path) == newest
    assert program("pg_ctl", tmp_path) is None


def test_a_program_on_the_path_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = install(tmp_path / "own", "initdb")
    install(tmp_path / "15" / "bin", "initdb")
    monkeypatch.setenv("PATH", str(tmp_path / "own"))
    assert program("initdb", tmp_path) == own
