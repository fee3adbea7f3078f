"""Discord's numeric limits: of messages, edits, interaction answers, forms and commands.

Its published specification is laxer than the service in places (it takes 4,000 characters of content, which bots do not
get), and says nothing of sums. What breaks a limit is told in sentences.
"""

from collections.abc import Iterator
from typing import Any

BUTTON, TEXT_INPUT = 2, 4
MAX_FILES = 10
MAX_FILE_BYTES = 10 * 1024 * 1024
_EMBED_TEXTS = {"title": 256, "description": 4096}
_COMMAND_CHARACTERS = 8000


def check_all(env: Any) -> int:
    """Check every body that the bot sent; returns how many there were."""
    bodies = [entry.json for entry in env.http_requests if entry.method in {"POST", "PATCH"} and entry.json]
    bodies = [body for body in bodies if isinstance(body, dict)]
    for body in bodies:
        check(body)
    return len(bodies)


def check(body: dict[str, Any]) -> None:
    """Check one body."""
    assert list(broken(body)) == []


def broken(body: Any) -> Iterator[str]:
    """Which limits a body breaks, a sentence each: a message, an answer to an interaction, a form, or commands."""
    if isinstance(body, list):
        yield from _longer(len(body), 100, "commands")
        for one in body:
            yield from _longer(_characters(one), _COMMAND_CHARACTERS, f"characters of command {one.get('name')}")
        return
    body = body["data"] if isinstance(body.get("data"), dict) else body
    yield from _longer(len(body.get("content") or ""), 2000, "characters of content")
    mentions = body.get("allowed_mentions")
    if ("content" in body or "embeds" in body) and mentions is not None and mentions.get("parse") != []:
        yield "somebody can be pinged"
    yield from _embeds(body.get("embeds") or [])
    yield from _choices(body.get("choices") or [])
    is_form = "custom_id" in body
    rows = body.get("components") or []
    if is_form:
        yield from _within(len(body.get("title") or ""), 1, 45, "characters of a form's title")
        yield from _within(len(rows), 1, 5, "inputs of a form")
    yield from _longer(len(rows), 5, "rows")
    parts = [part for row in rows for part in _parts(row)]
    ids = [part["custom_id"] for part in parts if "custom_id" in part]
    if len(ids) != len(set(ids)):
        yield "two parts have the same custom id"
    for row in rows:
        yield from _longer(len(_parts(row)), 5, "parts of a row")
    for part in parts:
        yield from _part(part)


def _embeds(embeds: list[dict[str, Any]]) -> Iterator[str]:
    yield from _longer(len(embeds), 10, "embeds")
    yield from _longer(sum(map(_texts_of, embeds)), 6000, "characters of all embeds")
    for embed in embeds:
        for name, limit in _EMBED_TEXTS.items():
            yield from _longer(len(embed.get(name) or ""), limit, f"characters of an embed's {name}")
        yield from _longer(len((embed.get("footer") or {}).get("text") or ""), 2048, "characters of a footer")
        fields = embed.get("fields") or []
        yield from _longer(len(fields), 25, "fields")
        for field in fields:
            yield from _within(len(field["name"]), 1, 256, "characters of a field's name")
            yield from _within(len(field["value"]), 1, 1024, "characters of a field's value")
        if not any(embed.get(name) for name in ("title", "description", "fields", "image")):
            yield "an embed is empty"


def _choices(choices: list[dict[str, Any]]) -> Iterator[str]:
    yield from _longer(len(choices), 25, "suggestions")
    for choice in choices:
        yield from _within(len(choice["name"]), 1, 100, "characters of a suggestion")
        yield from _longer(len(str(choice["value"])), 100, "characters of a suggestion's value")


def _part(part: dict[str, Any]) -> Iterator[str]:
    yield from _longer(len(part.get("custom_id") or ""), 100, "characters of a custom id")
    longest = 100 if part["type"] == TEXT_INPUT else 150
    yield from _longer(len(part.get("placeholder") or ""), longest, "characters of a placeholder")
    if part["type"] == BUTTON:
        yield from _longer(len(part.get("label") or ""), 80, "characters of a button")
        if not (part.get("label") or part.get("emoji")):
            yield "a button says nothing"
    elif part["type"] == TEXT_INPUT:
        yield from _longer(len(part.get("label") or ""), 45, "characters of an input's label")
        yield from _within(part.get("max_length", 4000), 1, 4000, "characters that an input takes")
        yield from _longer(len(part.get("value") or ""), part.get("max_length", 4000), "characters of an input's value")
    else:
        most = part.get("max_values", 1)
        yield from _longer(len(part.get("options") or []), 25, "options of a menu")
        yield from _within(most, 1, 25, "values of a menu")
        yield from _within(part.get("min_values", 1), 0, most, "values that a menu needs")
        yield from _longer(len(part.get("default_values") or []), most, "values that a menu has")


def _longer(count: int, limit: int, what: str) -> Iterator[str]:
    yield from _within(count, 0, limit, what)


def _within(count: int, least: int, most: int, what: str) -> Iterator[str]:
    if not least <= count <= most:
        yield f"{count} {what}: {least} to {most} are taken"


def _texts_of(embed: dict[str, Any]) -> int:
    fields = sum(len(field["name"]) + len(field["value"]) for field in embed.get("fields") or [])
    others = len((embed.get("footer") or {}).get("text") or "") + len((embed.get("author") or {}).get("name") or "")
    return fields + others + sum(len(embed.get(name) or "") for name in _EMBED_TEXTS)


def _parts(row: dict[str, Any]) -> list[dict[str, Any]]:
    return row.get("components") or ([row["component"]] if "component" in row else [])


def _characters(command: dict[str, Any]) -> int:
    """What Discord counts of a command: names, descriptions and values, of its options too."""
    texts = sum(len(str(command.get(name) or "")) for name in ("name", "description", "value"))
    inner = [*(command.get("options") or []), *(command.get("choices") or [])]
    return texts + sum(map(_characters, inner))
