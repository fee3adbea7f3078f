"""Small files of talk in many formats, for the tests of preparation."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def line(*texts: str, **more: object) -> str:
    """A line of JSON, user and assistant in turn."""
    roles = ("user", "assistant")
    messages = [{"role": roles[place % 2], "content": text} for place, text in enumerate(texts)]
    return json.dumps({"messages": messages, **more}, ensure_ascii=False) + "\n"


def write(path: Path, *parts: str | bytes) -> Path:
    """A file of the given parts, one behind the other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(part if isinstance(part, bytes) else part.encode() for part in parts))
    return path


def said(number: int, who: str, content: str, *, minutes: float = 0.0, **more: Any) -> dict[str, Any]:
    """A message as DiscordChatExporter writes it; authors have ids of 18 digits."""
    return {
        "id": str(number),
        "type": "Default",
        "timestamp": (START + timedelta(minutes=minutes)).isoformat(),
        "content": content,
        "author": {"id": f"99900000000000{sum(who.encode()):04d}", "name": who, "isBot": False},
        "attachments": [],
        "embeds": [],
        "mentions": [],
        **more,
    }


def export(messages: Sequence[Mapping[str, Any]], *, indent: int | None = 2) -> str:
    """A channel as DiscordChatExporter writes it."""
    whole = {
        "guild": {"id": "1", "name": "Birds"},
        "channel": {"id": "2", "type": "GuildTextChat", "name": "general"},
        "dateRange": {"after": None, "before": None},
        "exportedAt": START.isoformat(),
        "messages": list(messages),
        "messageCount": len(messages),
    }
    return json.dumps(whole, indent=indent, ensure_ascii=False)
