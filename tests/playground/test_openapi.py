"""What the stand-in answers is what Discord's own specification says; skipped where that file is not."""

import functools
import json
import os
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012
from simcord.backend.models import Interaction

from tests.playground.town import Town

BESIDE = Path(__file__).parents[2].parent / "shared" / "discord-openapi.json"
SPECIFICATION = Path(os.environ.get("MYNAH_DISCORD_OPENAPI", BESIDE))

PING = {"name": "ping", "description": "p", "type": 1}

pytestmark = pytest.mark.skipif(
    not SPECIFICATION.is_file(),
    reason="Discord's specification is not here; MYNAH_DISCORD_OPENAPI says where (github.com/discord/discord-api-spec)",
)


@functools.cache
def specification() -> Any:
    return json.loads(SPECIFICATION.read_text(encoding="utf-8"))


def problems(method: str, template: str, status: int, body: Any) -> list[str]:
    """What is wrong with an answer; empty when it is as specified."""
    answers = specification()["paths"][template][method.lower()]["responses"]
    schema = answers[str(status)]["content"]["application/json"]["schema"]
    document: Any = DRAFT202012.create_resource(specification())
    registry: Any = Registry().with_resource("discord", document)
    pointed = json.loads(json.dumps(schema).replace('"#/', '"discord#/'))
    return [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        for error in Draft202012Validator(pointed, registry=registry).iter_errors(body)
    ]


@pytest.mark.parametrize(
    ("method", "template", "body"),
    [
        pytest.param("GET", "/gateway", None, id="gateway"),
        pytest.param("GET", "/gateway/bot", None, id="gateway for bots"),
        pytest.param("GET", "/guilds/{guild_id}/roles", None, id="roles"),
        pytest.param("POST", "/channels/{channel_id}/messages", {"content": "hello"}, id="send"),
        pytest.param("GET", "/channels/{channel_id}/messages", None, id="history"),
        pytest.param("GET", "/channels/{channel_id}/messages/{message_id}", None, id="a message"),
        pytest.param("GET", "/channels/{channel_id}", None, id="a channel"),
        pytest.param("POST", "/channels/{channel_id}/messages", {"embeds": [{"title": "card"}]}, id="a card"),
        pytest.param(
            "PUT",
            "/applications/{application_id}/commands",
            [PING],
            id="commands",
        ),
        pytest.param("GET", "/guilds/{guild_id}/members/{user_id}", None, id="a member"),
        pytest.param("GET", "/guilds/{guild_id}/members", None, id="the members"),
        pytest.param("POST", "/channels/{channel_id}/threads", {"name": "aside", "type": 11}, id="a thread"),
        pytest.param(
            "POST",
            "/channels/{channel_id}/messages/{message_id}/threads",
            {"name": "aside"},
            id="a thread at a message",
        ),
    ],
)
async def test_an_answer_is_as_discord_specifies_it(town: Town, method: str, template: str, body: Any) -> None:
    said = await town.say("Mira", "hi")
    world = town.server.world
    path = template.format(
        channel_id=said["channel_id"],
        message_id=said["id"],
        guild_id=town.server.seeded.guild_id,
        application_id=world.application_id,
        user_id=town.id_of("Priya"),
    )
    status, told = await ask(town, method, path, body)
    assert problems(method, template, status, told) == []


async def ask(town: Town, method: str, path: str, body: Any) -> tuple[int, Any]:
    """What the stand-in answers the bot: status and body."""
    headers = {"Authorization": f"Bot {town.server.bot_token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request(method, town.server.api_url + path, json=body) as response,
    ):
        return response.status, await response.json()


@pytest.fixture
async def asked(town: Town) -> Interaction:
    """An interaction that waits for the bot's answer."""
    await ask(town, "PUT", f"/applications/{town.server.world.application_id}/commands", [PING])
    await town.slash("Mira", "ping")
    return next(reversed(town.server.world.interactions.values()))


CALLBACK = "/interactions/{interaction_id}/{interaction_token}/callback"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"type": 4, "data": {"content": "pong"}}, id="a message"),
        pytest.param({"type": 4, "data": {"content": "pong", "flags": 64}}, id="a note to one person"),
        pytest.param({"type": 5}, id="thinking"),
    ],
)
async def test_what_comes_of_an_interaction_is_as_discord_specifies_it(
    town: Town, asked: Interaction, answer: Any
) -> None:
    path = CALLBACK.format(interaction_id=asked.id, interaction_token=asked.token)
    status, told = await ask(town, "POST", f"{path}?with_response=true", answer)
    assert problems("POST", CALLBACK, status, told) == []


async def test_a_follow_up_and_its_edit_are_as_discord_specifies_them(town: Town, asked: Interaction) -> None:
    path = CALLBACK.format(interaction_id=asked.id, interaction_token=asked.token)
    await ask(town, "POST", f"{path}?with_response=true", {"type": 5})
    hook = "/webhooks/{webhook_id}/{webhook_token}"
    whose = hook.format(webhook_id=town.server.world.application_id, webhook_token=asked.token)
    status, told = await ask(town, "POST", f"{whose}?wait=true", {"content": "more"})
    assert problems("POST", hook, status, told) == []
    status, told = await ask(town, "PATCH", f"{whose}/messages/@original", {"content": "done"})
    assert problems("PATCH", f"{hook}/messages/@original", status, told) == []


def test_an_answer_that_is_not_as_specified_is_noticed() -> None:
    assert problems("GET", "/gateway", 200, {"url": 5})
    assert problems("GET", "/channels/{channel_id}/messages", 200, [{"id": "1"}])
