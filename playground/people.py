"""What people do besides asking the bot: they write, edit, delete, react, open threads, come, go, and get roles.

Checks their permissions as Discord's server does; SimCord's backend itself does whatever it is told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simcord.backend import serializers
from simcord.backend.access import message_accessible, reaction_permissions
from simcord.backend.errors import (
    cannot_edit_other_user,
    invalid_form_body,
    missing_access,
    unknown_channel,
    unknown_user,
)
from simcord.backend.models import Channel, Message, User

from playground.asking import Upload
from playground.world import World

MAX_CHARACTERS = 2000
LABELS = ("member", "moderator", "admin", "troll")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can be acted as."""

    user_id: int
    label: str
    about: str


class People:
    """Those who can be acted as, and what they do."""

    def __init__(self, world: World, guild_id: int) -> None:
        self._world = world
        self._guild_id = guild_id
        self._people: dict[int, Person] = {}
        self._by_nonce: dict[tuple[int, str], int] = {}

    @property
    def all(self) -> list[Person]:
        """In the order in which they came."""
        return list(self._people.values())

    def find(self, user_id: int) -> Person:
        """One of them; Discord's Unknown User if it is none."""
        person = self._people.get(user_id)
        if person is None:
            raise unknown_user()
        return person

    def join(
        self, name: str, *, label: str, about: str = "", role_ids: Sequence[int] = (), user_id: int | None = None
    ) -> Person:
        """Somebody joins the server."""
        if label not in LABELS or not 1 <= len(name) <= 32:
            raise invalid_form_body(f"label is one of {', '.join(LABELS)}, and name has from 1 to 32 characters")
        for role_id in role_ids:
            self._world.get_role(self._guild_id, role_id)
        user = self._user(name, user_id)
        self._world.add_member(self._guild_id, user.id, roles=list(role_ids), announce=True)
        person = self._people[user.id] = Person(user.id, label, about)
        return person

    def _user(self, name: str, user_id: int | None) -> User:
        """The account of somebody who joins: a new one, or with this number, theirs from before if they had left."""
        if user_id in self._world.users:
            return self._world.users[user_id]
        user = self._world.make_user(name.lower(), global_name=name)
        if user_id is not None:  # the same people each time, since the database knows them by these numbers
            del self._world.users[user.id]
            user.id = self._world.reserve_id(user_id)
            self._world.users[user.id] = user
        return user

    def leave(self, user_id: int) -> None:
        """They leave the server."""
        self.find(user_id)
        self._world.remove_member(self._guild_id, user_id)
        del self._people[user_id]

    def give_role(self, user_id: int, role_id: int, *, has_it: bool) -> None:
        """Give or take a role, as the server's owner would."""
        self._world.get_role(self._guild_id, role_id)
        if has_it:
            self._world.add_member_role(self._guild_id, user_id, role_id)
        else:
            self._world.remove_member_role(self._guild_id, user_id, role_id)

    def write(self, user_id: int, channel_id: int, body: Mapping[str, Any], uploads: Sequence[Upload] = ()) -> Message:
        """Say something. The same nonce twice within the newest thousand is the same message."""
        world, channel = self._world, self._world.get_channel(channel_id)
        send = "send_messages_in_threads" if channel.is_thread else "send_messages"
        world.require_permissions(channel.guild_id, user_id, channel_id, send)
        if uploads:
            world.require_permissions(channel.guild_id, user_id, channel_id, "attach_files")
        content = _content(body.get("content") or "")
        if not content.strip() and not uploads:
            raise invalid_form_body("Cannot send an empty message")
        nonce = body.get("nonce")
        key = (user_id, str(nonce))
        if nonce is not None and self._by_nonce.get(key) in world.messages[channel_id]:
            return world.messages[channel_id][self._by_nonce[key]]
        reference = world.normalize_message_reference(channel_id, body.get("message_reference"))
        if reference is not None:
            self._visible(user_id, channel_id, int(reference["message_id"]))
        if channel.is_thread and user_id not in channel.thread_members:
            world.add_thread_member(channel_id, user_id)
        message = world.create_message(
            channel_id,
            user_id,
            content,
            reference=reference,
            attachments=world.store_attachments(channel_id, uploads),
        )
        if nonce is not None:
            self._by_nonce[key] = message.id
            while len(self._by_nonce) > 1000:
                del self._by_nonce[next(iter(self._by_nonce))]
        return message

    def edit(self, user_id: int, channel_id: int, message_id: int, body: Mapping[str, Any]) -> Message:
        """Change one's own words."""
        message = self._visible(user_id, channel_id, message_id)
        if message.author_id != user_id:
            raise cannot_edit_other_user()
        content = _content(body.get("content"))
        if not content.strip() and not message.attachments:
            raise invalid_form_body("Cannot send an empty message")
        return self._world.edit_message(channel_id, message_id, {"content": content})

    def delete(self, user_id: int, channel_id: int, message_id: int) -> None:
        """Delete one's own message, or somebody's where one may."""
        message = self._visible(user_id, channel_id, message_id)
        if message.author_id != user_id:
            guild_id = self._world.get_channel(channel_id).guild_id
            if guild_id is None:
                raise missing_access()
            self._world.require_permissions(guild_id, user_id, channel_id, "manage_messages")
        self._world.delete_message(channel_id, message_id)

    def react(self, user_id: int, channel_id: int, message_id: int, emoji: str, *, is_there: bool) -> None:
        """Put a reaction, or take one's own back."""
        if not 1 <= len(emoji) <= 64:
            raise invalid_form_body("emoji is an emoji, or name:id")
        message = self._visible(user_id, channel_id, message_id)
        guild_id = self._world.get_channel(channel_id).guild_id
        needed = reaction_permissions(message, emoji, reacted=is_there)
        self._world.require_permissions(guild_id, user_id, channel_id, *needed)
        self._world.set_reaction(channel_id, message_id, emoji, user_id, is_there)

    def type(self, user_id: int, channel_id: int) -> None:
        """Begin to type."""
        channel = self._world.get_channel(channel_id)
        send = "send_messages_in_threads" if channel.is_thread else "send_messages"
        self._world.require_permissions(channel.guild_id, user_id, channel_id, send)
        now = int(self._world.clock.now().timestamp())
        payload: dict[str, Any] = {"channel_id": str(channel_id), "user_id": str(user_id), "timestamp": now}
        if channel.guild_id is not None:
            guild = self._world.get_guild(channel.guild_id)
            member = serializers.member_payload(self._world, guild, guild.members[user_id])
            payload |= {"guild_id": str(guild.id), "member": member}
        self._world.emit("TYPING_START", payload)

    def open_thread(self, user_id: int, channel_id: int, body: Mapping[str, Any]) -> Channel:
        """Begin a thread, at a message or without one."""
        channel, name, at = self._world.get_channel(channel_id), body.get("name"), body.get("message_id")
        if channel.guild_id is None or channel.is_thread:
            raise unknown_channel()
        if not isinstance(name, str) or not 1 <= len(name.strip()) <= 100:
            raise invalid_form_body("name has from 1 to 100 characters")
        self._world.require_permissions(channel.guild_id, user_id, channel_id, "create_public_threads")
        message_id = None
        if at is not None:
            if not isinstance(at, str) or not at.isdecimal():
                raise invalid_form_body("message_id is an id")
            message_id = self._visible(user_id, channel_id, int(at)).id
            if message_id in self._world.channels:
                raise invalid_form_body("A thread has already been created for this message")
        return self._world.create_thread(channel_id, name.strip(), user_id, message_id=message_id)

    def open_dm(self, user_id: int) -> Channel:
        """The person's talk with the bot."""
        self.find(user_id)
        return self._world.get_dm_channel(user_id)

    def _visible(self, user_id: int, channel_id: int, message_id: int) -> Message:
        message = self._world.get_message(channel_id, message_id)
        if not message_accessible(self._world, channel_id, message, user_id):
            raise missing_access()
        return message


def _content(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_CHARACTERS:
        raise invalid_form_body(f"content: Must be {MAX_CHARACTERS} or fewer in length.")
    return value
