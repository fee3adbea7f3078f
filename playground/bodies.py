"""Request bodies: JSON, or a form with `payload_json` and files, as Discord takes them."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, web
from simcord.backend.errors import BackendError

MAX_FILE_BYTES = 10 * 1024 * 1024
MAX_BODY_BYTES = 26 * 1024 * 1024
MAX_FILES = 10


class UploadedFile:
    """A file as SimCord's routes take it."""

    def __init__(self, filename: str, data: bytes, description: str | None) -> None:
        self.filename = filename
        self.description = description
        self.fp = io.BytesIO(data)


@dataclass(frozen=True, slots=True)
class Body:
    """What was sent."""

    json: Any = None
    """None: nothing, or nothing that is JSON."""
    files: Sequence[tuple[str, str, bytes]] = field(default_factory=tuple)
    """Field name, file name, contents."""

    def uploads(self) -> list[UploadedFile]:
        """The files with the descriptions that the JSON gives them, in the order of their numbers."""
        declared = self.json.get("attachments") if isinstance(self.json, dict) else None
        described = {
            f"files[{one.get('id')}]": one.get("description")
            for one in (declared if isinstance(declared, list) else [])
            if isinstance(one, dict)
        }
        return [UploadedFile(name, data, described.get(key)) for key, name, data in self.files]


async def read_body(request: web.Request) -> Body:
    """The body of a request.

    Raises:
        BackendError: it cannot be read, or a file is too large.
    """
    if request.content_type.startswith("multipart/"):
        return await _read_form(request)
    if request.method in ("GET", "DELETE") and not request.can_read_body:
        return Body()
    raw = await request.read()
    if not raw:
        return Body()
    if request.content_type != "application/json":
        raise BackendError(
            400, 50035, f'Expected "Content-Type" header to be application/json, not {request.content_type}.'
        )
    return Body(_loads(raw))


async def _read_form(request: web.Request) -> Body:
    fields: dict[str, Any] = {}
    files: list[tuple[str, str, bytes]] = []
    payload: Any = None
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.name is None:
            continue
        data = bytes(await part.read())
        if part.filename is not None:
            if len(data) > MAX_FILE_BYTES or len(files) == MAX_FILES:
                raise BackendError(413, 40005, "Request entity too large")
            files.append((part.name, part.filename, data))
        elif part.name == "payload_json":
            payload = _loads(data)
        else:
            fields[part.name] = data.decode("utf-8", "replace")
    return Body(payload if payload is not None else fields or None, files)


def _loads(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        raise BackendError(400, 50109, "The request body contains invalid JSON.") from None
