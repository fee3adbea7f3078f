"""`mynah backup` and `mynah restore` on the command line: exit codes, JSON, folders."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mynah.app import app
from storage.values import ModelVersion


def backup(cli: CliRunner, *arguments: str) -> Any:
    return cli.invoke(app, ["backup", *arguments])


def restore(cli: CliRunner, *arguments: str) -> Any:
    return cli.invoke(app, ["restore", *arguments])


def test_there_and_back(cli: CliRunner, home: Path, versions: list[ModelVersion], tmp_path: Path) -> None:
    file, new = tmp_path / "b.tar.gz", tmp_path / "new"
    told = json.loads(backup(cli, str(file), "--json").stdout)
    assert told["file"] == str(file)
    assert told["bytes"] == file.stat().st_size
    assert set(told["versions"]) == {one.version for one in versions}
    assert (told["left_out"], told["needed"], told["has_author_key"], told["removed"]) == ({}, [], False, [])
    new.mkdir()
    shutil.copy(home / "author.key", new)
    result = restore(cli, str(file), "--home", str(new), "--without-withdrawals", "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert set(told["versions"]) == {one.version for one in versions}
    assert (told["home"], told["forgotten"], told["denials"], told["withdrawals_known"]) == (str(new), [], 0, False)
    assert cli.invoke(app, ["model", "verify", "--home", str(new)]).exit_code == 0


def test_exit_codes(cli: CliRunner, home: Path, versions: list[ModelVersion], tmp_path: Path) -> None:
    file, new = tmp_path / "b.tar.gz", str(tmp_path / "new")
    assert backup(cli, str(tmp_path / "nowhere" / "b.tar.gz")).exit_code == 2
    assert backup(cli, str(file)).exit_code == 0
    assert backup(cli, str(file)).exit_code == 2
    assert restore(cli, str(file)).exit_code == 2  # not empty
    assert restore(cli, str(file), "--home", new).exit_code == 2  # no author key
    shutil.copy(home / "author.key", new)
    refused = restore(cli, str(file), "--home", new, "--json")
    assert refused.exit_code == 3
    assert json.loads(refused.stdout)["error"]["kind"] == "Refused"
    file.write_bytes(file.read_bytes()[:-9])
    assert restore(cli, str(file), "--home", new, "--without-withdrawals").exit_code == 1


def test_a_version_that_answers_and_is_not_in_it_is_a_failure(
    cli: CliRunner, home: Path, versions: list[ModelVersion], tmp_path: Path
) -> None:
    (tmp_path / "all").mkdir()
    backup(cli, str(tmp_path / "all"))
    [whole] = (tmp_path / "all").iterdir()
    shutil.rmtree(home / "models" / versions[1].version)
    result = backup(cli, str(tmp_path / "all"), "--keep", "1", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["needed"] == [versions[1].version]
    assert versions[1].version in result.stderr
    assert whole.exists()


def test_a_folder_keeps_the_newest(cli: CliRunner, home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "all"
    folder.mkdir()
    (folder / "mynah-by-hand.tar.gz").touch()
    for _ in range(3):
        assert backup(cli, str(folder), "--keep", "2").exit_code == 0
    assert len(list(folder.iterdir())) == 3
    assert (folder / "mynah-by-hand.tar.gz").exists()


@pytest.mark.parametrize("keep", ["0", "2"], ids=["none", "of a file"])
def test_what_cannot_be_kept_is_refused(cli: CliRunner, home: Path, tmp_path: Path, keep: str) -> None:
    assert backup(cli, str(tmp_path / "b.tar.gz"), "--keep", keep).exit_code == 2
