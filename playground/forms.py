"""A filled-in form (modal), as Discord sends it to the bot: the form's own components with what the person gave."""

from collections.abc import Mapping
from typing import Any

from simcord.backend.errors import invalid_form_body
from simcord.enums import SELECT_TYPES, ComponentType

from playground.resolving import ENTITY_SELECTS, Resolved

_REQUIRED_UNLESS_SAID = (ComponentType.TEXT_INPUT, *SELECT_TYPES)


def form_components(modal: Mapping[str, Any], values: object, resolved: Resolved) -> list[dict[str, Any]]:
    """The components to send.

    Args:
        modal: as the bot showed it.
        values: by custom id: a text, a list of chosen values, or a boolean.
        resolved: takes what ids stand for.

    Raises:
        BackendError: something is missing, unknown or does not fit.
    """
    if not isinstance(values, dict):
        raise invalid_form_body("values is an object of custom ids")
    rest = dict(values)
    components = [_node(node, rest, resolved) for node in modal.get("components") or []]
    if rest:
        raise invalid_form_body(f"The form has no {next(iter(rest))!r}.")
    return components


def _node(node: Mapping[str, Any], rest: dict[str, Any], resolved: Resolved) -> dict[str, Any]:
    wire: dict[str, Any] = {"type": node["type"]}
    if node.get("id") is not None:
        wire["id"] = node["id"]
    if node["type"] == ComponentType.ACTION_ROW:
        return wire | {"components": [_node(child, rest, resolved) for child in node["components"]]}
    if node["type"] == ComponentType.LABEL:
        return wire | {"component": _node(node["component"], rest, resolved)}
    if node["type"] == ComponentType.TEXT_DISPLAY:
        return wire
    value = rest.pop(node["custom_id"], None)
    return wire | {"custom_id": node["custom_id"]} | _value(node, value, resolved)


def _value(node: Mapping[str, Any], value: object, resolved: Resolved) -> dict[str, Any]:
    kind, name = node["type"], node["custom_id"]
    if bool(node.get("required", kind in _REQUIRED_UNLESS_SAID)) and value in (None, "", []):
        raise invalid_form_body(f"{name} must be filled in.")
    if kind == ComponentType.TEXT_INPUT:
        return {"value": _text(node, "" if value is None else value)}
    if kind == ComponentType.CHECKBOX:
        given = bool(node.get("default", False)) if value is None else value
        if not isinstance(given, bool):
            raise invalid_form_body(f"{name} is true or false.")
        return {"value": given}
    if kind == ComponentType.RADIO_GROUP:
        if value is not None:
            _check_known(node, [value])
        return {"value": value}
    if kind in (*SELECT_TYPES, ComponentType.CHECKBOX_GROUP):
        return {"values": _chosen(node, [] if value is None else value, resolved)}
    raise invalid_form_body(f"{name} cannot be filled in here.")


def _text(node: Mapping[str, Any], value: object) -> str:
    if not isinstance(value, str):
        raise invalid_form_body(f"{node['custom_id']} is a text.")
    least, most = node.get("min_length") or 0, node.get("max_length") or 4000
    if value and not least <= len(value) <= most:
        raise invalid_form_body(f"{node['custom_id']} has from {least} to {most} characters.")
    return value


def _chosen(node: Mapping[str, Any], values: object, resolved: Resolved) -> list[Any]:
    if not isinstance(values, list):
        raise invalid_form_body(f"{node['custom_id']} is a list.")
    options = node.get("options") or []
    most = node.get("max_values") or (len(options) if node["type"] == ComponentType.CHECKBOX_GROUP else 1)
    least = node.get("min_values")
    if values and not (1 if least is None else least) <= len(values) <= most:
        raise invalid_form_body(f"{node['custom_id']} takes at most {most}.")
    if node["type"] in ENTITY_SELECTS:
        for value in values:
            resolved.select(node["type"], value)
    else:
        _check_known(node, values)
    return values


def _check_known(node: Mapping[str, Any], values: list[Any]) -> None:
    known = [option["value"] for option in node.get("options") or []]
    if any(value not in known for value in values):
        raise invalid_form_body(f"{node['custom_id']}: that is not one of the choices.")
