"""What Discord's specification says of an answer and SimCord does not keep to, because discord.py can do without."""

from typing import Any


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
    if "default_member_permissions" in body and "application_id" in body:
        return {"version": body["id"]}
    return {}
