"""The world as one person sees it, in Discord's own objects."""

from collections.abc import Mapping
from typing import Any

from simcord.backend import serializers
from simcord.backend.access import channel_accessible
from simcord.backend.models import Channel

from playground.people import People, Person
from playground.world import World

SHOWN_MESSAGES = 50


class Views:
    """Looks at a world."""

    def __init__(self, world: World, people: People, guild_id: int) -> None:
        self._world = world
        self._people = people
        self._guild_id = guild_id

    def person(self, person: Person) -> dict[str, Any]:
        """Somebody who can be acted as."""
        guild = self._world.get_guild(self._guild_id)
        member = guild.members.get(person.user_id)
        return {
            "user": dict(serializers.user_payload(self._world.get_user(person.user_id))),
            "member": None if member is None else dict(serializers.member_payload(self._world, guild, member)),
            "label": person.label,
            "about": person.about,
        }

    def people(self) -> list[dict[str, Any]]:
        """All who can be acted as."""
        return [self.person(person) for person in self._people.all]

    def application(self) -> dict[str, Any]:
        """The bot's."""
        user = dict(serializers.user_payload(self._world.bot_user))
        return {"id": str(self._world.application_id), "user": user}

    def all_for(self, viewer_id: int) -> dict[str, Any]:
        """Everything that a person sees."""
        world, guild = self._world, self._world.get_guild(self._guild_id)
        channels = [world.channels[channel_id] for channel_id in (*guild.channel_ids, *guild.thread_ids)]
        seen = [channel for channel in channels if channel_accessible(world, channel.id, viewer_id)]
        dm_id = world.dm_channels.get(viewer_id)
        dms = [] if dm_id is None else [world.channels[dm_id]]
        return {
            "me": self.person(self._people.find(viewer_id)),
            "guild": {
                "id": str(guild.id),
                "name": guild.name,
                "owner_id": str(guild.owner_id),
                "roles": list(serializers.roles_payload(guild)),
                "members": [serializers.member_payload(world, guild, member) for member in guild.members.values()],
                "channels": [self.channel(one, viewer_id) for one in seen if not one.is_thread],
                "threads": [self.channel(one, viewer_id) for one in seen if one.is_thread],
            },
            "dms": [self.channel(channel, viewer_id) for channel in dms],
            "messages": {str(one.id): self.messages(one.id, viewer_id) for one in (*seen, *dms)},
        }

    def channel(self, channel: Channel, viewer_id: int) -> dict[str, Any]:
        """A channel, with what the person may do there."""
        payload: dict[str, Any] = dict(serializers.channel_payload(self._world, channel))
        if channel.guild_id is not None:
            may = self._world.compute_permissions(channel.guild_id, viewer_id, channel.id)
            payload["permissions"] = str(may)
        return payload

    def messages(
        self, channel_id: int, viewer_id: int, *, before: int | None = None, limit: int = SHOWN_MESSAGES
    ) -> list[Mapping[str, Any]]:
        """The newest messages of a channel, oldest first."""
        if not channel_accessible(self._world, channel_id, viewer_id, history=True):
            return []
        visible = [
            message
            for message in self._world.messages[channel_id].values()
            if message.visible_to(viewer_id) and (before is None or message.id < before)
        ]
        newest = sorted(visible, key=lambda message: message.id)[-limit:]
        return [dict(serializers.message_payload(self._world, one, for_user=viewer_id)) for one in newest]

    def commands(self, channel_id: int, viewer_id: int) -> list[dict[str, Any]]:
        """What the person may use in a channel, of all kinds."""
        return [
            command
            for kind in (1, 2, 3)
            for command in self._world.visible_commands(user_id=viewer_id, channel_id=channel_id, type=kind)
        ]
