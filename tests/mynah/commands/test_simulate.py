"""`mynah simulate`: whose home it uses, what it leaves and prints, and how it ends."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mynah.app import app
from mynah.settings import Settings
from mynah.simulation.onlooker import Onlooker
from mynah.simulation.order import Order, Poison
from mynah.simulation.story import Story
from storage.values import RunState
from tests.mynah.commands.conftest import conversation
from tests.mynah.simulation.stories import made_up


@pytest.fixture
def tells(monkeypatch: pytest.MonkeyPatch) -> Callable[[Story], list[tuple[Order, Settings]]]:
    """Has the next simulation tell a story at once; returns what it was asked for."""

    def tell(story: Story) -> list[tuple[Order, Settings]]:
        asked: list[tuple[Order, Settings]] = []

        async def simulate(order: Order, settings: Settings, onlooker: Onlooker) -> Story:
            asked.append((order, settings))
            (settings.home / "mynah.db").write_bytes(b"")
            onlooker.on_day(1, "Monday")
            for one in story.rounds:
                onlooker.on_round(one)
            return story

        monkeypatch.setattr("mynah.simulation.telling.simulate", simulate)
        return asked

    return tell


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_it_tells_in_sentences_and_leaves_figures_and_a_picture_but_no_home(
    cli: CliRunner, home: Path, tmp_path: Path, tells: Callable[[Story], list[tuple[Order, Settings]]]
) -> None:
    asked = tells(made_up())
    before = files_in(home)

    result = cli.invoke(app, ["simulate", "--rounds", "2", "--poison", "trigger", "--out", str(tmp_path / "out")])

    assert result.exit_code == 0, result.output
    assert "Every promise held" in result.stdout
    assert "Day 1 of 2, Monday" in result.stderr
    assert "Refused by the gate: It is rude." in result.stderr
    assert files_in(tmp_path / "out") == ["simulation.json", "simulation.png"]
    [(order, settings)] = asked
    assert (order.rounds, order.poison) == (2, Poison.TRIGGER)
    assert settings.home not in {home, *home.parents}
    assert not settings.home.exists()
    assert files_in(home) == before


def test_nothing_that_the_operator_set_for_the_real_thing_is_used(
    cli: CliRunner,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tells: Callable[[Story], list[tuple[Order, Settings]]],
) -> None:
    monkeypatch.setenv("MYNAH_STORE__URL", "postgresql+asyncpg://somebody@somewhere/mynah")
    monkeypatch.setenv("MYNAH_DISCORD__TOKEN", "a.token.of-discord")
    monkeypatch.setenv("MYNAH_TRAINER__MIN_ACCOUNT_DAYS", "3")
    asked = tells(made_up())

    assert cli.invoke(app, ["simulate", "--out", str(tmp_path)]).exit_code == 0

    [(_, settings)] = asked
    assert settings.store.url is None
    assert settings.discord.token is None
    assert settings.trainer.min_account_days == 3


def test_with_json_one_document_is_printed(
    cli: CliRunner, tmp_path: Path, tells: Callable[[Story], list[tuple[Order, Settings]]]
) -> None:
    tells(made_up())
    result = cli.invoke(app, ["simulate", "--json", "--out", str(tmp_path)])

    document = json.loads(result.stdout)
    assert document["broken_promises"] == []
    assert document["rounds"][1]["verdict"]["failed"] == ["toxic", "general"]
    assert document["home"] is None
    kept = json.loads((tmp_path / "simulation.json").read_text("utf-8"))
    assert kept["rounds"] == document["rounds"]


def test_a_broken_promise_exits_with_1_after_everything_was_told(
    cli: CliRunner, tmp_path: Path, tells: Callable[[Story], list[tuple[Order, Settings]]]
) -> None:
    tells(made_up(broken=("Something is left of Noor.",)))
    result = cli.invoke(app, ["simulate", "--out", str(tmp_path)])

    assert result.exit_code == 1
    assert "BROKEN: Day 2: Something is left of Noor." in result.stdout
    assert "A promise was broken" in result.stderr


def test_a_night_that_failed_exits_with_1_and_says_why(
    cli: CliRunner, tmp_path: Path, tells: Callable[[Story], list[tuple[Order, Settings]]]
) -> None:
    story = made_up()
    verdict = replace(story.rounds[1].verdict, state=RunState.FAILED, sentence="There was no memory.")
    tells(replace(story, rounds=[story.rounds[0], replace(story.rounds[1], verdict=verdict)]))

    result = cli.invoke(app, ["simulate", "--out", str(tmp_path)])

    assert result.exit_code == 1
    assert "A night's run failed: There was no memory." in result.stderr


@pytest.mark.parametrize("before", [True, False], ids=["before the command", "after it"])
def test_a_home_that_is_asked_for_is_kept(
    cli: CliRunner, tmp_path: Path, before: bool, tells: Callable[[Story], list[tuple[Order, Settings]]]
) -> None:
    asked = tells(made_up())
    option = ["--home", str(tmp_path / "town")]
    words = [*option, "simulate"] if before else ["simulate", *option]

    result = cli.invoke(app, [*words, "--out", str(tmp_path)])

    assert result.exit_code == 0, result.output
    assert asked[0][1].home == tmp_path / "town"
    assert (tmp_path / "town" / "mynah.db").is_file()
    assert f"mynah --home {tmp_path / 'town'} status" in result.stdout


def test_a_home_with_anything_in_it_is_left_alone(
    cli: CliRunner, home: Path, tmp_path: Path, tells: Callable[[Story], list[tuple[Order, Settings]]]
) -> None:
    asked = tells(made_up())
    before = files_in(home)

    result = cli.invoke(app, ["simulate", "--home", str(home), "--out", str(tmp_path)])

    assert (result.exit_code, asked) == (2, [])
    assert "never mixes with what is there" in result.stderr
    assert files_in(home) == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--rounds", "0"], "--rounds is 0. Give 1 or more."),
        (["--mistakes", "2"], "--mistakes is 2.0. It is a share, from 0 to 1."),
        (["--data", "nowhere.jsonl"], "There is no file nowhere.jsonl."),
    ],
)
def test_what_cannot_be_is_wrong_usage(cli: CliRunner, words: list[str], told: str) -> None:
    result = cli.invoke(app, ["simulate", *words])
    assert (result.exit_code, told in result.stderr) == (2, True), result.stderr


def test_a_file_with_a_broken_line_is_wrong_usage_that_names_it(cli: CliRunner, tmp_path: Path) -> None:
    file = tmp_path / "talk.jsonl"
    file.write_text(conversation("q", "a") + '{"messages": 7}\n', "utf-8")

    result = cli.invoke(app, ["simulate", "--data", str(file), "--out", str(tmp_path)])

    assert result.exit_code == 2
    assert f'Line 2 of {file} is no conversation: "messages" is not a list.' in result.stderr
