"""`mynah monitor` and `mynah status` say how the version that answers wears, and what is proposed."""

import asyncio
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mynah.app import app
from mynah.settings import Settings
from mynah.world import open_world
from storage.monitoring_values import DayCounts, Measure, MonitoredDay, State, Surprise
from storage.values import ModelVersion

AT = datetime(2026, 5, 31, tzinfo=UTC)
WORSE = Measure("votes", State.WORSE, "Votes that are 👎: 60.0% of 100 lately.", 0.6, 0.2, 0.4, 0.2, 0.6, 0.1)
FEW = Measure("drift", State.TOO_FEW, "Too few to say: drift.", limit=0.1)


@pytest.fixture
def monitored(home: Path, versions: list[ModelVersion]) -> str:
    """A champion that wears; its version."""
    version = versions[1].version

    async def fill() -> None:
        async with open_world(Settings(home=home)) as world:
            day = MonitoredDay("", version, date(2026, 5, 30), DayCounts(answers=100, votes_down=60), AT)
            kept = [
                MonitoredDay("", versions[0].version, date(2026, 5, 29), DayCounts(answers=7), AT),
                MonitoredDay(
                    "", version, day.day, day.counts, AT, Surprise(2, 10, 20.0, 4.0, 8.0), measures=(WORSE, FEW)
                ),
            ]
            await world.store.monitoring.keep(kept)
            await world.store.proposals.make("", version, [WORSE.sentence])

    asyncio.run(fill())
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
