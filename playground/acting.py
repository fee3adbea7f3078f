"""People whom the playground plays: they do what the page's calls do, and see what the page would be told.

Each act checks permissions as for anybody at the page. Knows no script; `playground.scenes` does.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from simcord.backend.errors import invalid_form_body
from simcord.components import walk_components
from simcord.enums import AppCommandType, ComponentType

from playground.asking import Asking
from playground.events import EventLog
from playground.people import People
from playground.world import World

PATIENCE_SECONDS = 30.0
"""How long somebody waits for the bot before they go on with something else."""

Payload = Mapping[str, Any]
Fits = Callable[[str, Payload], bool]
_SAID = ("MESSAGE_CREATE", "MESSAGE_UPDATE")
_OUTCOMES = ("INTERACTION_SUCCESS", "INTERACTION_FAILURE", "INTERACTION_MODAL_CREATE")


@dataclass(frozen=True)
class Acting:
    """What anybody can be let do. Persons and channels are given by id; what is said may raise Discord's own refusals."""

    world: World
    people: People
    asking: Asking
    log: EventLog
    patience_seconds: float = PATIENCE_SECONDS

    async def say(self, person: int, channel: int, text: str) -> int:
        """Say something; the message's id."""
        return self.people.write(person, channel, {"content": text}).id

    async def ask(self, person: int, channel: int, text: str) -> Payload | None:
        """Mention the bot; its whole answer, or None when none with buttons came in time."""
        after = self.log.newest
        asked = await self.say(person, channel, f"<@{self.world.bot_user.id}> {text}")

        def is_answer(name: str, message: Payload) -> bool:
            reference = message.get("message_reference") or {}
            is_to_them = name in _SAID and reference.get("message_id") == str(asked)
            return is_to_them and _custom_id(message, "mynah:vote:") is not None

        return await self._until(person, after, is_answer)

    async def command(self, person: int, channel: int, line: str) -> Payload | None:
        """Use a slash command, such as `privacy allow`; the bot's note that came of it, or None.

        Raises:
            BackendError: there is no such command for this person here, or an option is missing.
        """
        name, *inner = line.split()
        visible = self.world.visible_commands(user_id=person, channel_id=channel, type=AppCommandType.CHAT_INPUT)
        command = next((one for one in visible if one["name"] == name), None)
        if command is None:
            raise invalid_form_body(f"/{name} is not for this person here, or the bot has not brought it yet.")
        options: list[dict[str, Any]] = []
        for word in reversed(inner):
            options = [{"name": word, "options": options}]
        after = self.log.newest
        body = {"type": 2, "channel_id": str(channel), "data": {"id": command["id"], "options": options}}
        await self._outcome(person, body)
        return await self._until(person, after, _is_whole_note)

    async def press(self, person: int, message: Payload, prefix: str) -> Payload | None:
        """Press the button whose custom id begins so; the form that it opened, if it opened one.

        Raises:
            BackendError: there is no such button (any more).
        """
        return await self._use(person, message, _required_id(message, prefix), {})

    async def decide(self, person: int, card: Payload, prefix: str, *values: str) -> Payload | None:
        """Press a button or choose in a list, and wait until the card shows what came of it; the card as it is then.

        Raises:
            BackendError: there is no such button or list (any more), or no such value in it.
        """
        after = self.log.newest
        await self._use(person, card, _required_id(card, prefix), {"values": list(values)} if values else {})
        return await self._until(
            person, after, lambda name, message: name == "MESSAGE_UPDATE" and message.get("id") == card["id"]
        )

    async def fill(self, person: int, form: Payload, text: str) -> Payload | None:
        """Send a form with these words in its first field; the note that came of it."""
        field = next(
            one for one in walk_components(list(form["components"])) if one["type"] == ComponentType.TEXT_INPUT
        )
        data = {"values": {field["custom_id"]: text}}
        after = self.log.newest
        await self._outcome(person, {"type": 5, "channel_id": form["channel_id"], "modal_id": form["id"], "data": data})
        return await self._until(person, after, _is_whole_note)

    async def _use(self, person: int, message: Payload, custom_id: str, more: Payload) -> Payload | None:
        data = {"custom_id": custom_id, **more}
        body = {"type": 3, "channel_id": message["channel_id"], "message_id": message["id"], "data": data}
        name, outcome = await self._outcome(person, body)
        return outcome if name == "INTERACTION_MODAL_CREATE" else None

    async def _outcome(self, person: int, body: Payload) -> tuple[str, Payload]:
        """Ask the bot, and wait for what it does; Discord's three seconds bound that."""
        after = self.log.newest
        asked = str(self.asking.ask(person, body).id)
        seen: list[str] = []

        def is_outcome(name: str, payload: Payload) -> bool:
            fits = name in _OUTCOMES and payload.get("id") == asked
            if fits:
                seen.append(name)
            return fits

        outcome = await self._until(person, after, is_outcome)
        return (seen[0], outcome) if outcome is not None else ("INTERACTION_FAILURE", {})

    async def _until(self, person: int, after: int, fits: Fits) -> Payload | None:
        """The first thing that fits of what this person sees after an event; None when it does not come in time."""
        try:
            async with asyncio.timeout(self.patience_seconds):
                while True:
                    for event in self.log.after(after) or ():
                        payload = self.log.seen_by(person, event)
                        if payload is not None and fits(event.name, payload):
                            return payload
                    after = self.log.newest
                    await self.log.wait_beyond(after)
        except TimeoutError:
            return None


def _is_whole_note(name: str, message: Payload) -> bool:
    """Whether this is a note of the bot to one person, and no longer the sign that it thinks."""
    flags = message.get("flags") or 0
    return name in _SAID and bool(message["author"].get("bot")) and bool(flags & 64) and not flags & 128


def custom_ids(message: Payload) -> Iterator[str]:
    """Of the buttons and lists under a message."""
    for component in walk_components(list(message.get("components") or [])):
        if component.get("custom_id") is not None:
            yield str(component["custom_id"])


def _custom_id(message: Payload, prefix: str) -> str | None:
    return next((one for one in custom_ids(message) if one.startswith(prefix)), None)


def _required_id(message: Payload, prefix: str) -> str:
    custom_id = _custom_id(message, prefix)
    if custom_id is None:
        raise invalid_form_body("That button or list is not there (any more).")
    return custom_id
