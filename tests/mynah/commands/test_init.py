"""`mynah init`, against a Discord of our own."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mynah.app import app
from mynah.settings import load_settings
from tests.mynah.discord_api import TOKEN, DiscordApi, discord_api

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def api() -> Iterator[DiscordApi]:
    with discord_api() as server:
        yield server


def test_a_good_token_is_written_and_the_invite_link_shown(cli: CliRunner, api: DiscordApi) -> None:
    result = cli.invoke(app, ["init", "--token-stdin", "--api", api.url], input=TOKEN + "\n")
    assert result.exit_code == 0
    assert "https://discord.com/oauth2/authorize?client_id=123456789012345678" in result.stdout
    settings = load_settings().discord
    assert settings.token is not None
    assert settings.token.get_secret_value() == TOKEN
    assert TOKEN not in result.output


def test_permission_to_train_is_not_taken_for_granted(cli: CliRunner, api: DiscordApi) -> None:
    cli.invoke(app, ["init", "--token-stdin", "--api", api.url], input=TOKEN + "\n")
    assert load_settings().discord.permission_to_train_confirmed is False


def test_permission_to_train_can_be_confirmed_in_so_many_words(cli: CliRunner, api: DiscordApi) -> None:
    arguments = ["init", "--token-stdin", "--confirm-permission-to-train", "--api", api.url]
    assert cli.invoke(app, arguments, input=TOKEN + "\n").exit_code == 0
    assert load_settings().discord.permission_to_train_confirmed is True


def test_a_wrong_token_is_not_written(cli: CliRunner, api: DiscordApi) -> None:
    result = cli.invoke(app, ["init", "--token-stdin", "--api", api.url], input="wrong\n")
    assert result.exit_code == 2
    assert "does not know this token" in result.stderr
    assert not Path(".env").exists()


def test_no_token_at_all_is_wrong_usage(cli: CliRunner, api: DiscordApi) -> None:
    result = cli.invoke(app, ["init", "--token-stdin", "--api", api.url], input="")
    assert result.exit_code == 2
    assert api.asked == []


def test_without_a_network_nothing_is_written(cli: CliRunner) -> None:
    result = cli.invoke(app, ["init", "--token-stdin", "--api", "http://127.0.0.1:9"], input=TOKEN + "\n")
    assert result.exit_code == 1
    assert "could not be reached" in result.stderr
    assert not Path(".env").exists()


def test_a_closed_intent_is_pointed_out(cli: CliRunner, api: DiscordApi) -> None:
    api.body = b'{"id": "77", "name": "Polly", "flags": 0}'
    result = cli.invoke(app, ["init", "--token-stdin", "--api", api.url], input=TOKEN + "\n")
    assert "Message Content Intent is off" in result.stdout
    assert "https://discord.com/developers/applications/77/bot" in result.stdout


def test_json_is_one_document(cli: CliRunner, api: DiscordApi) -> None:
    result = cli.invoke(app, ["init", "--token-stdin", "--json", "--api", api.url], input=TOKEN + "\n")
    document = json.loads(result.stdout)
    assert document["application"]["name"] == "Polly"
    assert TOKEN not in result.stdout
