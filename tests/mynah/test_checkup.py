"""`mynah doctor`: each thing that can be wrong is found, and says how to mend it."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from bot.settings import DiscordSettings, RemoteSettings
from mynah import checkup
from mynah.app import app
from mynah.checkup import Finding, Health, check_up
from mynah.settings import Settings
from mynah.world import open_world
from storage.errors import ModelDamaged
from storage.settings import ModelsSettings, StoreSettings
from storage.values import Alias
from tests.fakes.model_server import MODEL, model_server
from tests.fakes.screening import WordScreening
from tests.mynah.commands.conftest import fake_model
from tests.mynah.discord_api import TOKEN, DiscordApi, discord_api


@pytest.fixture(autouse=True)
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without loading torch and the real screens, which takes seconds."""
    monkeypatch.setattr(checkup, "torch", lambda _: Finding("torch", Health.OK, "not looked at"))
    monkeypatch.setattr(checkup, "open_screening", lambda _: WordScreening())


@pytest.fixture
def api() -> Iterator[DiscordApi]:
    with discord_api() as server:
        yield server


async def findings(settings: Settings, **more: object) -> dict[str, Finding]:
    return {finding.name: finding async for finding in check_up(settings, **more)}  # type: ignore[arg-type]


def with_token(home: Path, token: str, *, confirmed: bool = False) -> Settings:
    discord = DiscordSettings(token=SecretStr(token), permission_to_train_confirmed=confirmed)
    return Settings(home=home, discord=discord)


async def test_a_new_home_has_no_failure_and_says_what_comes_next(home: Path) -> None:
    found = await findings(Settings(home=home))
    assert not [finding for finding in found.values() if finding.health is Health.FAIL]
    assert found["champion"].health is Health.WARN
    assert found["trainer"].health is Health.WARN
    assert found["discord"].health is Health.WARN
    assert all(finding.mend for finding in found.values() if finding.health is not Health.OK)


async def test_a_home_that_cannot_be_written_fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = await findings(Settings(home=tmp_path / "file" / "home"))
    assert found["home"].health is Health.FAIL
    assert "MYNAH_HOME" in found["home"].mend


