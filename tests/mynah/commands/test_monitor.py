"""`mynah monitor` and `mynah status` say how the version that answers wears, and what is proposed."""

import json
from datetime import UTC, date, datetime

import pytest
from typer.testing import CliRunner

from mynah.app import app
from mynah.world import World
from storage.monitoring_values import DayCounts, Measure, MonitoredDay, State, Surprise
from storage.values import ModelVersion
from tests.mynah.commands.conftest import InWorld

AT = datetime(2026, 5, 31, tzinfo=UTC)
WORSE = Measure("votes", State.WORSE, "Votes that are 👎: 60.0% of 100 lately.", 0.6, 0.2, 0.4, 0.2, 0.6, 0.1)
FEW = Measure("drift", State.TOO_FEW, "Too few to say: drift.", limit=0.1)


@pytest.fixture
def monitored(in_world: InWorld[None], versions: list[ModelVersion]) -> str:
    """A champion that wears; its version."""
    first, version = (one.version for one in versions)
    days = [
        MonitoredDay("", first, date(2026, 5, 29), DayCounts(answers=7), AT),
        MonitoredDay(
            "",
            version,
            date(2026, 5, 30),
            DayCounts(answers=100, votes_down=60),
            AT,
            Surprise(2, 10, 20.0, 4.0, 8.0),
            (WORSE, FEW),
        ),
    ]

    async def fill(world: World) -> None:
        await world.store.monitoring.keep(days)
        await world.store.proposals.make("", version, [WORSE.sentence])

    in_world(fill)
    return version


@pytest.mark.usefixtures("home")
def test_before_anything_was_monitored_it_says_when_it_will_be(cli: CliRunner) -> None:
    result = cli.invoke(app, ["monitor"])
    assert result.exit_code == 0
    assert "Nothing was monitored yet" in result.stdout
    assert "monitor " not in cli.invoke(app, ["status"]).stdout


def test_days_measures_and_the_proposal_are_shown(cli: CliRunner, monitored: str) -> None:
    told = cli.invoke(app, ["monitor"]).stdout
    assert "2026-05-29" in told
    assert monitored in told
    assert "7.4" in told, "the perplexity of 20 nats over 10 tokens"
    assert f"worse    {WORSE.sentence}" in told
    assert f"too few  {FEW.sentence}" in told
    assert "mynah train --now" in told


def test_json_has_the_same(cli: CliRunner, monitored: str) -> None:
    document = json.loads(cli.invoke(app, ["monitor", "--json"]).stdout)
    assert document["version"] == monitored
    assert [day["day"] for day in document["days"]] == ["2026-05-29", "2026-05-30"]
    assert [one["state"] for one in document["measures"]] == ["worse", "too-few"]
    assert document["proposal"]["reasons"] == [WORSE.sentence]


@pytest.mark.usefixtures("monitored")
def test_status_says_that_a_retrain_is_proposed(cli: CliRunner) -> None:
    told = cli.invoke(app, ["status"]).stdout
    assert "a retrain is proposed" in told
    [shared] = json.loads(cli.invoke(app, ["status", "--json"]).stdout)["monitoring"]
    assert shared["proposal"]["reasons"] == [WORSE.sentence]


@pytest.mark.usefixtures("home")
def test_an_unknown_line_is_wrong_usage(cli: CliRunner) -> None:
    result = cli.invoke(app, ["monitor", "--line", "nowhere"])
    assert result.exit_code == 2
    assert "nowhere" in result.stderr
