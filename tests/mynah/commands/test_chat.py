"""`mynah chat --once`: one reply, and the exit code that goes with it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from typer.testing import CliRunner

from bot.chat.service import ChatService
from bot.engine.protocol import EngineFailed
from mynah.app import app
from mynah.settings import Settings
from mynah.world import ChatWorld, open_world
from tests.fakes.engine import ScriptedEngine
from tests.fakes.screening import WordScreening

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> ScriptedEngine:
    """The engine that the command talks to, instead of one that takes seconds to load."""
    scripted = ScriptedEngine({"hello": "Good day!"})

    @asynccontextmanager
    async def open_chat(settings: Settings, *, learns: bool, **_: object) -> AsyncIterator[ChatWorld]:
        async with open_world(settings) as world:
            screening = WordScreening()
            service = ChatService(
                store=world.store,
                engine=scripted,
                screening=screening,
                chat=settings.chat,
                engine_settings=settings.engine,
                crisis_text="Please talk to someone you trust.",
                clock=world.clock,
                may_learn_in=lambda _: learns,
            )
            yield ChatWorld(world, scripted, screening, service)

    monkeypatch.setattr("mynah.world.open_chat", open_chat)
    return scripted


def test_only_the_reply_is_printed(cli: CliRunner) -> None:
    result = cli.invoke(app, ["chat", "--once", "hello"])
    assert (result.exit_code, result.stdout, result.stderr) == (0, "Good day!\n", "")


def test_as_json_the_reply_names_its_model(cli: CliRunner, engine: ScriptedEngine) -> None:
    document = json.loads(cli.invoke(app, ["chat", "--once", "hello", "--json"]).stdout)
    assert document == {"reply": "Good day!", "kind": "answer", "model_version": engine.version}


def test_a_question_depends_on_nothing_asked_before(cli: CliRunner, engine: ScriptedEngine) -> None:
    for _ in range(2):
        cli.invoke(app, ["chat", "--once", "hello"])
    assert [len(seen) for seen in engine.seen] == [1, 1]


@pytest.mark.parametrize("text", ["x" * 100_000, "damn"], ids=["too long", "unwelcome"])
def test_what_is_refused_exits_with_3(cli: CliRunner, text: str) -> None:
    result = cli.invoke(app, ["chat", "--once", text])
    assert result.exit_code == 3
    assert result.stdout.strip()


def test_what_fails_exits_with_1(cli: CliRunner, engine: ScriptedEngine) -> None:
    engine.fail_with = EngineFailed("broken")
    result = cli.invoke(app, ["chat", "--once", "hello"])
    assert result.exit_code == 1
    assert "Traceback" not in result.output


def test_a_person_in_danger_gets_the_operators_words(cli: CliRunner, engine: ScriptedEngine) -> None:
    result = cli.invoke(app, ["chat", "--once", "everything is hopeless"])
    assert (result.exit_code, result.stdout) == (0, "Please talk to someone you trust.\n")
    assert engine.seen == []


@pytest.mark.parametrize("text", ["", "  \n", "\u3000"], ids=["empty", "spaces", "wide space"])
def test_nothing_to_say_is_wrong_usage(cli: CliRunner, text: str) -> None:
    result = cli.invoke(app, ["chat", "--once", text])
    assert result.exit_code == 2
    assert result.stdout == ""


@pytest.mark.parametrize(
    "text", ["nul \x00 here", "lone \ud800 surrogate", "e" + "\u0301" * 3000, "\u202e\u200b\u2066"]
)
def test_hostile_characters_get_a_reply_and_no_traceback(cli: CliRunner, text: str) -> None:
    result = cli.invoke(app, ["chat", "--once", text])
    assert result.exit_code in (0, 3)
    assert result.stdout.strip()
    assert "Traceback" not in result.output


def test_json_without_once_is_wrong_usage(cli: CliRunner) -> None:
    assert cli.invoke(app, ["chat", "--json"]).exit_code == 2
