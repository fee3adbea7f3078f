"""What people may do and see at the page: no more than Discord would let them."""

from typing import Any

import pytest

from tests.playground.town import Town


async def test_without_a_person_the_state_says_whom_there_is(town: Town) -> None:
    state = await town.done("GET", "/state")
    assert {person["label"] for person in state["people"]} == {"member", "moderator", "admin", "troll"}
    assert "guild" not in state
    assert state["bot"] == {"connected": False, "sessions": 0}
    assert "simulated" in state["notices"]["training"]


async def test_a_person_sees_their_channels_and_no_others(town: Town) -> None:
    await town.say("Priya", "between us", "moderators")
    for who, is_staff in (("Mira", False), ("Priya", True), ("Ada", True)):
        state = await town.done("GET", "/state", who=who)
        seen = {channel["name"] for channel in state["guild"]["channels"]}
        assert ("moderators" in seen) is is_staff
        assert (town.channel("moderators") in state["messages"]) is is_staff
        assert state["me"]["user"]["global_name"] == who


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        pytest.param("GET", "/channels/{hidden}/messages", None, 403, id="read"),
        pytest.param("POST", "/channels/{hidden}/messages", {"content": "x"}, 403, id="write"),
        pytest.param("GET", "/channels/{hidden}/commands", None, 403, id="commands"),
        pytest.param("POST", "/channels/{hidden}/typing", None, 403, id="type"),
        pytest.param("POST", "/channels/{hidden}/threads", {"name": "x"}, 403, id="thread"),
        pytest.param("PUT", "/channels/{hidden}/messages/{secret}/reactions/👍", None, 403, id="react"),
        pytest.param("DELETE", "/channels/{hidden}/messages/{secret}", None, 403, id="delete there"),
        pytest.param("PATCH", "/channels/{general}/messages/{open}", {"content": "x"}, 403, id="edit others' words"),
        pytest.param("DELETE", "/channels/{general}/messages/{open}", None, 403, id="delete others' words"),
        pytest.param("POST", "/channels/{general}/messages", {"content": " "}, 400, id="say nothing"),
        pytest.param("POST", "/channels/{general}/messages", {"content": "x" * 2001}, 400, id="say too much"),
        pytest.param("POST", "/channels/{general}/messages", {"content": ["x"]}, 400, id="say a list"),
        pytest.param("POST", "/channels/1/messages", {"content": "x"}, 404, id="nowhere"),
        pytest.param("POST", "/channels/general/messages", {"content": "x"}, 400, id="no id"),
        pytest.param(
            "POST", "/interactions", {"type": 2, "channel_id": "{hidden}", "data": {"id": "1"}}, 403, id="ask there"
        ),
        pytest.param("POST", "/interactions", {"type": 9, "channel_id": "1", "data": {}}, 400, id="ask oddly"),
        pytest.param(
            "POST",
            "/interactions",
            {"type": 2, "channel_id": "{general}", "data": {"id": "1"}},
            400,
            id="no such command",
        ),
    ],
)
async def test_a_member_is_refused(town: Town, method: str, path: str, body: Any, status: int) -> None:
    secret = await town.say("Priya", "between us", "moderators")
    shown = await town.say("Priya", "for all")
    ids = {
        "hidden": town.channel("moderators"),
        "general": town.channel("general"),
        "secret": secret["id"],
        "open": shown["id"],
    }
    if isinstance(body, dict) and "channel_id" in body:
        body = {**body, "channel_id": body["channel_id"].format(**ids)}
    found, told = await town.call(method, path.format(**ids), who="Mira", json=body)
    assert found == status
    assert told["message"]


@pytest.mark.parametrize("who", ["", "1", "x", "9" * 30])
async def test_nobody_can_be_acted_as_who_is_not_there(town: Town, who: str) -> None:
    async with town.session.post(f"{town.server.base}/play/dms", params={"as": who}) as response:
        assert response.status in (400, 404)


async def test_a_moderator_deletes_what_a_troll_said(town: Town) -> None:
    said = await town.say("Grim", "something foul")
    async with town.watching("Mira") as mira:
        await town.done("DELETE", f"/channels/{said['channel_id']}/messages/{said['id']}", who="Priya")
        assert (await mira.until("MESSAGE_DELETE"))["id"] == said["id"]
    assert await town.history("Mira") == []


