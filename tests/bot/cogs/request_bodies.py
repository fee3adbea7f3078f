"""Every request that the bot makes to SimCord's Discord, held against Discord's own OpenAPI specification and its limits.

The specification is not ours and not in the repository. It is looked for at `MYNAH_DISCORD_OPENAPI`, and beside the
checkout as `../shared/discord-openapi.json`; without it only the limits are checked. It can be had from
https://github.com/discord/discord-api-spec (`specs/openapi.json`).
"""

import copy
import functools
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from simcord.backend.errors import BackendError
from simcord.http import router

from tests.bot.cogs.limits import MAX_FILE_BYTES, MAX_FILES, broken

VARIABLE = "MYNAH_DISCORD_OPENAPI"
MISSING = f"Discord's specification is not here: set {VARIABLE} to a file with it"
_BESIDE = Path(__file__).parents[3].parent / "shared" / "discord-openapi.json"
_URI = "urn:discord"
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Sent:
    """One request."""

    method: str
    path: str
    body: Any = None
    """JSON, or the JSON part of a form with files."""
    file_sizes: tuple[int, ...] = ()
    is_refused: bool = False
    """Whether Discord did not do it: what it was about is gone or forbidden."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Specification:
    """What each operation takes; a validator is made once for each.

    Args:
        document: the specification.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        document = copy.deepcopy(document)
        # Discord takes ids as numbers too, and discord.py sends some so: of files, and of a message that is answered.
        document["components"]["schemas"]["SnowflakeType"] = {"type": ["string", "integer"], "pattern": "^[0-9]+$"}
        resource: Resource[Any] = DRAFT202012.create_resource(document)
        self._registry: Registry[Any] = Registry().with_resource(_URI, resource)
        self._document = document
        self._paths = [(re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))), path) for path in document["paths"]]
        self._paths.sort(key=lambda known: known[1].count("{"))
        self._validators: dict[tuple[str, str], Draft202012Validator] = {}

    def broken(self, sent: Sent) -> Iterator[str]:
        """What is wrong with a request, in sentences."""
        path = next((path for known, path in self._paths if known.fullmatch(sent.path)), None)
        operation = None if path is None else self._document["paths"][path].get(sent.method.lower())
        if path is None or operation is None:
            yield "there is no such operation"
            return
        taken = operation.get("requestBody")
        if taken is None:
            if sent.body:
                yield "the operation takes no body"
        elif sent.body is None:
            if taken.get("required"):
                yield "the operation needs a body"
        else:
            fault = best_match(self._validator(path, sent.method.lower()).iter_errors(sent.body))
            if fault is not None:
                yield f"{fault.json_path}: {fault.message[:300]}"

    def _validator(self, path: str, method: str) -> Draft202012Validator:
        if (path, method) not in self._validators:
            place = "/".join(
                step.replace("~", "~0").replace("/", "~1")
                for step in ("paths", path, method, "requestBody", "content", _JSON, "schema")
            )
            schema = {"$ref": f"{_URI}#/{place}"}
            self._validators[path, method] = Draft202012Validator(schema, registry=self._registry)
        return self._validators[path, method]


@functools.cache
def specification() -> Specification | None:
    """Discord's; None where it is not at hand.

    Raises:
        FileNotFoundError: the variable names a file that is not there.
    """
    named = os.environ.get(VARIABLE)
    path = Path(named) if named else _BESIDE
    if not named and not path.is_file():
        return None
    return Specification(json.loads(path.read_text(encoding="utf-8")))


@dataclass
class Requests:
    """What the bot sent in one test."""

    sent: list[Sent] = field(default_factory=list)

    def note(self, method: str, path: str, body: Any, files: Sequence[Any]) -> None:
        """Keep one, as it is now."""
        sizes = tuple(_size(file) for file in files)
        self.sent.append(Sent(method, path, copy.deepcopy(body), sizes))

    def broken(self) -> list[str]:
        """All that is wrong, a sentence each."""
        return [f"{one}: {sentence}" for one in self.sent for sentence in all_broken(one, specification())]


def all_broken(sent: Sent, specified: Specification | None) -> Iterator[str]:
    """What is wrong with a request, by the specification (if there is one) and by the limits."""
    if specified is not None:
        yield from specified.broken(sent)
    if sent.method in {"POST", "PATCH", "PUT"} and sent.body:
        yield from broken(sent.body)
        yield from _files(sent)


def watched(monkeypatch: pytest.MonkeyPatch) -> Requests:
    """Note every request of every bot from now on."""
    requests, dispatch = Requests(), router.dispatch

    def noting(backend: Any, method: str, path: str, **more: Any) -> Any:
        requests.note(method, path, more.get("json"), more.get("files") or ())
        at = len(requests.sent) - 1
        try:
            return dispatch(backend, method, path, **more)
        except BackendError:
            requests.sent[at] = replace(requests.sent[at], is_refused=True)
            raise

    monkeypatch.setattr(router, "dispatch", noting)
    return requests


def _files(sent: Sent) -> Iterator[str]:
    """Whether files are within the limits, and every picture that a card shows comes with it."""
    if len(sent.file_sizes) > MAX_FILES:
        yield f"{len(sent.file_sizes)} files: {MAX_FILES} are taken"
    if any(size > MAX_FILE_BYTES for size in sent.file_sizes):
        yield f"a file has more than {MAX_FILE_BYTES} bytes"
    if not isinstance(sent.body, dict):
        return
    body = sent.body["data"] if isinstance(sent.body.get("data"), dict) else sent.body
    attached = {one.get("filename") for one in body.get("attachments") or []}
    for embed in body.get("embeds") or []:
        url = (embed.get("image") or {}).get("url", "")
        if url.startswith("attachment://") and url.removeprefix("attachment://") not in attached:
            yield f"a card shows {url}, which is not attached"


def _size(file: Any) -> int:
    at = file.fp.tell()
    end = int(file.fp.seek(0, os.SEEK_END))
    file.fp.seek(at)
    return end - int(at)
