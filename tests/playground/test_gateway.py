"""The gateway's protocol, frame by frame, as any client would meet it."""

import json
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import discord
import pytest
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from playground.gateway import MAX_COMMANDS
from tests.playground.town import Town, open_town

ALL = discord.Intents.all().value
WITHOUT_CONTENT = discord.Intents(guilds=True, guild_messages=True).value


class Client:
    """A bare client."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, token: str) -> None:
        self.socket = socket
        self.token = token

    async def send(self, op: int, data: Any) -> None:
        await self.socket.send_json({"op": op, "d": data})

    async def identify(self, intents: int = ALL, **changes: Any) -> None:
        await self.send(2, {"token": self.token, "intents": intents, "properties": {}, **changes})

    async def resume(self, session_id: str, sequence: int) -> None:
        await self.send(6, {"token": self.token, "session_id": session_id, "seq": sequence})

    async def next(self, op: int, name: str | None = None) -> Any:
        """The next frame of its kind; what lies before it is passed over."""
        while True:
            frame = await self.socket.receive_json(timeout=20)
            if frame["op"] == op and name in (None, frame["t"]):
                return frame

    async def closed_with(self) -> int | None:
        while not self.socket.closed:
            await self.socket.receive(timeout=20)
        return self.socket.close_code


@asynccontextmanager
async def client(town: Town, query: str = "?v=10&encoding=json") -> AsyncIterator[Client]:
    async with town.session.ws_connect(town.server.gateway_url + query) as socket:
        yield Client(socket, town.server.bot_token)


async def test_hello_identify_ready_and_the_server(town: Town) -> None:
    async with client(town) as bot:
        hello = await bot.next(10)
        assert hello["d"]["heartbeat_interval"] == 41250
        await bot.identify()
        ready = await bot.next(0, "READY")
        server = await bot.next(0, "GUILD_CREATE")
    assert ready["s"] == 1
    assert ready["d"]["guilds"] == [{"id": server["d"]["id"], "unavailable": True}]
    assert server["s"] == 2


async def test_a_heartbeat_is_acknowledged_before_anybody_says_who_they_are(town: Town) -> None:
    async with client(town) as bot:
        await bot.send(1, None)
        await bot.next(11)


@pytest.mark.parametrize(
    ("op", "data", "code"),
    [
        pytest.param(2, {"token": "wrong", "intents": 0}, 4004, id="wrong token"),
        pytest.param(6, {"token": "wrong", "session_id": "x", "seq": 1}, 4004, id="resume with a wrong token"),
        pytest.param(3, {}, 4003, id="presence before identify"),
        pytest.param(8, {"guild_id": "1"}, 4003, id="members before identify"),
        pytest.param(42, {}, 4001, id="no such opcode"),
    ],
)
async def test_what_is_out_of_order_is_closed_with_its_code(town: Town, op: int, data: Any, code: int) -> None:
    async with client(town) as bot:
        await bot.send(op, data)
        assert await bot.closed_with() == code


@pytest.mark.parametrize("intents", [None, "1", -1, 1 << 40, True], ids=repr)
async def test_intents_that_there_are_not_are_refused(town: Town, intents: Any) -> None:
    async with client(town) as bot:
        await bot.identify(intents)
        assert await bot.closed_with() == 4013


async def test_an_intent_that_is_not_switched_on_is_refused_and_leaves_no_session() -> None:
    approved = discord.Intents(message_content=True)
    async with open_town(approved_intents=approved) as town, client(town) as bot:
        await bot.identify(discord.Intents(members=True).value)
        assert await bot.closed_with() == 4014
        assert town.server.play.gateway.sessions.all == []


@pytest.mark.parametrize("raw", ["{", "[]", '"op"', '{"d": 1}'])
async def test_what_is_no_frame_is_closed_with_4002(town: Town, raw: str) -> None:
    async with client(town) as bot:
        await bot.socket.send_str(raw)
        assert await bot.closed_with() == 4002


async def test_saying_who_one_is_twice_is_closed_with_4005(town: Town) -> None:
    async with client(town) as bot:
        await bot.identify()
        await bot.next(0, "READY")
        await bot.identify()
        assert await bot.closed_with() == 4005


async def test_too_many_commands_are_closed_with_4008(town: Town) -> None:
    async with client(town) as bot:
        for _ in range(MAX_COMMANDS + 1):
            await bot.send(1, None)
        assert await bot.closed_with() == 4008


async def test_another_version_of_the_api_is_closed_with_4012(town: Town) -> None:
    async with client(town, "?v=6") as bot:
        assert await bot.closed_with() == 4012


async def test_content_is_withheld_without_its_intent_and_mentions_are_not(town: Town) -> None:
    async with client(town) as bot:
        await bot.identify(WITHOUT_CONTENT)
        await bot.next(0, "GUILD_CREATE")
        await town.say("Mira", "a secret")
        await town.say("Mira", f"{town.me} not for others")
        withheld, shown = [await bot.next(0, "MESSAGE_CREATE") for _ in range(2)]
    assert withheld["d"]["content"] == ""
    assert "not for others" in shown["d"]["content"]
    assert (await town.history("Mira"))[-2]["content"] == "a secret"


async def test_events_outside_the_intents_are_not_sent(town: Town) -> None:
    async with client(town) as bot:
        await bot.identify(WITHOUT_CONTENT)
        await bot.next(0, "GUILD_CREATE")
        message = await town.say("Mira", "one")
        await town.done("PUT", f"/channels/{message['channel_id']}/messages/{message['id']}/reactions/👍", who="Mira")
        await town.say("Mira", "two")
        numbers = [(await bot.next(0))["t"] for _ in range(2)]
    assert numbers == ["MESSAGE_CREATE", "MESSAGE_CREATE"]


async def test_a_resumed_session_is_told_what_it_missed_and_nothing_twice(town: Town) -> None:
    async with client(town) as bot:
        await bot.identify()
        ready, server = await bot.next(0, "READY"), await bot.next(0, "GUILD_CREATE")
        await town.say("Mira", "seen")
        seen = await bot.next(0, "MESSAGE_CREATE")
        await bot.socket.close(code=4000)
    await town.say("Mira", "missed")
    async with client(town) as bot:
        await bot.resume(ready["d"]["session_id"], seen["s"])
        missed, resumed = await bot.next(0), await bot.next(0)
    assert (missed["s"], missed["d"]["content"]) == (seen["s"] + 1, "missed")
    assert resumed["t"] == "RESUMED"
    assert server["s"] < seen["s"] < missed["s"] < resumed["s"]


@pytest.mark.parametrize("code", [1000, 1001])
async def test_a_session_that_ended_politely_cannot_be_resumed(town: Town, code: int) -> None:
    async with client(town) as bot:
        await bot.identify()
        ready = await bot.next(0, "READY")
        await bot.socket.close(code=code)
    async with client(town) as bot:
        await bot.resume(ready["d"]["session_id"], 1)
        assert (await bot.next(9))["d"] is False


@pytest.mark.parametrize("sequence", [-1, 99, None, "1"])
async def test_a_resume_from_where_nobody_was_is_refused(town: Town, sequence: Any) -> None:
    async with client(town) as bot:
        await bot.identify()
        ready = await bot.next(0, "READY")
        await bot.socket.close(code=4000)
    async with client(town) as bot:
        await bot.resume(ready["d"]["session_id"], sequence)
        assert (await bot.next(9))["d"] is False


async def test_frames_are_compressed_as_one_stream_when_asked(town: Town) -> None:
    async with client(town, "?v=10&encoding=json&compress=zlib-stream") as bot:
        inflate = zlib.decompressobj()
        first = inflate.decompress(await bot.socket.receive_bytes())
        await bot.send(1, None)
        second = inflate.decompress(await bot.socket.receive_bytes())
    assert json.loads(first)["op"] == 10
    assert json.loads(second)["op"] == 11


async def test_members_are_sent_in_answer_to_their_request(town: Town) -> None:
    guild = str(town.server.seeded.guild_id)
    async with client(town) as bot:
        await bot.identify(discord.Intents(guilds=True).value)
        await bot.next(0, "GUILD_CREATE")
        await bot.send(8, {"guild_id": guild, "query": "", "limit": 0})  # the whole list needs an intent: no answer
        await bot.send(8, {"guild_id": guild, "user_ids": [town.id_of("Mira"), "5"], "nonce": "n"})
        chunk = (await bot.next(0, "GUILD_MEMBERS_CHUNK"))["d"]
    assert [member["user"]["global_name"] for member in chunk["members"]] == ["Mira"]
    assert (chunk["not_found"], chunk["nonce"], chunk["chunk_count"]) == (["5"], "n", 1)


async def test_what_is_said_where_the_bot_may_not_look_is_not_told_to_it(town: Town) -> None:
    world, hidden = town.server.world, int(town.channel("games"))
    view = discord.Permissions(view_channel=True).value
    world.set_overwrite(hidden, Overwrite(world.bot_user.id, OverwriteType.MEMBER, deny=view))
    async with client(town) as bot:
        await bot.identify()
        await bot.next(0, "GUILD_CREATE")
        await town.say("Mira", "behind its back", "games")
        await town.say("Mira", "to its face")
        told = await bot.next(0, "MESSAGE_CREATE")
    assert told["d"]["content"] == "to its face"
