"""What Discord's specification says of an answer and SimCord does not keep to, because discord.py can do without."""

import fnmatch
from typing import Any

_MAKE_SOMETHING = ("POST /channels/*/threads", "POST /guilds/*/channels")


def status_of(route: str) -> int:
    """The status of a request that was carried out and has a body to answer with; SimCord's routes give none.

    Args:
        route: method and path, such as `POST /channels/1/threads`.
    """
    return 201 if any(fnmatch.fnmatchcase(route, pattern) for pattern in _MAKE_SOMETHING) else 200


def completed(body: Any) -> Any:
    """An answer with the required fields of the objects in it, and a message's nonce only where there is one."""
    if isinstance(body, list):
        return [completed(one) for one in body]
    if not isinstance(body, dict):
        return body
    whole = {name: completed(value) for name, value in body.items() if (name, value) != ("nonce", None)}
    for missing, value in _missing(whole).items():
        whole.setdefault(missing, value)
    for embed in whole.get("embeds") or []:
        embed.setdefault("type", "rich")
    return whole


def _missing(body: dict[str, Any]) -> dict[str, Any]:
    """By what an object is; told by the fields that only it has."""
    if "username" in body and "discriminator" in body:
        return {"primary_guild": None}
    if "rate_limit_per_user" in body and "type" in body:
        return {"flags": 0}
    if "joined_at" in body and "deaf" in body:
        return {"banner": None}
    if "default_member_permissions" in body and "application_id" in body:
        return {"version": body["id"]}
    return {}
