"""Lines on the command line: which model is meant, what is refused, and what is said of forgotten members."""

import json
import re
from typing import Any

import pytest
from typer.testing import CliRunner

from mynah.app import app
from mynah.world import World
from storage.governance import CanaryOutcome
from storage.values import Alias, ModelVersion, Snapshot
from tests.mynah.commands.conftest import InWorld
from tests.storage.talk import agreed, approved, example

ISLAND = "123456789"


@pytest.fixture
def island(in_world: InWorld[Any]) -> str:
    """A server with a line of its own."""

    async def begin(world: World) -> None:
        await world.store.server_settings.set(ISLAND, "own_line", True, "admin")

    in_world(begin)
    return ISLAND


@pytest.fixture
def learnt(in_world: InWorld[Any], versions: list[ModelVersion]) -> int:
    """The first of two versions has learnt from ada, who was forgotten; gives her receipt."""

    async def teach(world: World) -> int | None:
        store = world.store
        candidate = await approved(store, example())
        await store.snapshots.add(Snapshot("s-1", "snapshots/1", 1, 0, world.clock()), [candidate.id])
        await store.aliases.add_version(
            ModelVersion("v-ada", "a" * 64, "full", versions[0].version, None, "s-1", None, world.clock())
        )
        await store.aliases.promote("v-ada", actor="test", reason="test")
        removed = await store.members.forget("ada")
        await store.aliases.promote(versions[0].version, actor="test", reason="clean")
        return removed.id

    receipt = in_world(teach)
    assert isinstance(receipt, int)
    return receipt


COMMANDS = [["train", "--now"], ["model", "list"], ["model", "show"], ["model", "promote", "x"], ["model", "rollback"]]


