"""The gateway's sockets: hello, identify, heartbeats and their acknowledgements, resume, and everything that goes wrong.

Closing codes and their meanings are Discord's. What a session is told is `playground.sessions`' business.
"""

import asyncio
import json
import logging
import zlib
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import discord
from aiohttp import WSCloseCode, WSMsgType, web

from playground.faults import FaultKind, Faults
from playground.sessions import DISALLOWED_INTENTS, CannotIdentify, Session, Sessions

logger = logging.getLogger(__name__)

HEARTBEAT, IDENTIFY, PRESENCE, VOICE, RESUME = 1, 2, 3, 4, 6
RECONNECT, MEMBERS, INVALID, HELLO, ACK = 7, 8, 9, 10, 11
UNKNOWN_OPCODE, DECODE_ERROR, NOT_AUTHENTICATED, WRONG_TOKEN, ALREADY_AUTHENTICATED = 4001, 4002, 4003, 4004, 4005
TOO_FAST, TIMED_OUT, WRONG_VERSION = 4008, 4009, 4012
MAX_BYTES = 4096
"""Of what a bot sends."""
MAX_COMMANDS, COMMANDS_SECONDS = 120, 60.0
LATE_SECONDS = 20.0
"""How late a heartbeat may be; a busy machine is slow, not dead."""
MAX_UNSENT = 5000
"""Frames that wait for a bot that does not read; then it is cut off, and may resume."""


