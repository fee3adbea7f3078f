"""What the ids in an interaction stand for, as Discord sends it along under `resolved`."""

from collections.abc import Mapping
from typing import Any

from simcord.backend import serializers
from simcord.backend.access import channel_accessible
from simcord.backend.errors import BackendError, invalid_form_body
from simcord.enums import ComponentType, OptionType

from playground.world import World

ENTITY_OPTIONS = (OptionType.USER, OptionType.CHANNEL, OptionType.ROLE, OptionType.MENTIONABLE)
ENTITY_SELECTS = (
    ComponentType.USER_SELECT,
    ComponentType.ROLE_SELECT,
    ComponentType.MENTIONABLE_SELECT,
    ComponentType.CHANNEL_SELECT,
)


class Resolved:
    """The people, roles, channels and files of one interaction.

    Args:
        world: where they are.
        person_id: who asks; channels they cannot see are refused.
        channel_id: where they ask.
    """

    def __init__(self, world: World, person_id: int, channel_id: int) -> None:
        self._world = world
        self._person_id = person_id
        self._channel_id = channel_id
        self._guild_id = world.get_channel(channel_id).guild_id
        self.found: dict[str, dict[str, Any]] = {}

    def option(self, option: Mapping[str, Any], value: object) -> None:
        """Look up the value of a command's option."""
        kind, entity_id = option["type"], _number(value, str(option["name"]))
        if kind == OptionType.USER:
            self.user(entity_id)
        elif kind == OptionType.ROLE:
            self._role(entity_id)
        elif kind == OptionType.CHANNEL:
            self._channel(entity_id, option.get("channel_types"))
        else:
            self._mentionable(entity_id)

    def select(self, kind: int, value: object) -> None:
        """Look up a value of a select."""
        entity_id = _number(value, "values")
        if kind == ComponentType.USER_SELECT:
            self.user(entity_id)
        elif kind == ComponentType.ROLE_SELECT:
            self._role(entity_id)
        elif kind == ComponentType.CHANNEL_SELECT:
            self._channel(entity_id, None)
        else:
            self._mentionable(entity_id)

    def user(self, user_id: int) -> None:
        """Add a person, as a member too where they are one."""
        user = self._world.get_user(user_id)
        self._add("users", user_id, dict(serializers.user_payload(user)))
        guild = self._world.guilds.get(self._guild_id) if self._guild_id is not None else None
        if guild is not None and user_id in guild.members:
            member = serializers.member_payload(self._world, guild, guild.members[user_id], with_user=False)
            self._add("members", user_id, dict(member))

    def upload(self, filename: str, data: bytes) -> str:
        """Keep a file that was sent along; its id."""
        attachment_id = self._world.snowflake()
        attachment = self._world.cdn.store_attachment(attachment_id, self._channel_id, filename, data, None)
        self._add("attachments", attachment_id, attachment)
        return str(attachment_id)

    def _mentionable(self, entity_id: int) -> None:
        try:
            self.user(entity_id)
        except BackendError:
            self._role(entity_id)

    def _role(self, role_id: int) -> None:
        if self._guild_id is None:
            raise invalid_form_body("There are no roles here.")
        self._add("roles", role_id, dict(serializers.role_payload(self._world.get_role(self._guild_id, role_id))))

    def _channel(self, channel_id: int, allowed_types: list[int] | None) -> None:
        channel = self._world.get_channel(channel_id)
        if channel.guild_id != self._guild_id or not channel_accessible(self._world, channel_id, self._person_id):
            raise invalid_form_body("That channel is not one of this person's.")
        if allowed_types and channel.type not in allowed_types:
            raise invalid_form_body("A channel of that type cannot be chosen.")
        payload: dict[str, Any] = dict(serializers.channel_payload(self._world, channel))
        if channel.guild_id is not None:
            may = self._world.compute_permissions(channel.guild_id, self._person_id, channel_id)
            payload["permissions"] = str(may)
        self._add("channels", channel_id, payload)

    def _add(self, kind: str, entity_id: int, payload: dict[str, Any]) -> None:
        self.found.setdefault(kind, {})[str(entity_id)] = payload


def _number(value: object, name: str) -> int:
    if not isinstance(value, str) or not value.isascii() or not value.isdecimal():
        raise invalid_form_body(f"{name} is an id")
    return int(value)