async def test_a_locked_database_fails(home: Path) -> None:
    settings = Settings(home=home, store=StoreSettings(busy_timeout_seconds=0.05))
    with closing(sqlite3.connect(home / "mynah.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        found = await findings(settings)
    assert found["database"].health is Health.FAIL
    assert found["database"].mend


async def test_a_damaged_champion_fails(home: Path, tmp_path: Path) -> None:
    async with open_world(Settings(home=home)) as world:
        version = await world.registry.import_folder(fake_model(tmp_path / "base", 1))
        await world.store.aliases.promote(version.version, actor="test", reason="test")
        weights = world.registry.folder(version.version) / "model.safetensors"
    weights.chmod(0o644)
    weights.write_bytes(b"")
    found = await findings(Settings(home=home))
    assert found["models"].health is Health.FAIL
    assert found["champion"].health is Health.FAIL
    assert "rollback" in found["champion"].mend


async def test_a_whole_champion_is_well(home: Path, tmp_path: Path) -> None:
    async with open_world(Settings(home=home)) as world:
        version = await world.registry.import_folder(fake_model(tmp_path / "base", 1))
        await world.store.aliases.promote(version.version, actor="test", reason="test")
        assert await world.store.aliases.current(Alias.CHAMPION) == version.version
    found = await findings(Settings(home=home))
    assert found["champion"] == Finding("champion", Health.OK, version.version)
    assert found["models"].health is Health.OK


async def test_damaged_screens_fail(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(_: Settings) -> None:
        raise ModelDamaged("The checkpoint is not the one that is pinned.", advice="Install Mynah again.")

    monkeypatch.setattr(checkup, "open_screening", damaged)
    found = await findings(Settings(home=home))
    assert found["screening"] == Finding(
        "screening", Health.FAIL, "The checkpoint is not the one that is pinned.", "Install Mynah again."
    )


async def test_a_token_without_a_tokens_form_fails(home: Path) -> None:
    found = await findings(with_token(home, "hunter2"))
    assert found["discord"].health is Health.FAIL
    assert "hunter2" not in str(found)


async def test_a_token_is_sent_nowhere_unless_asked_to(home: Path, api: DiscordApi) -> None:
    found = await findings(with_token(home, TOKEN), api=api.url)
    assert found["discord"].health is Health.OK
    assert api.asked == []


async def test_online_the_token_is_known_and_the_intent_is_on(home: Path, api: DiscordApi) -> None:
    found = await findings(with_token(home, TOKEN), online=True, api=api.url)
    assert (found["discord"].health, found["intents"].health) == (Health.OK, Health.OK)


async def test_online_an_unknown_token_fails(home: Path, api: DiscordApi) -> None:
    api.known_token = "another"
    found = await findings(with_token(home, TOKEN), online=True, api=api.url)
    assert found["discord"].health is Health.FAIL


async def test_online_a_closed_intent_fails(home: Path, api: DiscordApi) -> None:
    api.body = b'{"id": "1", "name": "Polly", "flags": 0}'
    found = await findings(with_token(home, TOKEN), online=True, api=api.url)
    assert found["intents"].health is Health.FAIL
    assert "developers/applications/1" in found["intents"].mend


@pytest.mark.parametrize(("confirmed", "health"), [(False, Health.WARN), (True, Health.OK)])
async def test_the_permission_to_train_is_told(home: Path, confirmed: bool, health: Health) -> None:
    assert (await findings(with_token(home, TOKEN, confirmed=confirmed)))["permission"].health is health


async def test_learning_that_no_admin_has_turned_on_is_told(home: Path) -> None:
    settings = with_token(home, TOKEN, confirmed=True)
    learning = (await findings(settings))["learning"]
    assert learning.health is Health.WARN
    assert "/learning on" in learning.mend
    async with open_world(settings) as world:
        await world.store.server_settings.turn_learning_on("123", "admin")
    assert (await findings(settings))["learning"].health is Health.OK
    assert "learning" not in await findings(with_token(home, TOKEN))


async def test_a_living_trainer_is_seen(home: Path) -> None:
    async with open_world(Settings(home=home)) as world:
        assert await world.store.leases.acquire("trainer", "somebody", ttl_seconds=60)
        assert (await findings(Settings(home=home)))["trainer"].health is Health.OK


@pytest.mark.usefixtures("home")
def test_the_command_reports_as_json_and_exits_with_0_when_nothing_failed(cli: CliRunner) -> None:
    result = cli.invoke(app, ["doctor", "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["ok"] is True


def test_the_command_exits_with_1_when_something_failed(
    cli: CliRunner, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MYNAH_DISCORD__TOKEN", "hunter2")
    result = cli.invoke(app, ["doctor"])
    assert result.exit_code == 1
    assert "fail  discord" in result.stdout
    assert str(home) in result.stdout


async def test_pinned_conversations_are_counted_and_a_broken_line_fails(home: Path) -> None:
    assert (await findings(Settings(home=home)))["golden"].what == "nothing is pinned"
    (home / "golden.jsonl").write_text('{"prompt": "hi", "must_contain": ["hello"]}\n', "utf-8")
    assert (await findings(Settings(home=home)))["golden"].what.startswith("1 pinned")
    (home / "golden.jsonl").write_text('{"prompt": "hi", "must_contain": ["("]}\n', "utf-8")
    broken = (await findings(Settings(home=home)))["golden"]
    assert broken.health is Health.FAIL
    assert "Line 1 of" in broken.what
    assert broken.mend


def remote(home: Path, url: str, **more: object) -> Settings:
    return Settings(home=home, remote=RemoteSettings.model_validate({"urls": (url,), "model": MODEL, **more}))


async def test_a_server_that_takes_adapters_is_well(home: Path) -> None:
    async with model_server() as server:
        found = await checkup.remote(remote(home, server.url, adapters=True))
    assert (found.health, found.what) == (Health.OK, "base-model at 1 servers, which take adapters")


@pytest.mark.parametrize(
    ("more", "health", "what"),
    [
        ({}, Health.WARN, "nothing can be trained"),
        ({"model": "other"}, Health.FAIL, "does not list other"),
        ({"adapters": True}, Health.FAIL, "takes no adapters"),
        ({"key": "wrong"}, Health.FAIL, "status 401"),
    ],
    ids=["own model", "other model", "no adapters", "wrong key"],
)
async def test_what_a_server_lacks_is_told_with_what_mends_it(
    home: Path, more: dict[str, object], health: Health, what: str
) -> None:
    async with model_server(takes_adapters=False, key="right") as server:
        found = await checkup.remote(remote(home, server.url, **{"key": "right", **more}))
    assert found.health is health
    assert what in found.what
    assert found.mend
    assert "wrong" not in found.what + found.mend


async def test_a_server_that_is_away_fails_and_one_of_two_warns(home: Path) -> None:
    gone = "http://127.0.0.1:9/v1"
    assert (await checkup.remote(remote(home, gone))).health is Health.FAIL
    async with model_server() as server:
        found = await checkup.remote(remote(home, server.url, urls=(server.url, gone)))
    assert (found.health, gone in found.what) == (Health.WARN, True)
    assert "remote" not in await findings(Settings(home=home))


async def test_the_model_store_is_looked_at(home: Path, tmp_path: Path) -> None:
    def store(url: str) -> Settings:
        return Settings(home=home, models=ModelsSettings(url=url))

    assert (await findings(store(str(tmp_path / "shared"))))["model store"].what.startswith("0 versions in")
    assert (await checkup.model_store(store("ftp://host/x"))).health is Health.FAIL
    assert "model store" not in await findings(Settings(home=home))
