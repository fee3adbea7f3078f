"""The real bot and the real discord.py, over real sockets."""

import pytest

from bot.chat import sentences
from tests.playground.town import BotInTown, Town

pytestmark = pytest.mark.usefixtures("mynah")


async def test_a_message_gets_a_reply_that_everybody_sees(town: Town) -> None:
    async with town.watching("Jonas") as jonas:
        asked = await town.say("Mira", f"{town.me} hello there")
        answer = await jonas.answer("You said: hello there")
    assert answer["message_reference"]["message_id"] == asked["id"]
    assert "TYPING_START" in {frame["t"] for frame in jonas.seen}


async def test_an_answer_on_its_way_is_seen_growing(town: Town) -> None:
    async with town.watching("Mira") as mira:
        await town.say("Mira", f"{town.me} Tell me. All of it. Please.")
        begun = await mira.until("MESSAGE_CREATE", lambda message: message["author"]["bot"])
        whole = await mira.answer("You said: Tell me. All of it. Please.")
    assert begun["content"] == "You said: Tell me."
    assert whole["id"] == begun["id"]


async def test_a_slash_command_is_deferred_and_followed_up(town: Town) -> None:
    async with town.watching("Mira") as mira:
        asked = await town.slash("Mira", "chat", {"name": "message", "value": "good morning"})
        assert (await mira.until("INTERACTION_CREATE"))["id"] == asked["id"]
        thinking = await mira.until("MESSAGE_CREATE", lambda message: message["author"]["bot"])
        await mira.until("INTERACTION_SUCCESS", lambda told: told["id"] == asked["id"])
        answer = await mira.answer("You said: good morning")
    assert thinking["flags"] & 128
    assert answer["id"] == thinking["id"]
    assert answer["interaction_metadata"]["user"]["id"] == town.id_of("Mira")


async def test_an_ephemeral_note_is_seen_by_its_person_alone(town: Town) -> None:
    async with town.watching("Mira") as mira, town.watching("Ada") as ada:
        await town.slash("Mira", "stop")
        note = await mira.until("MESSAGE_CREATE", lambda message: message["author"]["bot"])
        await town.say("Jonas", "afterwards")
        await ada.until("MESSAGE_CREATE", lambda message: message["content"] == "afterwards")
    assert note["flags"] & 64
    assert note["id"] not in {frame["d"].get("id") for frame in ada.seen}
    assert note["id"] in {message["id"] for message in await town.history("Mira")}
    assert note["id"] not in {message["id"] for message in await town.history("Ada")}


async def test_a_button_opens_a_form_and_the_form_is_taken(town: Town, mynah: BotInTown) -> None:
    general = town.channel("general")
    async with town.watching("Mira") as mira:
        await town.say("Mira", f"{town.me} what is tea")
        answer = await mira.answer("You said: what is tea")
        buttons = answer["components"][0]["components"]
        better = next(button["custom_id"] for button in buttons if "better" in button["custom_id"])
        pressed = {"type": 3, "channel_id": general, "message_id": answer["id"], "data": {"custom_id": better}}
        opened = await town.ask("Mira", pressed)
        form = await mira.until("INTERACTION_MODAL_CREATE")
        assert form["id"] == opened["id"]
        (field,) = [_leaf(component) for component in form["components"]]
        values = {field["custom_id"]: "A drink made of leaves."}
        sent = {"type": 5, "channel_id": general, "modal_id": form["id"], "data": {"values": values}}
        await town.ask("Mira", sent)
        told = await mira.until_message(
            lambda message: message["author"]["bot"] and message["flags"] & 64 and not message["flags"] & 128
        )
        status, body = await town.call("POST", "/interactions", who="Mira", json=sent)
    assert told["content"]
    assert (status, body["code"]) == (400, 50035)


async def test_a_vote_is_counted_for_whoever_pressed(town: Town, mynah: BotInTown) -> None:
    async with town.watching("Mira") as mira:
        await town.say("Mira", f"{town.me} what is rain")
        answer = await mira.answer("You said: what is rain")
        up = next(
            button["custom_id"] for button in answer["components"][0]["components"] if ":up:" in button["custom_id"]
        )
        data = {"type": 3, "channel_id": town.channel("general"), "message_id": answer["id"], "data": {"custom_id": up}}
        asked = await town.ask("Jonas", data)
        async with town.watching("Jonas", after=0) as jonas:
            await jonas.until("INTERACTION_SUCCESS", lambda told: told["id"] == asked["id"])