class Gateway:
    """All connections of bots.

    Args:
        sessions: what they are told.
        faults: what goes wrong.
        token: the one that is known.
        approved: privileged intents that are switched on in this Developer Portal.
        clock: seconds that only grow.
        heartbeat_seconds: how often a bot is to show that it lives.
        on_change: called when a bot came or went.
    """

    def __init__(
        self,
        sessions: Sessions,
        faults: Faults,
        *,
        token: str,
        approved: discord.Intents,
        clock: Callable[[], float],
        heartbeat_seconds: float,
        on_change: Callable[[], None],
    ) -> None:
        self.sessions = sessions
        self.faults = faults
        self.token = token
        self.approved = approved
        self.clock = clock
        self.heartbeat_seconds = heartbeat_seconds
        self.on_change = on_change
        self._connections: set[Connection] = set()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One connection, from hello to its end."""
        socket = web.WebSocketResponse(max_msg_size=MAX_BYTES, autoping=True, compress=False)
        await socket.prepare(request)
        is_compressed = request.query.get("compress") == "zlib-stream"
        connection = Connection(self, socket, request.transport, is_compressed=is_compressed)
        self._connections.add(connection)
        try:
            await connection.run(version=request.query.get("v", "10"))
        finally:
            self._connections.discard(connection)
            self.on_change()
        return socket

    @property
    def identified(self) -> list["Connection"]:
        """The connections that have a session."""
        return [connection for connection in self._connections if connection.session is not None]

    def act(self, kind: FaultKind) -> None:
        """Let a fault that was just asked for act on the connections that there are."""
        for connection in self.identified:
            fault = self.faults.take(kind)
            if fault is not None:
                connection.suffer(kind, fault.options)

    async def close(self) -> None:
        """End every connection as a server that goes down does."""
        for connection in list(self._connections):
            await connection.close(WSCloseCode.GOING_AWAY, "Going down.")


class Connection:
    """One socket, and the session that speaks through it once the bot said who it is."""

    def __init__(
        self,
        gateway: Gateway,
        socket: web.WebSocketResponse,
        transport: asyncio.BaseTransport | None,
        *,
        is_compressed: bool,
    ) -> None:
        self._gateway = gateway
        self._socket = socket
        self._transport = transport
        self._deflate = zlib.compressobj() if is_compressed else None
        self._unsent: deque[str] = deque()
        self._has_unsent = asyncio.Event()
        self._commands: deque[float] = deque()
        self._beat_at = gateway.clock()
        self._is_deaf = False
        self.session: Session | None = None

    def put(self, frame: str) -> None:
        """Queue a frame."""
        if self._is_deaf:
            return
        self._unsent.append(frame)
        self._has_unsent.set()
        if len(self._unsent) > MAX_UNSENT:
            self._cut()

    async def run(self, *, version: str) -> None:
        """Live until either side ends it."""
        if version != "10":
            await self.close(WRONG_VERSION, "Invalid API version.")
            return
        interval = int(self._gateway.heartbeat_seconds * 1000)
        self._send_op(HELLO, {"heartbeat_interval": interval, "_trace": ["playground"]})
        writing = asyncio.create_task(self._write())
        watching = asyncio.create_task(self._watch_heartbeat())
        try:
            await self._read()
        finally:
            for task in (writing, watching):
                task.cancel()
            await asyncio.gather(writing, watching, return_exceptions=True)
            if self.session is not None:
                is_resumable = self._socket.close_code not in (WSCloseCode.OK, WSCloseCode.GOING_AWAY)
                self._gateway.sessions.let_go(self.session, self, is_resumable=is_resumable)

    def suffer(self, kind: FaultKind, options: Mapping[str, Any]) -> None:
        """Let something go wrong on this connection."""
        if kind is FaultKind.DROP:
            self._cut()
        elif kind is FaultKind.RECONNECT:
            self._send_op(RECONNECT, None)
        elif kind is FaultKind.HALF_CLOSED:
            self._is_deaf = True
            self._unsent.clear()
        elif kind is FaultKind.INVALID_SESSION and self.session is not None:
            if not options["resumable"]:
                self._gateway.sessions.end(self.session)
            self._send_op(INVALID, bool(options["resumable"]))
        elif kind is FaultKind.REPLAY_EVENTS and self.session is not None:
            self.session.replay(self.session.sequence - int(options["count"]))

    async def close(self, code: int, reason: str) -> None:
        """End this connection with a code."""
        logger.info("gateway connection closed", extra={"code": code, "reason": reason})
        with suppress(ConnectionError, RuntimeError):
            await self._socket.close(code=code, message=reason.encode())

    def _cut(self) -> None:
        """End the connection without a word."""
        if isinstance(self._transport, asyncio.Transport):
            self._transport.abort()

    async def _read(self) -> None:
        async for message in self._socket:
            if self._is_deaf:
                continue
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                break
            try:
                frame = json.loads(message.data)
                op, data = frame["op"], frame.get("d")
            except (ValueError, KeyError, TypeError, AttributeError):
                await self.close(DECODE_ERROR, "Error while decoding payload.")
                return
            if self._is_too_fast():
                await self.close(TOO_FAST, "You are being rate limited.")
                return
            if not await self._obey(op, data):
                return

    async def _obey(self, op: int, data: Any) -> bool:
        """Do what a frame asks; whether the connection goes on."""
        if op == HEARTBEAT:
            self._beat_at = self._gateway.clock()
            if self._gateway.faults.take(FaultKind.ZOMBIE) is None:
                self._send_op(ACK, None)
            return True
        if op in (IDENTIFY, RESUME):
            return await self._begin(op, data if isinstance(data, dict) else {})
        if op not in (PRESENCE, VOICE, MEMBERS):
            await self.close(UNKNOWN_OPCODE, "Unknown opcode.")
            return False
        if self.session is None:
            await self.close(NOT_AUTHENTICATED, "Not authenticated.")
            return False
        if op == MEMBERS and isinstance(data, dict):
            self._gateway.sessions.chunk_members(self.session, data)
        return True

    async def _begin(self, op: int, data: Mapping[str, Any]) -> bool:
        gateway = self._gateway
        if self.session is not None:
            await self.close(ALREADY_AUTHENTICATED, "Already authenticated.")
            return False
        if data.get("token") != gateway.token:
            await self.close(WRONG_TOKEN, "Authentication failed.")
            return False
        if op == RESUME:
            return self._resume(data)
        try:
            self.session = gateway.sessions.identify(self, data)
            self._refuse_privileged(self.session.intents)
        except CannotIdentify as error:
            await self.close(error.code, error.reason)
            return False
        self._identified()
        return True

    def _resume(self, data: Mapping[str, Any]) -> bool:
        is_refused = self._gateway.faults.take(FaultKind.REFUSE_RESUME) is not None
        sequence = data.get("seq")
        if not is_refused and isinstance(sequence, int):
            self.session = self._gateway.sessions.resume(self, str(data.get("session_id")), sequence)
        if self.session is None:
            self._send_op(INVALID, False)
        else:
            self._identified()
        return True

    def _identified(self) -> None:
        """Tell of it, and let the faults that hold for a time act on the new connection too."""
        self._gateway.on_change()
        for kind in (FaultKind.DROP, FaultKind.RECONNECT, FaultKind.INVALID_SESSION, FaultKind.HALF_CLOSED):
            fault = self._gateway.faults.take(kind)
            if fault is not None:
                self.suffer(kind, fault.options)

    def _refuse_privileged(self, wanted: discord.Intents) -> None:
        privileged = discord.Intents(members=True, presences=True, message_content=True).value
        if wanted.value & privileged & ~self._gateway.approved.value:
            if self.session is not None:
                self._gateway.sessions.end(self.session)
                self.session = None
            raise CannotIdentify(DISALLOWED_INTENTS, "Disallowed intent(s).")

    def _is_too_fast(self) -> bool:
        now = self._gateway.clock()
        while self._commands and self._commands[0] <= now - COMMANDS_SECONDS:
            self._commands.popleft()
        self._commands.append(now)
        return len(self._commands) > MAX_COMMANDS

    def _send_op(self, op: int, data: object) -> None:
        self.put(json.dumps({"op": op, "s": None, "t": None, "d": data}))

    async def _write(self) -> None:
        with suppress(ConnectionError, RuntimeError):
            while True:
                await self._has_unsent.wait()
                while self._unsent:
                    await self._write_one(self._unsent.popleft())
                self._has_unsent.clear()

    async def _write_one(self, frame: str) -> None:
        if self._deflate is None:
            await self._socket.send_str(frame)
        else:
            packed = self._deflate.compress(frame.encode()) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
            await self._socket.send_bytes(packed)

    async def _watch_heartbeat(self) -> None:
        """Close on a bot that no longer shows that it lives."""
        patience = self._gateway.heartbeat_seconds + LATE_SECONDS
        while True:
            await asyncio.sleep(self._gateway.heartbeat_seconds / 2)
            if not self._is_deaf and self._gateway.clock() - self._beat_at > patience:
                await self.close(TIMED_OUT, "Session timed out.")
                return
