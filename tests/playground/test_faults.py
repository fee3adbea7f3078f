"""What goes wrong between Discord and the bot: it comes back by itself, answers once, and loses nothing it was told."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from storage.store import Store
from tests.fakes.clock import FakeClock
from tests.playground.town import BotInTown, Town, Watcher, mynah_in, open_town


@pytest.fixture
async def town() -> AsyncIterator[Town]:
    """A stand-in whose heart beats fast."""
    async with open_town(heartbeat_seconds=0.5) as opened:
        yield opened


@pytest.fixture
async def mynah(town: Town, store: Store, clock: FakeClock, tmp_path: Path) -> AsyncIterator[BotInTown]:
    """The real bot, which takes three seconds of silence for the end."""
    async with mynah_in(town, store, clock, tmp_path / "home", silence_seconds=3.0) as bot:
        yield bot


async def answered_once(town: Town, mynah: BotInTown, watcher: Watcher, text: str) -> None:
    """Say something, and see that it is answered, once, and that both turns are stored, once."""
    asked = await town.say("Mira", f"{town.me} {text}")
    await watcher.answer(f"You said: {text}")
    await town.say("Mira", f"{town.me} and then {text}")  # what would come twice has come once this is answered
    await watcher.answer(f"You said: and then {text}")
    replies = [
        message
        for message in await town.history("Mira")
        if (message.get("message_reference") or {}).get("message_id") == asked["id"]
    ]
    assert [reply["content"] for reply in replies] == [f"You said: {text}"]
    turns = await mynah.store.conversations.newest(limit=50)
    assert [turn.text for turn in turns].count(text) == 1
    assert [turn.text for turn in turns].count(f"You said: {text}") == 1


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        pytest.param("drop", {}, id="the connection is cut"),
        pytest.param("reconnect", {}, id="the bot is asked to reconnect"),
        pytest.param("invalid_session", {"resumable": False}, id="the session is gone"),
        pytest.param("invalid_session", {"resumable": True}, id="the session is gone, but can be resumed"),
        pytest.param("zombie", {"seconds": 20}, id="heartbeats are not acknowledged"),
        pytest.param("half_closed", {}, id="the socket is open and dead"),
    ],
)
async def test_the_bot_comes_back_by_itself(town: Town, mynah: BotInTown, kind: str, options: dict[str, Any]) -> None:
    async with town.watching("Mira") as mira:
        await town.fault(kind, **options)
        await mira.until("PLAY_BOT", lambda bot: not bot["connected"])
        await town.done("DELETE", "/faults")
        await mira.until("PLAY_BOT", lambda bot: bot["connected"])
        await answered_once(town, mynah, mira, "are you back")


async def test_what_is_said_while_the_bot_is_away_is_answered_after_the_resume(town: Town, mynah: BotInTown) -> None:
    async with town.watching("Mira") as mira:
        await town.fault("drop")
        await answered_once(town, mynah, mira, "said in between")


async def test_a_refused_resume_begins_a_new_session(town: Town, mynah: BotInTown) -> None:
    before = {session.id for session in town.server.play.gateway.sessions.connected}
    async with town.watching("Mira") as mira:
        await town.fault("refuse_resume")
        await town.fault("drop")
        await mira.until("PLAY_BOT", lambda bot: not bot["connected"])
        await mira.until("PLAY_BOT", lambda bot: bot["connected"])
        await answered_once(town, mynah, mira, "who are you now")
    assert not before & {session.id for session in town.server.play.gateway.sessions.connected}


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        pytest.param("duplicate_events", {"seconds": 30}, id="each event comes twice"),
        pytest.param("rate_limit", {"retry_after": 0.3, "route": "POST /channels/*/messages"}, id="429"),
        pytest.param("rate_limit", {"retry_after": 0.3, "global": True}, id="429 for everything"),
        pytest.param("server_error", {"status": 502, "route": "POST /channels/*/messages"}, id="502"),
        pytest.param(
            "server_error",
            {"status": 502, "carried_out": True, "route": "POST /channels/*/messages"},
            id="502 after it was done",
        ),
        pytest.param("server_error", {"status": 500, "route": "PATCH /channels/*"}, id="500 for an edit"),
        pytest.param("server_error", {"status": 503, "route": "POST /channels/*/messages"}, id="503"),
        pytest.param("server_error", {"status": 503, "route": "PATCH /channels/*"}, id="503 for an edit"),
        pytest.param("lost_answer", {"route": "POST /channels/*/messages"}, id="the receipt is lost"),
        pytest.param("lost_answer", {"route": "PATCH /channels/*"}, id="the receipt for an edit is lost"),
        pytest.param("lost_answer", {"route": "POST /channels/*/typing"}, id="the receipt for typing is lost"),
        pytest.param("slow", {"delay_seconds": 0.5, "route": "POST /channels/*"}, id="slow answers"),
    ],
)
async def test_the_person_gets_one_answer(town: Town, mynah: BotInTown, kind: str, options: dict[str, Any]) -> None:
    async with town.watching("Mira") as mira:
        await town.fault(kind, **options)
        await answered_once(town, mynah, mira, "once please")


async def test_events_that_come_again_change_nothing(town: Town, mynah: BotInTown) -> None:
    async with town.watching("Mira") as mira:
        await answered_once(town, mynah, mira, "the first time")
        count = await mynah.store.conversations.count()
        await town.fault("replay_events", count=100)
        await answered_once(town, mynah, mira, "the second time")
    assert await mynah.store.conversations.count() == count + 4
    assert [message["content"] for message in await town.history("Mira")].count("You said: the first time") == 1


async def test_a_lost_answer_leaves_one_reply_and_its_row(town: Town, mynah: BotInTown) -> None:
    async with town.watching("Mira") as mira:
        await town.fault("lost_answer", route="POST /channels/*/messages")
        await town.say("Mira", f"{town.me} is it lost")
        await mira.until("MESSAGE_CREATE", lambda message: message["author"]["bot"])
        await answered_once(town, mynah, mira, "here again")
    said = [message["content"] for message in await town.history("Mira") if message["author"]["bot"]]
    assert said.count("You said: is it lost") == 1
    turns = [turn.text for turn in await mynah.store.conversations.newest(limit=50)]
    assert turns.count("is it lost") == 1


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param({"kind": "earthquake"}, id="unknown"),
        pytest.param({}, id="none"),
        pytest.param({"kind": "slow", "times": 1, "seconds": 1}, id="both limits"),
        pytest.param({"kind": "slow", "times": 0}, id="never"),
        pytest.param({"kind": "slow", "seconds": -1}, id="backwards"),
        pytest.param({"kind": "slow", "seconds": True}, id="no number"),
        pytest.param({"kind": "slow", "delay_seconds": 99999}, id="too slow"),
        pytest.param({"kind": "drop", "route": "* *"}, id="an option of another"),
        pytest.param({"kind": "server_error", "status": 404}, id="no server error"),
        pytest.param({"kind": "rate_limit", "route": "/channels"}, id="no route"),
    ],
)
async def test_a_fault_that_there_is_not_is_refused(town: Town, wanted: dict[str, Any]) -> None:
    status, body = await town.call("POST", "/faults", json=wanted)
    assert (status, body["code"]) == (400, 50035)
    assert (await town.done("GET", "/faults"))["faults"] == []


async def test_faults_are_listed_counted_and_ended(town: Town) -> None:
    slow = await town.fault("slow", delay_seconds=0.001, times=2)
    broken = await town.fault("server_error", seconds=60)
    async with town.session.get(town.server.api_url + "/gateway") as response:
        assert response.status == 503
    listed = (await town.done("GET", "/faults"))["faults"]
    assert [(one["id"], one["times"], one["hits"]) for one in listed] == [(slow["id"], 1, 1), (broken["id"], None, 1)]
    await town.done("DELETE", f"/faults/{broken['id']}")
    async with town.session.get(town.server.api_url + "/gateway") as response:
        assert response.status == 200
    assert (await town.done("GET", "/faults"))["faults"] == []
    assert (await town.call("DELETE", "/faults/99"))[0] == 404
