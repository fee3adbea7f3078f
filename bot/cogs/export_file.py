"""A member's data as files that Discord takes: JSON for machines, and a page that explains it for people.

Promise: only the member's own words are in it, nobody else's key and no moderator's words; no file is larger than Discord
allows, however much there is.
"""

import io
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import discord

from storage.governance import MemberExport
from storage.values import Turn

MAX_BYTES = 9 * 1024 * 1024
"""Of one message's files; Discord takes 10 MiB."""

_README = """What Mynah keeps of you
=======================

These files were made on {made} for one person: you. Nobody else got them.

data.json holds:

  scope      this server's id, "dm" for direct messages, or "everywhere"
  you        the keyed hash under which you are stored; your Discord id is not kept
  consents   what you decided about learning, when, and the day on which your account was made, if that was noted
  messages   what you said to Mynah, with what the screens thought of it. Personal data such as e-mail addresses was
             replaced before it was kept.
  examples   exchanges with your words that may be learnt: your own words in them, and Mynah's where nobody else has a
             part in it; where each stands (waiting, approved, rejected) and the snapshots (training sets) it is in
  votes      your thumbs, by the number of the answer
  next_words what your next words were taken to say about an answer, by its number: thanks, a correction, the same
             question again, or nothing of the kind
  blocks     whether moderators kept you out of learning, and when
  receipts   what was deleted when you asked to be forgotten
  versions   the model versions that have learnt from you

What other people said is not in it. /privacy forget deletes all of this.
"""


def export_files(exported: MemberExport, now: datetime, *, max_bytes: int = MAX_BYTES) -> Iterator[list[discord.File]]:
    """The files of each message, in order: usually one message.

    Args:
        exported: what there is.
        now: when it was asked for.
        max_bytes: of one file.
    """
    readme = _README.format(made=f"{now:%d %B %Y, %H:%M} UTC")
    parts = list(_parts(exported, max_bytes))
    for number, part in enumerate(parts, start=1):
        name = "data.json" if len(parts) == 1 else f"data-{number}-of-{len(parts)}.json"
        files = [discord.File(io.BytesIO(part), filename=name)]
        if number == 1:
            files.insert(0, discord.File(io.BytesIO(readme.encode("utf-8")), filename="README.txt"))
        yield files


def _parts(exported: MemberExport, max_bytes: int) -> Iterator[bytes]:
    """The data as JSON; messages and examples are spread over as many as it takes."""
    rest = {
        "scope": exported.server or "everywhere",
        "you": exported.author_key,
        "consents": [
            {
                "server": one.server,
                "allowed": one.allowed,
                "at": one.created_at.isoformat(),
                "account_made_on": None if one.account_made_on is None else one.account_made_on.date().isoformat(),
            }
            for one in exported.consents
        ],
        "votes": [
            {"answer": one.turn_id, "value": one.value, "at": one.created_at.isoformat()} for one in exported.votes
        ],
        "next_words": [
            {"answer": one.turn_id, "meant": one.feedback.value, "at": one.created_at.isoformat()}
            for one in exported.signals
        ],
        "blocks": [
            {
                "server": one.server,
                "at": one.created_at.isoformat(),
                "lifted_at": None if one.lifted_at is None else one.lifted_at.isoformat(),
            }
            for one in exported.blocks
        ],
        "receipts": [
            {
                "receipt": one.id,
                "server": one.server,
                "messages": one.turns,
                "examples": one.candidates,
                "votes": one.votes,
                "versions": list(one.versions),
                "at": one.created_at.isoformat(),
                "clean_version": one.clean_version,
            }
            for one in exported.receipts
        ],
        "versions": list(exported.versions),
    }
    long: list[tuple[str, dict[str, Any]]] = [("messages", _message(turn, exported)) for turn in exported.turns]
    long += [
        (
            "examples",
            {
                "example": one.candidate_id,
                "server": one.server,
                "state": one.state.value,
                "source": one.source.value,
                "at": one.created_at.isoformat(),
                "texts": list(one.texts),
                "snapshots": list(one.snapshots),
            },
        )
        for one in exported.examples
    ]
    part: dict[str, Any] = {**rest, "messages": [], "examples": []}
    size = len(_json(part))
    for name, row in long:
        row_size = len(_json(row)) + _json(row).count(b"\n") * _INDENT + _INDENT
        if size + row_size > max_bytes and (part["messages"] or part["examples"]):
            yield _json(part)
            part = {"scope": rest["scope"], "you": rest["you"], "messages": [], "examples": []}
            size = len(_json(part))
        part[name].append(row)
        size += row_size
    yield _json(part)


_INDENT = 8
"""Bytes that a line of a row moves to the right inside the whole, at most, with its comma and end."""


def _message(turn: Turn, exported: MemberExport) -> dict[str, Any]:
    server, _, channel = exported.channels.get(turn.conversation_id, "/").partition("/")
    return {
        "message": turn.id,
        "server": server,
        "channel": channel,
        "at": turn.created_at.isoformat(),
        "source": turn.source.value,
        "text": turn.text,
        "screening": turn.verdict.outcome.value,
        "reasons": list(turn.verdict.reasons),
        "scores": dict(turn.verdict.scores),
    }


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=2).encode("utf-8")
