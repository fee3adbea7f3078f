"""Answers as Discord writes them."""

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from simcord.backend.errors import BackendError


def answer(body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """JSON, or 204 for None. The content type is Discord's to the letter: clients compare it."""
    if body is None:
        return web.Response(status=204, headers=headers)
    everything = {"Content-Type": "application/json", "Cache-Control": "no-store", **(headers or {})}
    return web.Response(body=json.dumps(body).encode(), status=status, headers=everything)


def refusal(error: BackendError, headers: Mapping[str, str] | None = None) -> web.Response:
    """Discord's way to say no."""
    return answer(error.to_json(), status=error.status, headers=headers)
