"""Interactions from the person's side: a command, a button, a select, a form goes to the bot, and what comes of it back.

Checks what Discord's own client and server would: nothing that a person could not do there reaches the bot.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simcord.backend import serializers
from simcord.backend.access import message_accessible
from simcord.backend.errors import OptionError, invalid_form_body, missing_access, unknown_interaction
from simcord.backend.models import Interaction, Message
from simcord.backend.models.interaction import ResponseKind
from simcord.components import walk_components
from simcord.enums import SELECT_TYPES, AppCommandType, ComponentType, InteractionType, OptionType
from simcord.interactions import base_payload, validate_option_value

from playground.forms import form_components
from playground.resolving import ENTITY_OPTIONS, ENTITY_SELECTS, Resolved
from playground.world import World

ANSWER_SECONDS = 3.0
NO_ANSWER = 2
"""Discord's reason code for an application that did not respond."""
_SUBCOMMANDS = (OptionType.SUBCOMMAND, OptionType.SUBCOMMAND_GROUP)
_LINK, _PREMIUM = 5, 6

Upload = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class _Given:
    """What somebody asks for, as the page sent it."""

    person_id: int
    channel_id: int
    body: Mapping[str, Any]
    data: Mapping[str, Any]
    uploads: Sequence[Upload]


class Asking:
    """The interactions that are on their way."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._nonces: dict[int, str | None] = {}
        self._waits: dict[int, asyncio.TimerHandle] = {}

    def ask(self, person_id: int, body: Mapping[str, Any], uploads: Sequence[Upload] = ()) -> Interaction:
        """Send an interaction to the bot.

        Raises:
            BackendError: a real client could not do this; what Discord would say.
        """
        kinds = {
            InteractionType.APPLICATION_COMMAND: self._command,
            InteractionType.MESSAGE_COMPONENT: self._component,
            InteractionType.APPLICATION_COMMAND_AUTOCOMPLETE: self._command,
            InteractionType.MODAL_SUBMIT: self._form,
        }
        kind, data = body.get("type"), body.get("data")
        if kind not in kinds or not isinstance(data, dict):
            raise invalid_form_body("type is 2, 3, 4 or 5, and data an object")
        channel_id = _id(body, "channel_id")
        self._world.require_permissions(self._world.get_channel(channel_id).guild_id, person_id, channel_id)
        wire_data, source = kinds[InteractionType(kind)](_Given(person_id, channel_id, body, data, uploads))
        return self._send(person_id, int(kind), channel_id, wire_data, source, body.get("nonce"))

    def answered(self, record: Interaction) -> None:
        """Tell the person what the bot did about their interaction."""
        self._stop_waiting(record.id)
        told = self._told(record)
        if record.response_kind is ResponseKind.MODAL:
            form = {**(record.modal or {}), "channel_id": str(record.channel_id)}
            self._world.tell(record.user_id, "INTERACTION_MODAL_CREATE", {**form, **told})
        elif record.response_kind is ResponseKind.AUTOCOMPLETE:
            choices = {"choices": record.autocomplete_choices or []}
            self._world.tell(record.user_id, "APPLICATION_COMMAND_AUTOCOMPLETE_RESPONSE", {**choices, **told})
        else:
            self._world.tell(record.user_id, "INTERACTION_SUCCESS", told)

    def close(self) -> None:
        """Wait for no answer any more."""
        for wait in self._waits.values():
            wait.cancel()
        self._waits.clear()

    def _send(
        self,
        person_id: int,
        kind: int,
        channel_id: int,
        data: dict[str, Any],
        source: Message | None,
        nonce: object,
    ) -> Interaction:
        world = self._world
        guild_id = world.get_channel(channel_id).guild_id
        record, payload = base_payload(
            world, type=kind, channel_id=channel_id, guild_id=guild_id, user_id=person_id, data=data
        )
        if source is not None:
            record.source_message_id = source.id
            payload["message"] = dict(serializers.message_payload(world, source))
        self._nonces[record.id] = None if nonce is None else str(nonce)[:32]
        self._waits[record.id] = asyncio.get_running_loop().call_later(ANSWER_SECONDS, self._gave_up, record)
        if kind != InteractionType.APPLICATION_COMMAND_AUTOCOMPLETE:
            world.tell(person_id, "INTERACTION_CREATE", self._told(record, forget=False))
        world.emit("INTERACTION_CREATE", payload)
        return record

    def _gave_up(self, record: Interaction) -> None:
        self._waits.pop(record.id, None)
        if not record.responded:
            self._world.tell(record.user_id, "INTERACTION_FAILURE", {**self._told(record), "reason_code": NO_ANSWER})

    def _told(self, record: Interaction, *, forget: bool = True) -> dict[str, Any]:
        nonce = self._nonces.pop(record.id, None) if forget else self._nonces.get(record.id)
        return {"id": str(record.id), "nonce": nonce}

    def _stop_waiting(self, interaction_id: int) -> None:
        wait = self._waits.pop(interaction_id, None)
        if wait is not None:
            wait.cancel()

    # What each kind of interaction says to the bot.

    def _command(self, given: _Given) -> tuple[dict[str, Any], Message | None]:
        command = self._visible_command(given.person_id, given.channel_id, _id(given.data, "id"))
        wire: dict[str, Any] = {"id": command["id"], "name": command["name"], "type": command["type"]}
        if command.get("guild_id"):
            wire["guild_id"] = command["guild_id"]
        if command["type"] != AppCommandType.CHAT_INPUT:
            return wire | self._target(
                given.person_id, given.channel_id, command["type"], _id(given.data, "target_id")
            ), None
        resolved = Resolved(self._world, given.person_id, given.channel_id)
        is_typing = given.body["type"] == InteractionType.APPLICATION_COMMAND_AUTOCOMPLETE
        wire["options"] = _options(
            command, given.data.get("options") or [], resolved, given.uploads, is_typing=is_typing
        )
        if is_typing and not any(option.get("focused") for option in _leaves(wire["options"])):
            raise invalid_form_body("no option is being typed")
        return (wire | {"resolved": resolved.found} if resolved.found else wire), None

    def _visible_command(self, person_id: int, channel_id: int, command_id: int) -> dict[str, Any]:
        for kind in AppCommandType:
            for command in self._world.visible_commands(user_id=person_id, channel_id=channel_id, type=kind):
                if int(command["id"]) == command_id:
                    return command
        raise invalid_form_body("This command is not for this person here, or there is none.")

    def _target(self, person_id: int, channel_id: int, kind: int, target_id: int) -> dict[str, Any]:
        if kind == AppCommandType.MESSAGE:
            message = self._visible_message(person_id, channel_id, target_id)
            payload = dict(serializers.message_payload(self._world, message))
            return {"target_id": str(target_id), "resolved": {"messages": {str(target_id): payload}}}
        resolved = Resolved(self._world, person_id, channel_id)
        resolved.user(target_id)
        return {"target_id": str(target_id), "resolved": resolved.found}

    def _component(self, given: _Given) -> tuple[dict[str, Any], Message | None]:
        message = self._visible_message(given.person_id, given.channel_id, _id(given.body, "message_id"))
        component = _component(message, str(given.data.get("custom_id")))
        wire = {"custom_id": component["custom_id"], "component_type": component["type"]}
        if component.get("id") is not None:
            wire["id"] = component["id"]
        if component["type"] in SELECT_TYPES:
            resolved = Resolved(self._world, given.person_id, given.channel_id)
            wire["values"] = _chosen(component, given.data.get("values"), resolved)
            if component["type"] in ENTITY_SELECTS:
                wire["resolved"] = resolved.found
        return wire, message

    def _form(self, given: _Given) -> tuple[dict[str, Any], Message | None]:
        opener = self._world.interactions.get(_id(given.body, "modal_id"))
        if opener is None or opener.user_id != given.person_id or opener.channel_id != given.channel_id:
            raise unknown_interaction()
        if opener.modal is None or opener.modal_consumed:
            raise invalid_form_body("This form was sent already, or there was none.")
        resolved = Resolved(self._world, given.person_id, given.channel_id)
        components = form_components(opener.modal, given.data.get("values"), resolved)
        source = None
        if opener.source_message_id is not None:
            source = self._visible_message(given.person_id, given.channel_id, opener.source_message_id)
        opener.modal_consumed = True
        wire: dict[str, Any] = {"custom_id": opener.modal["custom_id"], "components": components}
        return (wire | {"resolved": resolved.found} if resolved.found else wire), source

    def _visible_message(self, person_id: int, channel_id: int, message_id: int) -> Message:
        message = self._world.get_message(channel_id, message_id)
        if not message_accessible(self._world, channel_id, message, person_id):
            raise missing_access()
        return message


def _id(body: Mapping[str, Any], key: str) -> int:
    value = body.get(key)
    if not isinstance(value, str) or not value.isascii() or not value.isdecimal():
        raise invalid_form_body(f"{key} is an id")
    return int(value)


def _component(message: Message, custom_id: str) -> dict[str, Any]:
    """The button or select that has an id, if it can be used."""
    usable = (ComponentType.BUTTON, *SELECT_TYPES)
    for component in walk_components(message.components):
        if component.get("custom_id") == custom_id and component.get("type") in usable:
            if component.get("disabled") or component.get("style") in (_LINK, _PREMIUM):
                raise invalid_form_body("That cannot be pressed.")
            return component
    raise invalid_form_body("That button or list is not there (any more).")


def _chosen(component: Mapping[str, Any], values: object, resolved: Resolved) -> list[str]:
    """What was chosen in a select, checked against it."""
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise invalid_form_body("values is a list of texts")
    least, most = component.get("min_values", 1), component.get("max_values", 1)
    if len(set(values)) != len(values) or not least <= len(values) <= most:
        raise invalid_form_body(f"Choose from {least} to {most}, each once.")
    if component["type"] == ComponentType.STRING_SELECT:
        known = {option["value"] for option in component.get("options") or []}
        if not known.issuperset(values):
            raise invalid_form_body("That is not one of the choices.")
    else:
        for value in values:
            resolved.select(component["type"], value)
    return values


def _options(
    node: Mapping[str, Any],
    given: Any,
    resolved: Resolved,
    uploads: Sequence[Upload],
    *,
    is_typing: bool,
) -> list[dict[str, Any]]:
    """The options of a command, or of a subcommand inside it, as the bot gets them."""
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise invalid_form_body("options is a list of objects")
    declared = {option["name"]: option for option in node.get("options") or []}
    by_name = {str(one.get("name")): one for one in given}
    if len(by_name) != len(given) or not declared.keys() >= by_name.keys():
        raise invalid_form_body(f"{node['name']} has no such option, or one was given twice")
    if any(option["type"] in _SUBCOMMANDS for option in declared.values()):
        if len(by_name) != 1:
            raise invalid_form_body(f"{node['name']} needs one of its subcommands: {', '.join(declared)}")
        ((name, one),) = by_name.items()
        inner = _options(declared[name], one.get("options") or [], resolved, uploads, is_typing=is_typing)
        return [{"name": name, "type": declared[name]["type"], "options": inner}]
    missing = [name for name, option in declared.items() if option.get("required") and name not in by_name]
    if missing and not is_typing:
        raise invalid_form_body(f"{node['name']} needs {', '.join(missing)}")
    return [
        _option(node["name"], declared[name], one, resolved, uploads, is_typing=is_typing)
        for name, one in by_name.items()
    ]


def _option(
    command: str,
    option: Mapping[str, Any],
    given: Mapping[str, Any],
    resolved: Resolved,
    uploads: Sequence[Upload],
    *,
    is_typing: bool,
) -> dict[str, Any]:
    kind, value = option["type"], given.get("value")
    wire = {"name": option["name"], "type": kind, "value": value}
    if is_typing and given.get("focused"):
        if not option.get("autocomplete"):
            raise invalid_form_body(f"{option['name']} has no suggestions")
        return wire | {"value": "" if value is None else value, "focused": True}
    if is_typing:
        return wire  # what else was typed so far may still be anything
    if kind in ENTITY_OPTIONS:
        resolved.option(option, value)
    elif kind == OptionType.ATTACHMENT:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < len(uploads):
            raise invalid_form_body(f"{option['name']} is the number of a file that was sent along")
        return wire | {"value": resolved.upload(*uploads[value])}
    else:
        try:
            validate_option_value(command, dict(option), value)
        except OptionError as error:
            raise invalid_form_body(str(error)) from None
    return wire


def _leaves(options: list[dict[str, Any]]) -> list[dict[str, Any]]:
    while options and "options" in options[0]:
        options = options[0]["options"]
    return options
