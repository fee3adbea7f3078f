"""Discord's HTTP API v10: authorisation, rate limits and faults round SimCord's routes."""

import asyncio
import logging
import secrets
import time
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from simcord.backend import serializers
from simcord.backend.errors import BackendError, invalid_form_body
from simcord.backend.models import Interaction
from simcord.http import router
from simcord.http import routes as _routes  # noqa: F401 - importing registers the routes

from playground.answers import answer, refusal
from playground.asking import Asking
from playground.bodies import Body, read_body
from playground.completing import completed, status_of
from playground.events import EventLog
from playground.faults import Fault, FaultKind, Faults
from playground.limits import Limits, refusal_headers
from playground.sessions import MESSAGE_CONTENT_FLAGS
from playground.world import World

logger = logging.getLogger(__name__)

PREFIX = "/api/v10"
MAX_CHARACTERS = 2000
_WITHOUT_TOKEN = ("/interactions/", "/webhooks/")
"""Their path holds a token of its own."""
KEPT_NONCES = 1000
_TRUE = ("1", "true", "True")
"""How a yes is written in a query."""


class Api:
    """What the bot asks over HTTP.

    Args:
        world: that it is about.
        log: of the people at the page.
        asking: told of answers to interactions.
        faults: that act here.
        limits: of requests.
        token: the bot's.
        gateway_url: where `/gateway` sends it.
    """

    def __init__(
        self,
        world: World,
        log: EventLog,
        asking: Asking,
        faults: Faults,
        limits: Limits,
        *,
        token: str,
        gateway_url: str,
    ) -> None:
        self._world = world
        self._log = log
        self._asking = asking
        self._faults = faults
        self._limits = limits
        self._token = token
        self._gateway_url = gateway_url
        self._nonces: dict[tuple[str, str], int] = {}
        self.requests = 0
        """How many were answered."""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One request."""
        path = request.rel_url.raw_path.removeprefix(PREFIX) or "/"
        route = f"{request.method} {path}"
        self.requests += 1
        slow = self._faults.take(FaultKind.SLOW, route)
        if slow is not None:
            await asyncio.sleep(float(slow.options["delay_seconds"]))
        limit = self._faults.take(FaultKind.RATE_LIMIT, route)
        if limit is not None:
            return _too_many(limit.options["retry_after"], is_global=limit.options["global"])
        standing = self._limits.count(request.method, path)
        headers = standing.headers(time.time())
        if standing.is_refused:
            return _too_many(standing.reset_after, is_global=standing.is_global, headers=headers)
        failure = self._faults.take(FaultKind.SERVER_ERROR, route)
        if failure is not None and not failure.options["carried_out"]:
            return _broken(failure)
        response = await self._carry_out(request, path, headers)
        if failure is not None:
            return _broken(failure)
        if self._faults.take(FaultKind.LOST_ANSWER, route) is not None and request.transport is not None:
            request.transport.abort()
        return response

    async def _carry_out(self, request: web.Request, path: str, headers: Mapping[str, str]) -> web.Response:
        try:
            self._check_token(request, path)
            body = await read_body(request)
            result = self._dispatch(request.method, path, body, dict(request.query), _reason(request))
        except (router.RouteNotImplemented, router.UnsupportedField) as error:
            logger.error("the stand-in does not know this request", extra={"method": request.method, "path": path})  # noqa: TRY400 - the trace is the router's own
            return refusal(error, headers)
        except BackendError as error:
            return refusal(error, headers)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            logger.info("malformed request", extra={"path": path, "error": type(error).__name__})
            return refusal(invalid_form_body(), headers)
        return answer(completed(result), status=status_of(f"{request.method} {path}"), headers=headers)

    def _check_token(self, request: web.Request, path: str) -> None:
        given = request.headers.get("Authorization", "")
        has_its_own = path.startswith(_WITHOUT_TOKEN) and len(path.split("/")) > 3
        if has_its_own or path == "/gateway":
            return
        if not secrets.compare_digest(given.encode(), f"Bot {self._token}".encode()):
            raise BackendError(401, 0, "401: Unauthorized")

    def _dispatch(self, method: str, path: str, body: Body, query: dict[str, str], reason: str | None) -> Any:
        own = self._own_routes(method, path)
        if own is not None:
            return own
        _check_content(body.json)
        sent = self._sent_before(method, path, body.json)
        if sent is not None:
            return sent
        files = body.uploads()
        result = router.dispatch(self._world, method, path, json=body.json, params=query, files=files, reason=reason)
        return self._after(method, path, body, query, result)

    def _own_routes(self, method: str, path: str) -> Any:
        """What SimCord leaves to its in-process client."""
        if method != "GET":
            return None
        if path == "/gateway":
            return {"url": self._gateway_url}
        if path == "/gateway/bot":
            limit = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
            return {"url": self._gateway_url, "shards": 1, "session_start_limit": limit}
        if path in ("/applications/@me", "/oauth2/applications/@me"):
            info = router.dispatch(self._world, "GET", "/oauth2/applications/@me")
            return {**info, "flags": MESSAGE_CONTENT_FLAGS}
        return None

    def _sent_before(self, method: str, path: str, body: Any) -> Any:
        """The message that was sent with this nonce, if the bot asked for it to be sent only once."""
        if method != "POST" or not isinstance(body, dict) or not body.get("enforce_nonce") or not _sends(path):
            return None
        channel_id = path.split("/")[2]
        message_id = self._nonces.get((channel_id, str(body.get("nonce"))))
        message = self._world.messages.get(int(channel_id), {}).get(message_id or 0)
        return None if message is None else dict(serializers.message_payload(self._world, message))

    def _after(self, method: str, path: str, body: Body, query: Mapping[str, str], result: Any) -> Any:
        """What follows from a request that was carried out."""
        segments = path.strip("/").split("/")
        if segments[0] == "interactions":
            self._asking.answered(self._interaction(segments[1]))
            return result if query.get("with_response") in _TRUE else None
        if segments[0] == "applications" and segments[-1] == "commands" and method == "PUT":
            self._log.add("PLAY_COMMANDS", {})
        if segments[0] == "webhooks" and method == "POST" and query.get("wait") not in _TRUE:
            return None
        if method == "POST" and _sends(path) and isinstance(body.json, dict) and body.json.get("nonce") is not None:
            self._nonces[(segments[1], str(body.json["nonce"]))] = int(result["id"])
            while len(self._nonces) > KEPT_NONCES:
                del self._nonces[next(iter(self._nonces))]
            return {**result, "nonce": body.json["nonce"]}
        return result

    def _interaction(self, interaction_id: str) -> Interaction:
        return self._world.interactions[int(interaction_id)]


def _sends(path: str) -> bool:
    segments = path.strip("/").split("/")
    return len(segments) == 3 and segments[0] == "channels" and segments[2] == "messages"


def _check_content(body: Any) -> None:
    """Bots may send 2,000 characters; SimCord lets any length through."""
    inner = body.get("data") if isinstance(body, dict) and isinstance(body.get("data"), dict) else body
    content = inner.get("content") if isinstance(inner, dict) else None
    if isinstance(content, str) and len(content) > MAX_CHARACTERS:
        reason = f"Must be {MAX_CHARACTERS} or fewer in length."
        detail = {"content": {"_errors": [{"code": "BASE_TYPE_MAX_LENGTH", "message": reason}]}}
        raise invalid_form_body(errors=detail)


def _reason(request: web.Request) -> str | None:
    return request.headers.get("X-Audit-Log-Reason")


def _too_many(retry_after: float, *, is_global: bool, headers: Mapping[str, str] | None = None) -> web.Response:
    body = {
        "message": "You are being rate limited.",
        "retry_after": round(max(retry_after, 0.001), 3),
        "global": is_global,
    }
    return answer(body, status=429, headers={**(headers or {}), **refusal_headers(retry_after, is_global=is_global)})


def _broken(fault: Fault) -> web.Response:
    status = int(fault.options["status"])
    return answer({"message": f"{status}: Server Error", "code": 0}, status=status)
