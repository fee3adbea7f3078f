"""`mynah model promote|rollback|verify`: who answers, and what is refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mynah.app import app
from mynah.world import World
from storage.values import Alias, ModelVersion
from tests.mynah.commands.conftest import InWorld


@pytest.fixture
def champion(in_world: InWorld[Any]) -> Any:
    async def current(world: World) -> str | None:
        return await world.store.aliases.current(Alias.CHAMPION)

    return lambda: in_world(current)


def weights_of(home: Path, version: ModelVersion) -> Path:
    [path] = home.rglob(f"{version.version}*/model.safetensors")
    return path


def test_a_rollback_gives_the_place_back(cli: CliRunner, versions: list[ModelVersion], champion: Any) -> None:
    result = cli.invoke(app, ["model", "rollback"])
    assert result.exit_code == 0
    assert versions[0].version in result.stdout
    assert "running bot" in result.stdout
    assert champion() == versions[0].version


def test_a_rollback_of_the_first_is_refused(cli: CliRunner, versions: list[ModelVersion]) -> None:
    cli.invoke(app, ["model", "rollback"])
    result = cli.invoke(app, ["model", "rollback"])
    assert result.exit_code == 3
    assert result.stderr.strip()


def test_a_promotion_by_the_beginning_of_a_name(cli: CliRunner, versions: list[ModelVersion], champion: Any) -> None:
    result = cli.invoke(app, ["model", "promote", versions[0].version[:8], "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["champion"] == versions[0].version
    assert champion() == versions[0].version


def test_promoting_the_champion_changes_nothing(
    cli: CliRunner, versions: list[ModelVersion], in_world: InWorld[Any]
) -> None:
    async def moves(world: World) -> int:
        return len(await world.store.aliases.history())

    before = in_world(moves)
    assert cli.invoke(app, ["model", "promote", versions[1].version]).exit_code == 0
    assert in_world(moves) == before


def test_a_damaged_version_is_not_promoted(
    cli: CliRunner, home: Path, versions: list[ModelVersion], champion: Any
) -> None:
    path = weights_of(home, versions[0])
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    result = cli.invoke(app, ["model", "promote", versions[0].version])
    assert result.exit_code == 1
    assert champion() == versions[1].version


def test_verifying_finds_the_damaged_one(cli: CliRunner, home: Path, versions: list[ModelVersion]) -> None:
    path = weights_of(home, versions[0])
    path.chmod(0o644)
    path.write_bytes(b"short")
    result = cli.invoke(app, ["model", "verify", "--json"])
    assert result.exit_code == 1
    found = json.loads(result.stdout)["versions"]
    assert found[versions[0].version] != "ok"
    assert found[versions[1].version] == "ok"


def test_a_pickle_beside_the_weights_fails_verification(
    cli: CliRunner, home: Path, versions: list[ModelVersion]
) -> None:
    folder = weights_of(home, versions[1]).parent
    folder.chmod(0o755)
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    assert cli.invoke(app, ["model", "verify", versions[1].version]).exit_code == 1


def test_a_version_without_its_folder_is_not_promoted(
    cli: CliRunner, home: Path, versions: list[ModelVersion], champion: Any
) -> None:
    shutil.rmtree(weights_of(home, versions[0]).parent)
    assert cli.invoke(app, ["model", "promote", versions[0].version]).exit_code == 2
    assert champion() == versions[1].version


@pytest.mark.usefixtures("versions")
def test_whole_versions_verify(cli: CliRunner) -> None:
    assert cli.invoke(app, ["model", "verify"]).exit_code == 0
