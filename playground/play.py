"""The page's own API, as docs/playground.md describes it: look, act as a person, listen, look at the loop, break things."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from aiohttp import WSMsgType, web
from simcord.backend import serializers
from simcord.backend.errors import BackendError, invalid_form_body
from simcord.backend.models import Message

from playground.answers import answer, refusal
from playground.asking import Asking, Upload
from playground.bodies import Body, read_body
from playground.events import Event, EventLog
from playground.faults import IMMEDIATE, Faults, UnknownFault
from playground.gateway import Gateway
from playground.guard import Guard
from playground.loop import LoopWatch
from playground.people import People
from playground.scenes import Scenes
from playground.views import Views
from playground.world import World

logger = logging.getLogger(__name__)

NOTICES = {
    "training": "This is a playground on your own machine: nobody's Discord content is used. So the operator's confirmation that "
    "Discord permits training, which a real server needs, is simulated here. Consent and review are as they are in earnest.",
}

_Call = Callable[[web.Request], Awaitable[Any]]


@dataclass(frozen=True)
class Play:
    """Everything that the page can ask for."""

    world: World
    people: People
    views: Views
    log: EventLog
    asking: Asking
    faults: Faults
    gateway: Gateway
    loop: LoopWatch
    scenes: Scenes
    guard: Guard

    def routes(self) -> list[web.RouteDef]:
        """Each call, behind the guard."""
        calls: list[tuple[str, str, _Call]] = [
            ("GET", "/play/state", self._state),
            ("GET", "/play/channels/{channel}/messages", self._history),
            ("POST", "/play/channels/{channel}/messages", self._write),
            ("PATCH", "/play/channels/{channel}/messages/{message}", self._edit),
            ("DELETE", "/play/channels/{channel}/messages/{message}", self._delete),
            ("PUT", "/play/channels/{channel}/messages/{message}/reactions/{emoji}", self._react),
            ("DELETE", "/play/channels/{channel}/messages/{message}/reactions/{emoji}", self._react),
            ("GET", "/play/channels/{channel}/commands", self._commands),
            ("POST", "/play/channels/{channel}/typing", self._type),
            ("POST", "/play/channels/{channel}/threads", self._thread),
            ("POST", "/play/dms", self._dm),
            ("POST", "/play/interactions", self._interaction),
            ("POST", "/play/people", self._join),
            ("DELETE", "/play/people/{person}", self._leave),
            ("PUT", "/play/people/{person}/roles/{role}", self._role),
            ("DELETE", "/play/people/{person}/roles/{role}", self._role),
            ("GET", "/play/loop", self._loop),
            ("GET", "/play/scenes", self._scenes),
            ("POST", "/play/scenes", self._begin_scene),
            ("DELETE", "/play/scenes", self._stop_scene),
            ("GET", "/play/faults", self._faults),
            ("POST", "/play/faults", self._begin_fault),
            ("DELETE", "/play/faults", self._end_faults),
            ("DELETE", "/play/faults/{fault}", self._end_fault),
        ]
        plain = [web.route(method, path, self.guard.protect(_answering(call))) for method, path, call in calls]
        return [*plain, web.get("/play/events", self.guard.protect(self._events))]

    def bot(self) -> dict[str, Any]:
        """How the bot's connection stands."""
        sessions = self.gateway.sessions
        return {"connected": bool(sessions.connected), "sessions": len(sessions.connected)}

    # Looking.

    async def _state(self, request: web.Request) -> Any:
        state: dict[str, Any] = {
            "event": self.log.newest,
            "people": self.views.people(),
            "application": self.views.application(),
            "bot": self.bot(),
            "faults": self.faults.as_json(),
            **self.scenes.as_json(),
            "notices": NOTICES,
        }
        return state | self.views.all_for(self._person(request)) if "as" in request.query else state

    async def _history(self, request: web.Request) -> Any:
        person, channel_id = self._person(request), _number(request, "channel")
        before = request.query.get("before")
        limit = request.query.get("limit", "50")
        if not limit.isdecimal() or not 1 <= int(limit) <= 100 or not (before is None or before.isdecimal()):
            raise invalid_form_body("limit is from 1 to 100, before an id")
        self._check_sees(person, channel_id)
        earlier = None if before is None else int(before)
        return self.views.messages(channel_id, person, before=earlier, limit=int(limit))

    async def _commands(self, request: web.Request) -> Any:
        person, channel_id = self._person(request), _number(request, "channel")
        self._check_sees(person, channel_id)
        return self.views.commands(channel_id, person)

    async def _loop(self, request: web.Request) -> Any:
        return await self.loop.look()

    # Acting.

    async def _write(self, request: web.Request) -> Any:
        person, body = self._person(request), await read_body(request)
        message = self.people.write(person, _number(request, "channel"), _object(body), _uploads(body))
        return self._message(message, person, nonce=_object(body).get("nonce"))

    async def _edit(self, request: web.Request) -> Any:
        person, body = self._person(request), await read_body(request)
        where = _number(request, "channel"), _number(request, "message")
        return self._message(self.people.edit(person, *where, _object(body)), person)

    async def _delete(self, request: web.Request) -> Any:
        self.people.delete(self._person(request), _number(request, "channel"), _number(request, "message"))

    async def _react(self, request: web.Request) -> Any:
        where = _number(request, "channel"), _number(request, "message")
        emoji = unquote(request.match_info["emoji"])
        self.people.react(self._person(request), *where, emoji, is_there=request.method == "PUT")

    async def _type(self, request: web.Request) -> Any:
        self.people.type(self._person(request), _number(request, "channel"))

    async def _thread(self, request: web.Request) -> Any:
        person, body = self._person(request), _object(await read_body(request))
        thread = self.people.open_thread(person, _number(request, "channel"), body)
        return self.views.channel(thread, person)

    async def _dm(self, request: web.Request) -> Any:
        person = self._person(request)
        return self.views.channel(self.people.open_dm(person), person)

    async def _interaction(self, request: web.Request) -> Any:
        person, body = self._person(request), await read_body(request)
        record = self.asking.ask(person, _object(body), _uploads(body))
        return _Answered(202, {"id": str(record.id), "nonce": _object(body).get("nonce")})

    async def _join(self, request: web.Request) -> Any:
        body = _object(await read_body(request))
        name, role_ids = body.get("name"), body.get("role_ids") or []
        if not isinstance(name, str) or not isinstance(role_ids, list) or not all(_is_id(one) for one in role_ids):
            raise invalid_form_body("name is a text, role_ids a list of ids")
        label, about = str(body.get("label", "member")), str(body.get("about", ""))
        person = self.people.join(name, label=label, about=about, role_ids=[int(one) for one in role_ids])
        return _Answered(201, self.views.person(person))

    async def _leave(self, request: web.Request) -> Any:
        self.people.leave(_number(request, "person"))

    async def _role(self, request: web.Request) -> Any:
        who, role_id = _number(request, "person"), _number(request, "role")
        self.people.give_role(who, role_id, has_it=request.method == "PUT")

    # Letting others act.

    async def _scenes(self, request: web.Request) -> Any:
        return self.scenes.as_json()

    async def _begin_scene(self, request: web.Request) -> Any:
        playing = self.scenes.begin(_object(await read_body(request)))
        return _Answered(201, playing.as_json())

    async def _stop_scene(self, request: web.Request) -> Any:
        await self.scenes.stop()

    # Breaking.

    async def _faults(self, request: web.Request) -> Any:
        return {"faults": self.faults.as_json()}

    async def _begin_fault(self, request: web.Request) -> Any:
        try:
            fault = self.faults.add(_object(await read_body(request)))
        except UnknownFault as error:
            raise invalid_form_body(str(error)) from None
        if fault.kind in IMMEDIATE:
            self.gateway.act(fault.kind)
        return _Answered(201, fault.as_json(self.faults.clock()))

    async def _end_faults(self, request: web.Request) -> Any:
        self.faults.end_all()

    async def _end_fault(self, request: web.Request) -> Any:
        if not self.faults.end(_number(request, "fault")):
            raise BackendError(404, 0, "There is no such fault (any more).")

    # Listening.

    async def _events(self, request: web.Request) -> web.StreamResponse:
        try:
            person, after = self._person(request), request.query.get("after", str(self.log.newest))
            if not after.isdecimal():
                raise invalid_form_body("after is a number")
        except BackendError as error:
            return refusal(error)
        socket = web.WebSocketResponse(heartbeat=30.0, max_msg_size=MAX_PAGE_BYTES)
        await socket.prepare(request)
        telling = asyncio.create_task(self._tell(socket, person, int(after)))
        try:
            async for message in socket:
                if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                    break
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
        return socket

    async def _tell(self, socket: web.WebSocketResponse, person: int, after: int) -> None:
        """Send what the person sees, from an event on."""
        while True:
            events = self.log.after(after)
            if events is None:
                after = self.log.newest
                await socket.send_str(json.dumps({"n": after, "t": "PLAY_RELOAD", "d": {}}))
                continue
            for event in events:
                after = event.number
                await self._tell_one(socket, person, event)
            await self.log.wait_beyond(after)

    async def _tell_one(self, socket: web.WebSocketResponse, person: int, event: Event) -> None:
        payload = self.log.seen_by(person, event)
        if payload is not None:
            await socket.send_str(json.dumps({"n": event.number, "t": event.name, "d": payload}))

    # What the calls share.

    def _person(self, request: web.Request) -> int:
        given = request.query.get("as", "")
        if not _is_id(given):
            raise invalid_form_body("as is the id of a person")
        return self.people.find(int(given)).user_id

    def _check_sees(self, person: int, channel_id: int) -> None:
        self.world.require_permissions(self.world.get_channel(channel_id).guild_id, person, channel_id)

    def _message(self, message: Message, person: int, *, nonce: object = None) -> dict[str, Any]:
        payload: dict[str, Any] = dict(serializers.message_payload(self.world, message, for_user=person))
        return payload | {"nonce": nonce}


MAX_PAGE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class _Answered:
    """A body with a status of its own."""

    status: int
    body: Any


def _answering(call: _Call) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """A handler that answers with what a call gives, or with Discord's way to say no."""

    async def answering(request: web.Request) -> web.StreamResponse:
        try:
            result = await call(request)
        except BackendError as error:
            return refusal(error)
        except NotImplementedError as error:
            return refusal(invalid_form_body(str(error)))
        return answer(result.body, status=result.status) if isinstance(result, _Answered) else answer(result)

    return answering


def _number(request: web.Request, name: str) -> int:
    value = request.match_info[name]
    if not _is_id(value):
        raise invalid_form_body(f"{name} is an id")
    return int(value)


def _is_id(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 20


def _object(body: Body) -> Mapping[str, Any]:
    if not isinstance(body.json, dict):
        raise invalid_form_body("The body is a JSON object.")
    return body.json


def _uploads(body: Body) -> list[Upload]:
    return [(filename, data) for _, filename, data in body.files]
