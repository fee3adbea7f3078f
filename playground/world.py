"""The Discord behind the sockets: SimCord's backend with the real time, our addresses, and a limit to its memory.

What SimCord has only for tests is changed here and nowhere else: its clock stands still, it keeps every request for
ever, and an ephemeral message is announced to nobody, because bots are told nothing of it; but its person sees it.
"""

import copy
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from simcord._clock import Clock
from simcord.backend import Backend, serializers
from simcord.backend.models import Interaction, Message, User

from playground.attachments import Attachments

KEPT_MESSAGES = 1000
"""In one channel; older ones are gone from the stand-in (not from Mynah's database)."""
LONG_SECONDS = 15 * 60
"""How long the token of an interaction holds."""

PrivateListener = Callable[[int, str, Mapping[str, Any]], None]


class RealTime(Clock):
    """The time of day."""

    def now(self) -> datetime:
        """Now, with Discord's precision."""
        return datetime.now(UTC)


class _Forgets(list[Any]):
    """A log that nobody reads."""

    def append(self, _: Any, /) -> None:
        """Forget it at once."""


class World(Backend):
    """Everything that is on this Discord.

    Args:
        attachments: where files are kept.
        bot_id: of the bot's user and its application, which on Discord are one number.
        bot_name: as people see it.
    """

    def __init__(self, attachments: Attachments, *, bot_id: int, bot_name: str) -> None:
        super().__init__(clock=RealTime())
        del self.users[self.bot_user.id]
        self.cdn = attachments
        self.application_id = self.reserve_id(bot_id)
        self.bot_user = User(id=bot_id, name=bot_name.lower(), global_name=bot_name, bot=True)
        self.users[bot_id] = self.bot_user
        self.http_requests = _Forgets()
        self.transcript = _Forgets()
        self.private_listeners: list[PrivateListener] = []
        """Told of what only one person sees: their id, the event, its payload."""

    @property
    def attachments(self) -> Attachments:
        """The files."""
        assert isinstance(self.cdn, Attachments)  # noqa: S101 - it is set once, above
        return self.cdn

    def commit_message(self, message: Message, *, broadcast: bool = True) -> Message:
        """Publish a message, or show it to its person alone."""
        message.embeds = with_pictures(message.embeds, message.attachments)
        committed = super().commit_message(message, broadcast=broadcast)
        self._forget_oldest(committed.channel_id)
        self._show_privately("MESSAGE_CREATE", committed)
        return committed

    def edit_message(self, channel_id: int, message_id: int, fields: dict[str, Any]) -> Message:
        """Change a message, for whoever sees it."""
        if fields.get("embeds"):
            attachments = fields.get("attachments") or self.get_message(channel_id, message_id).attachments
            fields = {**fields, "embeds": with_pictures(fields["embeds"], attachments)}
        message = super().edit_message(channel_id, message_id, fields)
        self._show_privately("MESSAGE_UPDATE", message)
        return message

    def delete_message(self, channel_id: int, message_id: int) -> None:
        """Delete a message, for whoever sees it."""
        message = self.get_message(channel_id, message_id)
        super().delete_message(channel_id, message_id)
        if message.is_ephemeral:
            gone = {"id": str(message_id), "channel_id": str(channel_id)}
            self.tell(_person_of(message), "MESSAGE_DELETE", gone)

    def new_interaction(self, type: int, channel_id: int, user_id: int, guild_id: int | None) -> Interaction:
        """Begin an interaction, and forget those whose tokens have ended."""
        now = self.now_iso()
        for old in list(self.interactions.values()):
            if old.expires_at is None or old.expires_at > now:
                break  # they were made in order
            del self.interactions[old.id]
            self.interaction_tokens.pop(old.token, None)
        return super().new_interaction(type, channel_id, user_id, guild_id)

    def tell(self, user_id: int, event: str, payload: Mapping[str, Any]) -> None:
        """Show something to one person and to nobody else."""
        for listener in self.private_listeners:
            listener(user_id, event, payload)

    def _show_privately(self, event: str, message: Message) -> None:
        if message.is_ephemeral:
            self.tell(_person_of(message), event, dict(serializers.message_payload(self, message)))

    def _forget_oldest(self, channel_id: int) -> None:
        messages = self.messages.get(channel_id, {})
        while len(messages) > KEPT_MESSAGES:
            del messages[next(iter(messages))]


def _person_of(message: Message) -> int:
    """Who sees an ephemeral message: whoever used the command or pressed the button."""
    return int((message.interaction_metadata or {})["user"]["id"])


def with_pictures(embeds: list[dict[str, Any]], attachments: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Embeds whose `attachment://name` addresses lead to the files; SimCord does so for components only."""
    urls = {f"attachment://{attachment['filename']}": attachment["url"] for attachment in attachments}
    shown = copy.deepcopy(embeds)
    for embed in shown:
        for part in (embed.get("image"), embed.get("thumbnail"), embed.get("author"), embed.get("footer")):
            for key in ("url", "icon_url"):
                if isinstance(part, dict) and part.get(key) in urls:
                    part[key] = urls[part[key]]
    return shown