async def test_words_are_edited_answered_and_reacted_to(town: Town) -> None:
    said = await town.say("Mira", "helo")
    path = f"/channels/{said['channel_id']}/messages/{said['id']}"
    edited = await town.done("PATCH", path, who="Mira", json={"content": "hello"})
    reply = await town.say("Jonas", "hi", message_reference={"message_id": said["id"]})
    await town.done("PUT", f"{path}/reactions/🎉", who="Jonas")
    theirs, ours = (await town.history("Jonas"))[0], (await town.history("Mira"))[0]
    await town.done("DELETE", f"{path}/reactions/🎉", who="Jonas")
    assert edited["edited_timestamp"]
    assert reply["referenced_message"]["content"] == "hello"
    assert [theirs["reactions"][0][key] for key in ("count", "me")] == [1, True]
    assert ours["reactions"][0]["me"] is False
    assert (await town.history("Mira"))[0]["reactions"] == []


async def test_a_thread_begins_at_a_message_once_and_holds_talk(town: Town) -> None:
    said = await town.say("Mira", "let us talk")
    where = f"/channels/{said['channel_id']}/threads"
    thread = await town.done("POST", where, who="Jonas", json={"name": "talk", "message_id": said["id"]})
    again, _ = await town.call("POST", where, who="Mira", json={"name": "talk", "message_id": said["id"]})
    await town.done("POST", f"/channels/{thread['id']}/messages", who="Mira", json={"content": "in here"})
    state = await town.done("GET", "/state", who="Ada")
    assert thread["id"] == said["id"]
    assert again == 400
    assert [one["name"] for one in state["guild"]["threads"]] == ["talk"]
    assert state["messages"][thread["id"]][-1]["content"] == "in here"


async def test_the_same_nonce_twice_is_one_message(town: Town) -> None:
    first = await town.say("Mira", "once", nonce="n")
    second = await town.say("Mira", "once", nonce="n")
    other = await town.say("Jonas", "once", nonce="n")
    assert first["id"] == second["id"] != other["id"]
    assert first["nonce"] == "n"


async def test_a_role_opens_channels_and_the_page_is_told_to_look_again(town: Town) -> None:
    role = next(
        one for one in (await town.done("GET", "/state", who="Mira"))["guild"]["roles"] if one["name"] == "Moderators"
    )
    async with town.watching("Mira") as mira, town.watching("Jonas") as jonas:
        await town.done("PUT", f"/people/{town.id_of('Mira')}/roles/{role['id']}")
        await mira.until("PLAY_RELOAD")
        await town.say("Mira", "I see you", "moderators")
        await town.say("Mira", "done")
        await jonas.until("MESSAGE_CREATE", lambda message: message["content"] == "done")
    assert "PLAY_RELOAD" not in {frame["t"] for frame in jonas.seen}
    assert "I see you" not in {frame["d"].get("content") for frame in jonas.seen}


async def test_people_come_and_go(town: Town) -> None:
    person = await town.done("POST", "/people", json={"name": "Noor", "label": "troll"})
    await town.say("Noor", "hi")
    status, _ = await town.call("POST", "/people", json={"name": "X", "label": "king"})
    await town.done("DELETE", f"/people/{person['user']['id']}")
    gone, _ = await town.call("DELETE", f"/people/{person['user']['id']}")
    assert (status, gone) == (400, 404)
    assert "Noor" not in {one["user"]["global_name"] for one in (await town.done("GET", "/state"))["people"]}
    assert (await town.history("Mira"))[0]["content"] == "hi"


async def test_who_listens_again_misses_nothing_and_sees_nothing_twice(town: Town) -> None:
    start = (await town.done("GET", "/state", who="Mira"))["event"]
    await town.say("Jonas", "one")
    async with town.watching("Mira", after=start) as mira:
        await mira.until("MESSAGE_CREATE")
        seen = mira.seen[-1]["n"]
    await town.say("Jonas", "two")
    async with town.watching("Mira", after=seen) as mira:
        assert (await mira.until("MESSAGE_CREATE"))["content"] == "two"


async def test_who_listens_from_where_nothing_was_is_told_to_look_again(town: Town) -> None:
    async with town.watching("Mira", after=10**6) as mira:
        await mira.until("PLAY_RELOAD")


async def test_a_bot_that_does_not_answer_is_told_of_after_three_seconds(town: Town) -> None:
    command = {"name": "ping", "description": "p", "type": 1}
    town.server.world.register_commands(None, [command])
    async with town.watching("Mira") as mira:
        asked = await town.slash("Mira", "ping")
        failed = await mira.until("INTERACTION_FAILURE")
    assert (failed["id"], failed["reason_code"]) == (asked["id"], 2)
