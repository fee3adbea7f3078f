"""The bot's gateway sessions: what each is told, by its intents, and what it can be told again after a break.

Knows no sockets: a connection (`playground.gateway`) attaches to a session, and lets go of it.
"""

import copy
import json
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import discord
from simcord import intents as intent_rules
from simcord.backend import serializers
from simcord.backend.access import channel_accessible

from playground.faults import FaultKind, Faults
from playground.world import World

KEPT_EVENTS = 2000
"""A session that misses more cannot be resumed."""
RESUMABLE_SECONDS = 120.0
"""A session without a connection is forgotten after this long."""
CHUNK = 1000
MESSAGE_CONTENT_FLAGS = (1 << 18) | (1 << 19)

INVALID_INTENTS, DISALLOWED_INTENTS = 4013, 4014


class Wire(Protocol):
    """A connection that a session speaks through."""

    def put(self, frame: str) -> None:
        """Send a frame when the socket takes it."""
        ...


class CannotIdentify(Exception):
    """A session is not given; `code` is what the connection is closed with."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass
class Session:
    """One bot's stream of events, numbered."""

    id: str
    intents: discord.Intents
    sequence: int = 0
    wire: Wire | None = None
    left_at: float | None = None
    """When its connection went, in the clock's seconds; None while it has one."""
    sent: "deque[tuple[int, str]]" = field(default_factory=lambda: deque(maxlen=KEPT_EVENTS))

    def dispatch(self, event: str, payload: Mapping[str, Any]) -> None:
        """Number an event, keep it, and send it if there is a connection."""
        self.sequence += 1
        frame = json.dumps({"op": 0, "s": self.sequence, "t": event, "d": payload})
        self.sent.append((self.sequence, frame))
        if self.wire is not None:
            self.wire.put(frame)

    def can_resume_after(self, sequence: int) -> bool:
        """Whether everything after an event is still here."""
        oldest = self.sent[0][0] if self.sent else self.sequence + 1
        return oldest - 1 <= sequence <= self.sequence

    def replay(self, after: int) -> None:
        """Send again what came after an event, numbers and all."""
        if self.wire is not None:
            for number, frame in self.sent:
                if number > after:
                    self.wire.put(frame)