@pytest.mark.usefixtures("versions", "island")
@pytest.mark.parametrize("line", ["42", "shared", "../x", "island\x00"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_an_unknown_line_is_refused_and_the_lines_are_named(cli: CliRunner, command: list[str], line: str) -> None:
    result = cli.invoke(app, [*command, "--line", line])
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"--line {ISLAND}" in result.stderr


@pytest.mark.usefixtures("versions")
def test_where_there_are_no_lines_it_says_to_leave_the_option_out(cli: CliRunner) -> None:
    result = cli.invoke(app, ["model", "rollback", "--line", ISLAND])
    assert result.exit_code == 2
    assert "leave --line out" in result.stderr


@pytest.mark.usefixtures("versions")
def test_a_rollback_of_a_line_without_champions_is_refused_and_leaves_the_shared_one(
    cli: CliRunner, island: str, versions: list[ModelVersion], in_world: InWorld[Any]
) -> None:
    assert cli.invoke(app, ["model", "rollback", "--line", island]).exit_code == 3

    async def champion(world: World) -> str | None:
        return await world.store.aliases.current(Alias.CHAMPION)

    assert in_world(champion) == versions[1].version


@pytest.mark.usefixtures("versions")
def test_a_line_without_a_champion_has_none_to_show(cli: CliRunner, island: str) -> None:
    result = cli.invoke(app, ["model", "show", "--line", island])
    assert result.exit_code == 2
    assert island in result.stderr


@pytest.mark.usefixtures("learnt")
def test_a_version_of_one_line_is_not_promoted_on_another(
    cli: CliRunner, island: str, in_world: InWorld[Any], versions: list[ModelVersion]
) -> None:
    async def refused(world: World) -> str | None:
        return await world.store.aliases.current(Alias.CHAMPION, island)

    weights = cli.invoke(app, ["model", "promote", versions[0].version, "--line", island])
    assert weights.exit_code == 0
    assert cli.invoke(app, ["model", "promote", "v-ada", "--line", island]).exit_code != 0
    assert in_world(refused) == versions[0].version


def test_a_promotion_on_a_line_moves_only_that_one(cli: CliRunner, island: str, versions: list[ModelVersion]) -> None:
    result = cli.invoke(app, ["model", "promote", versions[0].version, "--line", island, "--json"])
    assert result.exit_code == 0
    listed = json.loads(cli.invoke(app, ["model", "list", "--json"]).stdout)
    assert listed["champions"] == {"": versions[1].version, island: versions[0].version}
    assert f"champion of {island}" in cli.invoke(app, ["model", "list"]).stdout
    of_line = json.loads(cli.invoke(app, ["model", "list", "--line", island, "--json"]).stdout)
    assert of_line["aliases"]["champion"] == versions[0].version


@pytest.mark.usefixtures("learnt")
def test_a_rollback_to_a_version_that_has_learnt_from_a_forgotten_member_warns(cli: CliRunner) -> None:
    result = cli.invoke(app, ["model", "rollback", "--json"])
    document = json.loads(result.stdout)
    assert document["champion"] == "v-ada"
    assert document["receipts_broken"] == 1
    assert "forgotten" in result.stderr


def test_a_promotion_of_a_clean_version_settles_receipts(
    cli: CliRunner, learnt: int, versions: list[ModelVersion], in_world: InWorld[Any]
) -> None:
    async def is_open(world: World) -> bool:
        return [receipt.id for receipt in await world.store.receipts.open()] == [learnt]

    assert in_world(is_open)
    status = json.loads(cli.invoke(app, ["status", "--json"]).stdout)
    assert status["receipts_open"] == 1
    result = cli.invoke(app, ["model", "promote", versions[1].version, "--json"])
    document = json.loads(result.stdout)
    assert (document["receipts_broken"], document["receipts_settled"]) == (0, 1)
    assert re.search(r"(?<![0-9a-f])ada(?![0-9a-f])", result.output) is None  # a version's digits may have it
    assert not in_world(is_open)


def test_a_promotion_by_hand_ends_the_canary_of_its_line(
    cli: CliRunner, versions: list[ModelVersion], in_world: InWorld[Any]
) -> None:
    async def start(world: World) -> None:
        await world.store.canaries.start(versions[0].version, 0.25, actor="admin")

    async def outcome(world: World) -> CanaryOutcome | None:
        [canary] = await world.store.canaries.history()
        return canary.outcome

    in_world(start)
    assert "25%" in cli.invoke(app, ["status"]).stdout
    assert cli.invoke(app, ["model", "promote", versions[0].version]).exit_code == 0
    assert in_world(outcome) == CanaryOutcome.PROMOTED
    assert "canary" not in cli.invoke(app, ["status"]).stdout


@pytest.mark.usefixtures("versions")
def test_status_tells_of_each_line(cli: CliRunner, island: str, versions: list[ModelVersion]) -> None:
    lines = json.loads(cli.invoke(app, ["status", "--json"]).stdout)["lines"]
    assert [(one["line"], one["champion"]) for one in lines] == [("", versions[1].version), (island, None)]
    assert f"{island}: none yet" in cli.invoke(app, ["status"]).stdout


def test_status_tells_how_many_wait_and_since_when(cli: CliRunner, in_world: InWorld[Any], home: object) -> None:
    async def wait(world: World) -> None:
        await agreed(world.store, "ada")
        await world.store.candidates.add(example())

    assert "queue" not in cli.invoke(app, ["status"]).stdout
    in_world(wait)
    queue = json.loads(cli.invoke(app, ["status", "--json"]).stdout)["queue"]
    assert queue["waiting"] == 1
    assert queue["oldest_at"]


@pytest.mark.usefixtures("home")
def test_forgetting_tells_the_receipts_number(cli: CliRunner) -> None:
    document = json.loads(cli.invoke(app, ["forget", "somebody", "--json"]).stdout)
    assert document["settled"] is True
    assert f"Receipt {document['receipt']['id'] + 1}" in cli.invoke(app, ["forget", "somebody"]).stdout
