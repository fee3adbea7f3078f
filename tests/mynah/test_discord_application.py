"""What Discord says about a token, asked of a server of our own."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from mynah.discord_application import Application, ask_discord, looks_like_a_token
from storage.errors import MynahError, WrongUsage
from tests.mynah.discord_api import TOKEN, DiscordApi, discord_api


@pytest.fixture
def api() -> Iterator[DiscordApi]:
    with discord_api() as server:
        yield server


async def test_a_known_token_names_its_application(api: DiscordApi) -> None:
    application = await ask_discord(TOKEN, api=api.url)
    assert (application.id, application.name, application.reads_messages) == ("123456789012345678", "Polly", True)
    [(path, headers)] = api.asked
    assert path == "/api/v10/applications/@me"
    assert headers["Authorization"] == f"Bot {TOKEN}"


@pytest.mark.parametrize(("flags", "reads"), [(0, False), (1 << 18, True), (1 << 19, True), (1 << 15, False)])
async def test_the_message_content_intent_is_read_from_the_flags(api: DiscordApi, flags: int, reads: bool) -> None:
    api.body = b'{"id": "1", "name": "Polly", "flags": %d}' % flags
    assert (await ask_discord(TOKEN, api=api.url)).reads_messages is reads


async def test_an_unknown_token_is_the_persons_to_mend(api: DiscordApi) -> None:
    with pytest.raises(WrongUsage, match="does not know this token"):
        await ask_discord(TOKEN + "x", api=api.url)


@pytest.mark.parametrize("token", ["", "two words", "naïve", "line\nbreak", "\ud800"])
async def test_what_cannot_be_a_token_is_never_sent(api: DiscordApi, token: str) -> None:
    with pytest.raises(WrongUsage):
        await ask_discord(token or " ", api=api.url)
    assert api.asked == []


@pytest.mark.parametrize(
    ("status", "body"), [(500, b""), (200, b"<html>"), (200, b"[]"), (200, b'{"id": null}'), (200, b'{"id": "x"}')]
)
async def test_a_strange_answer_is_told_as_one(api: DiscordApi, status: int, body: bytes) -> None:
    api.status, api.body = status, body
    with pytest.raises(MynahError) as caught:
        await ask_discord(TOKEN, api=api.url)
    assert caught.value.exit_code == 1


async def test_no_network_is_told_as_such() -> None:
    with pytest.raises(MynahError, match="could not be reached") as caught:
        await ask_discord(TOKEN, api="http://127.0.0.1:9/api")
    assert caught.value.exit_code == 1


def test_the_invite_asks_for_what_the_bot_needs_and_no_more() -> None:
    link = urlsplit(Application("42", "Polly", reads_messages=True).invite_link)
    query = parse_qs(link.query)
    assert query["client_id"] == ["42"]
    assert query["scope"] == ["bot applications.commands"]
    permissions = int(query["permissions"][0])
    assert permissions & (1 << 11)  # send messages
    assert not permissions & (1 << 3)  # administrator


@pytest.mark.parametrize(
    ("token", "has_form"), [(TOKEN, True), ("abc", False), ("a.b.c", False), (TOKEN + "\n", False)]
)
def test_the_form_of_a_token_is_known(token: str, has_form: bool) -> None:
    assert looks_like_a_token(token) is has_form