class Sessions:
    """All sessions of a world's bot."""

    def __init__(self, world: World, faults: Faults, *, gateway_url: str, clock: Callable[[], float]) -> None:
        self._world = world
        self._faults = faults
        self._gateway_url = gateway_url
        self._clock = clock
        self._sessions: dict[str, Session] = {}
        world.subscribers.append(self._happened)

    @property
    def all(self) -> list[Session]:
        """Those that are connected or can be resumed."""
        return list(self._sessions.values())

    @property
    def connected(self) -> list[Session]:
        """Those that have a connection."""
        return [session for session in self._sessions.values() if session.wire is not None]

    def identify(self, wire: Wire, wanted: Mapping[str, Any]) -> Session:
        """Begin a session, and tell the bot who it is and which servers it is in.

        Raises:
            CannotIdentify: the intents are not numbers or name bits that there are not.
        """
        session = Session(secrets.token_hex(16), _intents(wanted.get("intents")), wire=wire)
        self._forget_old()
        self._sessions[session.id] = session
        world = self._world
        ready = {
            "v": 10,
            "user": dict(serializers.user_payload(world.bot_user)),
            "guilds": [{"id": str(guild_id), "unavailable": True} for guild_id in world.guilds],
            "session_id": session.id,
            "resume_gateway_url": self._gateway_url,
            "shard": wanted.get("shard") or [0, 1],
            "application": {"id": str(world.application_id), "flags": MESSAGE_CONTENT_FLAGS},
        }
        session.dispatch("READY", ready)
        for guild in world.guilds.values():
            self._feed(session, "GUILD_CREATE", serializers.guild_create_payload(world, guild))
        return session

    def resume(self, wire: Wire, session_id: str, sequence: int) -> Session | None:
        """Go on with a session, telling what was missed; None when it cannot be gone on with."""
        self._forget_old()
        session = self._sessions.get(session_id)
        if session is None or not session.can_resume_after(sequence):
            self._sessions.pop(session_id, None)
            return None
        session.wire, session.left_at = wire, None
        session.replay(sequence)
        session.dispatch("RESUMED", {})
        return session

    def let_go(self, session: Session, wire: Wire, *, is_resumable: bool = True) -> None:
        """A connection ended; another one may have taken the session over already."""
        if session.wire is wire:
            session.wire, session.left_at = None, self._clock()
        if not is_resumable:
            self._sessions.pop(session.id, None)

    def end(self, session: Session) -> None:
        """Forget a session, so that it cannot be resumed."""
        self._sessions.pop(session.id, None)

    def chunk_members(self, session: Session, wanted: Mapping[str, Any]) -> None:
        """Answer a request for a server's members."""
        guild = self._world.guilds.get(int(wanted.get("guild_id", 0)))
        if guild is None:
            return
        members, not_found = list(guild.members.values()), []
        user_ids, query = wanted.get("user_ids"), str(wanted.get("query") or "").lower()
        if user_ids is not None:
            ids = [int(user_id) for user_id in (user_ids if isinstance(user_ids, list) else [user_ids])]
            members = [guild.members[user_id] for user_id in ids if user_id in guild.members]
            not_found = [str(user_id) for user_id in ids if user_id not in guild.members]
        elif query:
            members = [one for one in members if self._world.users[one.user_id].name.lower().startswith(query)]
        elif not session.intents.members:
            return  # the whole list is for those with the intent
        members = members[: int(wanted.get("limit") or 0) or None]
        chunks = [members[start : start + CHUNK] for start in range(0, len(members), CHUNK)] or [[]]
        for index, chunk in enumerate(chunks):
            payload: dict[str, Any] = {
                "guild_id": str(guild.id),
                "members": [serializers.member_payload(self._world, guild, member) for member in chunk],
                "chunk_index": index,
                "chunk_count": len(chunks),
                "not_found": not_found,
            }
            if wanted.get("nonce") is not None:
                payload["nonce"] = wanted["nonce"]
            session.dispatch("GUILD_MEMBERS_CHUNK", payload)

    def _happened(self, event: str, payload: Mapping[str, Any]) -> None:
        if not self._sessions:
            return
        repeat = self._faults.take(FaultKind.DUPLICATE_EVENTS) if self.connected else None
        for session in self.all:
            for _ in range(2 if repeat else 1):
                self._feed(session, event, payload)

    def _feed(self, session: Session, event: str, payload: Mapping[str, Any]) -> None:
        """Tell a session of an event, if and as its intents and the bot's own permissions allow."""
        gate = intent_rules.required_intent(event, payload)
        if gate is not None and not getattr(session.intents, gate):
            return
        if not self._bot_sees(event, payload):
            return
        shown: dict[str, Any] = dict(payload)
        bot_id = self._world.bot_user.id
        if not session.intents.message_content:
            shown = copy.deepcopy(shown)
            _withhold_content(self._world, event, shown)
        if event == "GUILD_CREATE":
            intent_rules.prune_guild_create(shown, session.intents, bot_id)
        session.dispatch(event, shown)

    def _bot_sees(self, event: str, payload: Mapping[str, Any]) -> bool:
        channel_id = payload.get("channel_id")
        if event == "INTERACTION_CREATE" or channel_id is None or int(channel_id) not in self._world.channels:
            return True
        return channel_accessible(self._world, int(channel_id), self._world.bot_user.id)

    def _forget_old(self) -> None:
        now = self._clock()
        for session in self.all:
            if session.left_at is not None and now - session.left_at > RESUMABLE_SECONDS:
                del self._sessions[session.id]


def _intents(value: object) -> discord.Intents:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0 or value & ~discord.Intents.all().value:
        raise CannotIdentify(INVALID_INTENTS, "Invalid intent(s).")
    intents = discord.Intents.none()
    intents.value = value
    return intents


def _withhold_content(world: World, event: str, payload: dict[str, Any]) -> None:
    """Take out what a bot without the message content intent does not get to read."""
    bot_id = world.bot_user.id
    if event in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
        intent_rules.censor_message(payload, bot_id, backend=world)
    elif event == "INTERACTION_CREATE":
        data = payload.get("data") or {}
        if isinstance(payload.get("message"), dict):
            intent_rules.censor_message(payload["message"], bot_id, backend=world, exempt_root=True)
        for message_id, message in ((data.get("resolved") or {}).get("messages") or {}).items():
            is_target = str(data.get("target_id")) == message_id
            intent_rules.censor_message(message, bot_id, backend=world, exempt_root=is_target)