async def test_suggestions_come_while_a_command_is_typed(town: Town) -> None:
    command = await town.command("Ada", "config")
    typed = {"name": "name", "value": "ret", "focused": True}
    data = {"id": command["id"], "options": [{"name": "set", "options": [typed]}]}
    async with town.watching("Ada") as ada:
        asked = await town.ask("Ada", {"type": 4, "channel_id": town.channel("general"), "nonce": "n-1", "data": data})
        told = await ada.until("APPLICATION_COMMAND_AUTOCOMPLETE_RESPONSE")
    assert asked["nonce"] == told["nonce"] == "n-1"
    assert told["choices"]
    assert all("ret" in choice["name"].lower() or "ret" in choice["value"] for choice in told["choices"])


async def test_a_select_is_shown_and_used(town: Town, mynah: BotInTown) -> None:
    general = town.channel("general")
    async with town.watching("Ada") as ada:
        option = {"name": "set", "options": [{"name": "name", "value": "chat_channels"}]}
        await town.slash("Ada", "config", option)
        picker = await ada.until_message(lambda message: bool(message["components"]) and message["flags"] & 64)
        (menu,) = picker["components"][0]["components"]
        data = {"custom_id": menu["custom_id"], "values": [town.channel("games")]}
        chosen = {"type": 3, "channel_id": general, "message_id": picker["id"], "data": data}
        await town.ask("Ada", chosen)
        await ada.until("INTERACTION_SUCCESS")
        await ada.until_message(lambda message: "games" in str(message) or town.channel("games") in str(message))
    assert menu["type"] == 8
    settings = await mynah.store.server_settings.own(str(town.server.seeded.guild_id))
    assert town.channel("games") in str(settings)


async def test_what_a_member_may_not_use_is_not_offered_to_them(town: Town) -> None:
    offered = {
        command["name"]
        for command in await town.done("GET", f"/channels/{town.channel('general')}/commands", who="Mira")
    }
    assert "chat" in offered
    assert "retrain" not in offered
    command = await town.command("Ada", "retrain")
    body = {"type": 2, "channel_id": town.channel("general"), "data": {"id": command["id"], "options": []}}
    status, _ = await town.call("POST", "/interactions", who="Mira", json=body)
    assert status == 400


async def test_a_dm_is_answered_without_a_mention(town: Town) -> None:
    dm = await town.done("POST", "/dms", who="Mira")
    async with town.watching("Mira") as mira, town.watching("Ada") as ada:
        await town.done("POST", f"/channels/{dm['id']}/messages", who="Mira", json={"content": "just us two"})
        await mira.answer("You said: just us two")
        await town.say("Ada", "later")
        await ada.until("MESSAGE_CREATE", lambda message: message["content"] == "later")
    assert dm["id"] not in {frame["d"].get("channel_id") for frame in ada.seen}


async def test_the_question_about_learning_is_asked_of_the_one_who_spoke(town: Town, mynah: BotInTown) -> None:
    await mynah.store.server_settings.turn_learning_on(str(town.server.seeded.guild_id), "an admin")
    async with town.watching("Mira") as mira:
        await town.say("Mira", f"{town.me} hello")
        question = await mira.until_message(lambda message: sentences.FIRST_CONTACT in message["content"])
        allow = question["components"][0]["components"][0]["custom_id"]
        await town.ask(
            "Mira",
            {
                "type": 3,
                "channel_id": question["channel_id"],
                "message_id": question["id"],
                "data": {"custom_id": allow},
            },
        )
        await mira.until("MESSAGE_DELETE", lambda gone: gone["id"] == question["id"])
    key = mynah.store.author_key(town.id_of("Mira"))
    assert await mynah.store.consents.get(str(town.server.seeded.guild_id), key) is True


def _leaf(component: dict[str, object]) -> dict[str, object]:
    """The field inside a row or a label."""
    inner = component.get("component") or (component.get("components") or [component])
    found = inner[0] if isinstance(inner, list) else inner
    assert isinstance(found, dict)
    return found
