"""Commands that look and report: status, model list and show, review list; and what all commands share."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mynah.app import app
from storage.values import ModelVersion

REPORTS = [
    ["status"],
    ["model", "list"],
    ["model", "verify"],
    ["review", "list"],
    ["forget", "somebody"],
]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("command", REPORTS, ids=" ".join)
@pytest.mark.parametrize("is_first", [True, False], ids=["json-first", "json-last"])
def test_json_is_one_document_wherever_the_option_stands(cli: CliRunner, command: list[str], is_first: bool) -> None:
    result = cli.invoke(app, ["--json", *command] if is_first else [*command, "--json"])
    assert result.exit_code == 0
    assert isinstance(json.loads(result.stdout), dict)


@pytest.mark.parametrize("is_first", [True, False], ids=["home-first", "home-last"])
def test_home_may_stand_before_or_after_the_command(cli: CliRunner, home: Path, tmp_path: Path, is_first: bool) -> None:
    option = ["--home", str(tmp_path / "other")]
    result = cli.invoke(app, [*option, "status", "--json"] if is_first else ["status", "--json", *option])
    assert json.loads(result.stdout)["home"] == str(tmp_path / "other")


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("command", [["status"], ["model", "show", "nope"]], ids=" ".join)
def test_an_error_is_in_the_json_document_too(
    cli: CliRunner, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("MYNAH_ENGINE__DEVICE", "tpu")
    result = cli.invoke(app, [*command, "--json"])
    assert result.exit_code == 2
    error = json.loads(result.stdout)["error"]
    assert error["exit_code"] == 2
    assert error["message"] in result.stderr


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    "arguments", [["dance"], ["status", "--loud"], ["import"], ["model", "promote"], ["review", "approve", "one"]]
)
def test_wrong_usage_exits_with_2(cli: CliRunner, arguments: list[str]) -> None:
    result = cli.invoke(app, arguments)
    assert result.exit_code == 2
    assert result.stdout == ""


def test_an_unexpected_error_is_one_sentence_with_the_log_file(
    cli: CliRunner, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("something inside")

    monkeypatch.setattr("mynah.world.open_store", broken)
    result = cli.invoke(app, ["status"])
    assert result.exit_code == 1
    assert str(home / "logs" / "mynah.log") in result.stderr
    assert "Traceback" not in result.output
    assert "something inside" in (home / "logs" / "mynah.log").read_text()


def test_a_home_that_is_a_file_is_wrong_usage(cli: CliRunner, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = cli.invoke(app, ["--home", str(tmp_path / "file"), "status"])
    assert result.exit_code == 2
    assert "--home" in result.stderr


def test_a_file_that_is_no_database_is_refused(cli: CliRunner, home: Path) -> None:
    (home / "mynah.db").write_bytes(b"this is not a database, it is a poem about one" * 100)
    result = cli.invoke(app, ["status"])
    assert result.exit_code == 2
    assert "mynah.db" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.usefixtures("home")
def test_status_of_a_new_home_says_what_to_do(cli: CliRunner) -> None:
    told = cli.invoke(app, ["status"]).stdout
    assert "none yet" in told
    assert "mynah init" in told


@pytest.mark.usefixtures("home")
def test_status_names_the_champion_and_the_one_before(cli: CliRunner, versions: list[ModelVersion]) -> None:
    document = json.loads(cli.invoke(app, ["status", "--json"]).stdout)
    first, second = versions
    assert document["aliases"]["champion"] == second.version
    assert document["aliases"]["previous"] == first.version


@pytest.mark.usefixtures("home")
def test_the_list_names_every_version(cli: CliRunner, versions: list[ModelVersion]) -> None:
    told = cli.invoke(app, ["model", "list"]).stdout
    assert all(version.version in told for version in versions)


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("name", ["champion", None])
def test_show_tells_about_the_champion_by_default(
    cli: CliRunner, versions: list[ModelVersion], name: str | None
) -> None:
    result = cli.invoke(app, ["model", "show", "--json", *([name] if name else [])])
    assert json.loads(result.stdout)["version"]["version"] == versions[1].version


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("name", ["nope", "../../etc", "..", "/etc/passwd", "", "a" * 200, "CHAMPION", "bad\x00name"])
@pytest.mark.parametrize("command", [["model", "show"], ["model", "promote"], ["model", "verify"]], ids=" ".join)
@pytest.mark.usefixtures("versions")
def test_unknown_and_hostile_model_names_exit_with_2(cli: CliRunner, command: list[str], name: str) -> None:
    result = cli.invoke(app, [*command, name])
    assert result.exit_code == 2
    assert result.stderr.strip()
    assert result.stdout == ""
