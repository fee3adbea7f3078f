"""Discord's HTTP API at the stand-in: who may ask, how often, and what refusals look like."""

import io
import logging
from typing import Any

import aiohttp
import pytest

from playground.limits import GLOBAL_REQUESTS, Limits
from tests.playground.town import Town


async def ask(town: Town, method: str, path: str, *, token: str | None = None, **fields: Any) -> tuple[int, Any, Any]:
    """Status, body and headers of one request of the bot's."""
    headers = {"Authorization": f"Bot {token or town.server.bot_token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request(method, town.server.api_url + path, **fields) as response,
    ):
        body = await response.json() if response.status != 204 else None
        return response.status, body, response.headers


@pytest.mark.parametrize("path", ["/users/@me", "/gateway/bot", "/channels/1/messages", "/nothing"])
async def test_a_wrong_token_is_unauthorised(town: Town, path: str) -> None:
    status, body, _ = await ask(town, "GET", path, token="wrong")
    assert (status, body) == (401, {"code": 0, "message": "401: Unauthorized"})


async def test_the_content_type_is_discords_to_the_letter(town: Town) -> None:
    _, body, headers = await ask(town, "GET", "/users/@me")
    assert headers["Content-Type"] == "application/json"
    assert body["username"] == "mynah"


async def test_the_gateway_is_told_without_a_token_and_for_bots_with_their_limit(town: Town) -> None:
    _, plain, _ = await ask(town, "GET", "/gateway", token="wrong")
    _, for_bots, _ = await ask(town, "GET", "/gateway/bot")
    assert plain["url"] == for_bots["url"] == town.server.gateway_url
    assert for_bots["session_start_limit"]["total"] == 1000


async def test_the_application_says_that_it_may_read_messages(town: Town) -> None:
    _, body, _ = await ask(town, "GET", "/applications/@me")
    assert body["flags"] & (1 << 18)
    assert body["id"] == str(town.server.world.application_id)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        pytest.param("GET", "/channels/1", None, 404, 10003, id="unknown channel"),
        pytest.param("GET", "/channels/{general}/messages/1", None, 404, 10008, id="unknown message"),
        pytest.param("POST", "/channels/{general}/messages", {}, 400, 50035, id="empty message"),
        pytest.param("POST", "/channels/{general}/messages", {"content": "x" * 2001}, 400, 50035, id="too long"),
        pytest.param("PATCH", "/channels/{general}/messages/{said}", {"content": "x"}, 403, 50005, id="others' words"),
        pytest.param("DELETE", "/channels/{general}/messages/{said}", None, 403, 50013, id="may not delete"),
        pytest.param("POST", "/interactions/1/x/callback", {"type": 4}, 404, 10062, id="unknown interaction"),
        pytest.param("POST", "/webhooks/1/x", {"content": "x"}, 404, 10015, id="unknown webhook"),
        pytest.param("PUT", "/channels/{general}/messages", [], 501, 0, id="what the stand-in does not know"),
    ],
)
async def test_refusals_carry_discords_codes(
    town: Town, method: str, path: str, body: Any, status: int, code: int
) -> None:
    said = await town.say("Mira", "words of mine")
    path = path.format(general=town.channel("general"), said=said["id"])
    found, told, _ = await ask(town, method, path, json=body)
    assert (found, told["code"]) == (status, code)


@pytest.mark.parametrize(
    ("raw", "kind", "code"),
    [
        pytest.param(b"{", "application/json", 50109, id="no JSON"),
        pytest.param(b"[1]", "application/json", 50035, id="a list"),
        pytest.param(b'{"content": 1}', "application/json", 50035, id="a number for a text"),
        pytest.param(b"content=x", "application/x-www-form-urlencoded", 50035, id="a plain form"),
    ],
)
async def test_a_malformed_body_is_refused(town: Town, raw: bytes, kind: str, code: int) -> None:
    path = f"/channels/{town.channel('general')}/messages"
    status, body, _ = await ask(town, "POST", path, data=raw, headers={"Content-Type": kind})
    assert (status, body["code"]) == (400, code)
    assert await town.history("Mira") == []


