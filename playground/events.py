"""What happened, numbered, for the people at the page: each sees what they may, and can go on where they stopped."""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simcord.backend.access import channel_accessible

from playground.world import World

KEPT = 5000
"""Events that can be gone back to."""

SHOWN = frozenset(
    {
        "MESSAGE_CREATE",
        "MESSAGE_UPDATE",
        "MESSAGE_DELETE",
        "MESSAGE_DELETE_BULK",
        "MESSAGE_REACTION_ADD",
        "MESSAGE_REACTION_REMOVE",
        "MESSAGE_REACTION_REMOVE_ALL",
        "MESSAGE_REACTION_REMOVE_EMOJI",
        "TYPING_START",
        "CHANNEL_CREATE",
        "CHANNEL_UPDATE",
        "CHANNEL_DELETE",
        "THREAD_CREATE",
        "THREAD_UPDATE",
        "THREAD_DELETE",
        "THREAD_MEMBERS_UPDATE",
        "GUILD_MEMBER_ADD",
        "GUILD_MEMBER_UPDATE",
        "GUILD_MEMBER_REMOVE",
        "GUILD_ROLE_CREATE",
        "GUILD_ROLE_UPDATE",
        "GUILD_ROLE_DELETE",
    }
)
"""Of Discord's events."""
_OF_A_CHANNEL = ("CHANNEL_CREATE", "CHANNEL_UPDATE", "THREAD_")
_GONE = ("CHANNEL_DELETE", "THREAD_DELETE")
_CHANGES_WHO_SEES_WHAT = ("CHANNEL_UPDATE", "GUILD_ROLE_UPDATE", "GUILD_ROLE_DELETE")


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened."""

    number: int
    name: str
    payload: Mapping[str, Any]
    only_for: int | None = None
    """The one person who sees it; None: whoever may."""


class EventLog:
    """The newest events of a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._events: deque[Event] = deque(maxlen=KEPT)
        self._changed = asyncio.Event()
        self.newest = 0
        """The number of the newest event; 0: nothing happened yet."""
        world.subscribers.append(self._happened)
        world.private_listeners.append(self._happened_privately)

    def add(self, name: str, payload: Mapping[str, Any], *, only_for: int | None = None) -> None:
        """Note an event, and wake who waits for one."""
        self.newest += 1
        self._events.append(Event(self.newest, name, payload, only_for))
        self._changed.set()
        self._changed = asyncio.Event()

    def after(self, number: int) -> list[Event] | None:
        """What happened after an event, in order; None when that is too long ago, or has not been."""
        if number > self.newest:
            return None
        missing = self.newest - number
        if missing > len(self._events):
            return None
        return [event for event in list(self._events)[len(self._events) - missing :] if missing]

    async def wait_beyond(self, number: int) -> None:
        """Return once there is an event after this one."""
        while self.newest <= number:
            await self._changed.wait()

    def _happened(self, name: str, payload: Mapping[str, Any]) -> None:
        if name not in SHOWN:
            return
        if name in _GONE:
            payload = {key: payload[key] for key in ("id", "guild_id", "parent_id", "type") if key in payload}
        self.add(name, payload)
        if name in _CHANGES_WHO_SEES_WHAT:
            self.add("PLAY_RELOAD", {})
        elif name == "GUILD_MEMBER_UPDATE":
            self.add("PLAY_RELOAD", {}, only_for=int(payload["user"]["id"]))

    def _happened_privately(self, user_id: int, name: str, payload: Mapping[str, Any]) -> None:
        self.add(name, payload, only_for=user_id)

    def seen_by(self, viewer_id: int, event: Event) -> Mapping[str, Any] | None:
        """An event's payload as a person sees it; None when they do not."""
        if event.only_for is not None:
            return event.payload if event.only_for == viewer_id else None
        payload = event.payload
        channel_id = payload.get("id") if event.name.startswith(_OF_A_CHANNEL) else payload.get("channel_id")
        if event.name not in _GONE and channel_id is not None:
            if not channel_accessible(self._world, int(channel_id), viewer_id):
                return None
        elif not self._is_member(payload.get("guild_id"), viewer_id):
            return None
        return self._as_theirs(viewer_id, payload) if payload.get("reactions") else payload

    def _is_member(self, guild_id: str | None, viewer_id: int) -> bool:
        if guild_id is None:
            return True
        guild = self._world.guilds.get(int(guild_id))
        return guild is not None and viewer_id in guild.members

    def _as_theirs(self, viewer_id: int, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """A message whose reactions say which are this person's."""
        message = self._world.messages.get(int(payload["channel_id"]), {}).get(int(payload["id"]))
        if message is None:
            return payload
        mine = {
            (reaction.emoji.split(":")[0], reaction.emoji.partition(":")[2] or None)
            for reaction in message.reactions
            if viewer_id in reaction.user_ids
        }
        reactions = [
            {**reaction, "me": (reaction["emoji"]["name"], reaction["emoji"]["id"]) in mine}
            for reaction in payload["reactions"]
        ]
        return {**payload, "reactions": reactions}
