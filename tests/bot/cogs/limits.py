"""Discord's numeric limits, checked on every body that the bot sent: messages, edits, interaction answers and forms."""

from collections.abc import Iterator
from typing import Any

BUTTON, TEXT_SELECT, TEXT_INPUT = 2, 3, 4
_EMBED_TEXTS = {"title": 256, "description": 4096}


def check_all(env: Any) -> int:
    """Check every body; returns how many there were."""
    bodies = [entry.json for entry in env.http_requests if entry.method in {"POST", "PATCH"} and entry.json]
    bodies = [body for body in bodies if isinstance(body, dict)]
    for body in bodies:
        check(body["data"] if isinstance(body.get("data"), dict) else body)
    return len(bodies)


def check(body: dict[str, Any]) -> None:
    """Check one message, form or list of suggestions."""
    assert len(body.get("content") or "") <= 2000
    if "content" in body or "embeds" in body:
        mentions = body.get("allowed_mentions")
        assert mentions is None or mentions.get("parse") == []
    embeds = body.get("embeds") or []
    assert len(embeds) <= 10
    assert sum(map(_texts_of, embeds)) <= 6000
    for embed in embeds:
        _check_embed(embed)
    assert len(body.get("choices") or []) <= 25
    for choice in body.get("choices") or []:
        assert 1 <= len(choice["name"]) <= 100
        assert len(str(choice["value"])) <= 100
    if "custom_id" in body:
        assert 1 <= len(body["title"]) <= 45
        assert 1 <= len(body["components"]) <= 5
    rows = body.get("components") or []
    assert len(rows) <= 5
    ids = [part["custom_id"] for row in rows for part in _parts(row) if "custom_id" in part]
    assert len(ids) == len(set(ids))
    for row in rows:
        for part in _parts(row):
            _check_part(part)


def _check_embed(embed: dict[str, Any]) -> None:
    for name, limit in _EMBED_TEXTS.items():
        assert len(embed.get(name) or "") <= limit
    assert len((embed.get("footer") or {}).get("text") or "") <= 2048
    fields = embed.get("fields") or []
    assert len(fields) <= 25
    for field in fields:
        assert 1 <= len(field["name"]) <= 256
        assert 1 <= len(field["value"]) <= 1024
    assert any(embed.get(name) for name in ("title", "description", "fields", "image"))


def _texts_of(embed: dict[str, Any]) -> int:
    fields = sum(len(field["name"]) + len(field["value"]) for field in embed.get("fields") or [])
    footer = len((embed.get("footer") or {}).get("text") or "")
    return fields + footer + sum(len(embed.get(name) or "") for name in _EMBED_TEXTS)


def _parts(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    children = row.get("components") or ([row["component"]] if "component" in row else [])
    assert len(children) <= 5
    yield from children


def _check_part(part: dict[str, Any]) -> None:
    assert len(part.get("custom_id") or "") <= 100
    assert len(part.get("placeholder") or "") <= (100 if part["type"] == TEXT_INPUT else 150)
    if part["type"] == BUTTON:
        assert len(part.get("label") or "") <= 80
        assert part.get("label") or part.get("emoji")
    elif part["type"] == TEXT_INPUT:
        assert len(part.get("label") or "") <= 45
        assert 1 <= part.get("max_length", 4000) <= 4000
        assert len(part.get("value") or "") <= part.get("max_length", 4000)
    else:
        assert len(part.get("options") or []) <= 25
        assert 0 <= part.get("min_values", 1) <= part.get("max_values", 1) <= 25
        assert len(part.get("default_values") or []) <= part.get("max_values", 1)