async def test_the_log_says_nothing_of_what_a_malformed_request_held(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    path = f"/channels/{town.channel('general')}/messages"
    with caplog.at_level(logging.INFO, logger="playground"):
        status, _, _ = await ask(town, "GET", path, params={"around": "a word of mine"})
    told = [record.__dict__ for record in caplog.records if record.message == "malformed request"]
    assert (status, [one["error"] for one in told]) == (400, ["ValueError"])
    assert "a word of mine" not in str(told)


async def test_the_sixth_message_in_five_seconds_must_wait(town: Town) -> None:
    path = f"/channels/{town.channel('general')}/messages"
    first = await ask(town, "POST", path, json={"content": "0"})
    for number in range(1, 5):
        last = await ask(town, "POST", path, json={"content": str(number)})
        assert last[0] == 200
    status, body, headers = await ask(town, "POST", path, json={"content": "5"})
    elsewhere = await ask(town, "POST", f"/channels/{town.channel('games')}/messages", json={"content": "0"})
    assert (first[2]["X-RateLimit-Limit"], first[2]["X-RateLimit-Remaining"]) == ("5", "4")
    assert last[2]["X-RateLimit-Remaining"] == "0"
    assert status == 429
    assert (body["global"], headers["X-RateLimit-Scope"]) == (False, "user")
    assert 0 < body["retry_after"] <= 5
    assert "Via" in headers
    assert elsewhere[0] == 200
    assert [message["content"] for message in await town.history("Mira")] == ["0", "1", "2", "3", "4"]


def test_everything_together_has_a_limit_but_interactions_are_not_counted() -> None:
    now = 0.0
    limits = Limits(lambda: now)
    for number in range(GLOBAL_REQUESTS):
        assert not limits.count("GET", f"/channels/{number}").is_refused
    refused = limits.count("GET", "/channels/999")
    assert refused.is_refused
    assert refused.headers(0)["X-RateLimit-Global"] == "true"
    assert not limits.count("POST", "/interactions/1/token/callback").is_refused
    now = 1.0
    assert not limits.count("GET", "/channels/999").is_refused


def test_without_limits_nothing_is_refused() -> None:
    limits = Limits(lambda: 0.0, are_enforced=False)
    assert not any(limits.count("POST", "/channels/1/messages").is_refused for _ in range(500))


async def test_a_message_with_its_nonce_enforced_is_sent_once(town: Town) -> None:
    path = f"/channels/{town.channel('general')}/messages"
    once = {"content": "once", "nonce": "n-1", "enforce_nonce": True}
    first = await ask(town, "POST", path, json=once)
    again = await ask(town, "POST", path, json=once)
    other = await ask(town, "POST", path, json={**once, "nonce": "n-2"})
    unforced = await ask(town, "POST", path, json={"content": "once", "nonce": "n-1"})
    assert again[1]["id"] == first[1]["id"]
    assert len({first[1]["id"], other[1]["id"], unforced[1]["id"]}) == 3


async def test_a_picture_in_a_card_is_served_and_a_page_is_only_handed_out(town: Town) -> None:
    form = aiohttp.FormData(quote_fields=False)
    card = {
        "embeds": [{"title": "t", "image": {"url": "attachment://plot.png"}}],
        "attachments": [{"id": 0, "description": "a plot"}],
    }
    form.add_field("payload_json", aiohttp.payload.JsonPayload(card))
    form.add_field("files[0]", b"\x89PNG", filename="plot.png")
    form.add_field("files[1]", b"<script>", filename="page.html")
    _, message, _ = await ask(town, "POST", f"/channels/{town.channel('general')}/messages", data=form)
    picture, page = message["attachments"]
    assert message["embeds"][0]["image"]["url"] == picture["url"]
    assert picture["description"] == "a plot"
    async with aiohttp.ClientSession() as session:
        async with session.get(picture["url"]) as response:
            assert (await response.read(), response.headers["Content-Type"]) == (b"\x89PNG", "image/png")
        async with session.get(page["url"]) as response:
            assert response.headers["Content-Type"] == "application/octet-stream"
            assert response.headers["Content-Disposition"] == "attachment"
            assert "sandbox" in response.headers["Content-Security-Policy"]
        async with session.get(picture["url"].replace("plot", "plan")) as response:
            assert response.status == 404


async def test_a_file_that_is_too_large_is_refused(town: Town) -> None:
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("files[0]", io.BytesIO(b"x" * (10 * 1024 * 1024 + 1)), filename="large.bin")
    status, body, _ = await ask(town, "POST", f"/channels/{town.channel('general')}/messages", data=form)
    assert (status, body["code"]) == (413, 40005)
