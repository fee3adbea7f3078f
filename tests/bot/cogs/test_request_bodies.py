"""That what Discord would refuse is seen, whatever kind of request it is in."""

from typing import Any

import pytest

from tests.bot.cogs.limits import MAX_FILE_BYTES
from tests.bot.cogs.request_bodies import MISSING, Requests, Sent, Specification, all_broken, specification
from tests.bot.cogs.server import Server

MESSAGES, FOLLOWUP, CALLBACK = "/channels/1/messages", "/webhooks/1/token", "/interactions/1/token/callback"
BUTTON = {"type": 2, "style": 1, "label": "Yes", "custom_id": "yes"}
INPUT = {"type": 4, "style": 1, "label": "Why?", "custom_id": "why"}
OPTION = {"label": "One", "value": "1"}


def row(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": 1, "components": list(parts)}


def form(**more: Any) -> dict[str, Any]:
    return {"type": 9, "data": {"custom_id": "form", "title": "Why not?", "components": [row(INPUT)], **more}}


@pytest.fixture
def specified() -> Specification:
    found = specification()
    if found is None:
        pytest.skip(MISSING)
    return found


RIGHT = {
    "message": Sent("POST", MESSAGES, {"content": "hello", "components": [row(BUTTON)]}),
    "answer": Sent("POST", CALLBACK, {"type": 4, "data": {"content": "hello", "flags": 64}}),
    "form": Sent("POST", CALLBACK, form()),
    "follow-up": Sent("POST", FOLLOWUP, {"content": "hello"}),
    "suggestions": Sent("POST", CALLBACK, {"type": 8, "data": {"choices": [{"name": "a", "value": "a"}]}}),
    "edit": Sent("PATCH", f"{FOLLOWUP}/messages/@original", {"embeds": [{"title": "Done"}]}),
    "commands": Sent("PUT", "/applications/1/commands", [{"name": "chat", "description": "Talk", "type": 1}]),
    "no body": Sent("DELETE", f"{MESSAGES}/2"),
}
SPECIFIED = {
    "an unknown operation": Sent("POST", "/channels/1/telegrams", {"content": "hello"}),
    "a wrong method": Sent("PUT", MESSAGES, {"content": "hello"}),
    "no body": Sent("POST", CALLBACK),
    "a body where there is none": Sent("DELETE", f"{MESSAGES}/2", {"content": "hello"}),
    "a number for a text": Sent("POST", MESSAGES, {"content": 5}),
    "a part without a style": Sent("POST", MESSAGES, {"components": [row({"type": 2, "label": "x"})]}),
    "an unknown kind of part": Sent("POST", MESSAGES, {"components": [row({"type": 99})]}),
    "an unknown kind of answer": Sent("POST", CALLBACK, {"type": 99, "data": {"content": "hello"}}),
    "a form without a title": Sent("POST", CALLBACK, {"type": 9, "data": {"custom_id": "x", "components": []}}),
    "a colour that is none": Sent("PATCH", f"{MESSAGES}/2", {"embeds": [{"title": "x", "color": -1}]}),
    "a follow-up's embed as a list": Sent("POST", FOLLOWUP, {"embeds": [[]]}),
    "a suggestion without a value": Sent("POST", CALLBACK, {"type": 8, "data": {"choices": [{"name": "a"}]}}),
    "a command with a capital": Sent("PUT", "/applications/1/commands", [{"name": "a", "description": "x" * 101}]),
    "an id that is a word": Sent("POST", MESSAGES, {"content": "x", "message_reference": {"message_id": "that"}}),
}
LIMITED = {
    "content of 2,001": Sent("POST", MESSAGES, {"content": "x" * 2001}),
    "an answer of 2,001": Sent("POST", CALLBACK, {"type": 4, "data": {"content": "x" * 2001}}),
    "an edit of 2,001": Sent("PATCH", f"{MESSAGES}/2", {"content": "x" * 2001}),
    "embeds of 6,001 in all": Sent(
        "POST", MESSAGES, {"embeds": [{"description": "x" * 3001}, {"description": "x" * 3000}]}
    ),
    "a custom id of 101": Sent("POST", MESSAGES, {"components": [row({**BUTTON, "custom_id": "x" * 101})]}),
    "a custom id twice": Sent("POST", MESSAGES, {"components": [row(BUTTON, BUTTON)]}),
    "six rows": Sent("POST", MESSAGES, {"components": [row({**BUTTON, "custom_id": str(n)}) for n in range(6)]}),
    "six buttons": Sent("POST", MESSAGES, {"components": [row(*({**BUTTON, "custom_id": str(n)} for n in range(6)))]}),
    "26 options": Sent(
        "POST", MESSAGES, {"components": [row({"type": 3, "custom_id": "x", "options": [OPTION] * 26})]}
    ),
    "26 suggestions": Sent("POST", CALLBACK, {"type": 8, "data": {"choices": [{"name": "a", "value": "a"}] * 26}}),
    "six inputs": Sent("POST", CALLBACK, form(components=[row({**INPUT, "custom_id": str(n)}) for n in range(6)])),
    "a title of 46": Sent("POST", CALLBACK, form(title="x" * 46)),
    "a ping": Sent("POST", MESSAGES, {"content": "@everyone", "allowed_mentions": {"parse": ["everyone"]}}),
    "a picture that is not there": Sent("POST", MESSAGES, {"embeds": [{"image": {"url": "attachment://a.png"}}]}),
    "eleven files": Sent("POST", MESSAGES, {"content": "x"}, (1,) * 11),
    "a huge file": Sent("POST", MESSAGES, {"content": "x"}, (MAX_FILE_BYTES + 1,)),
    "a command of 8,001": Sent(
        "PUT",
        "/applications/1/commands",
        [{"name": "x", "description": "y", "options": [{"name": "z", "description": "z" * 100}] * 80}],
    ),
}


@pytest.mark.parametrize("sent", RIGHT.values(), ids=RIGHT)
def test_what_discord_takes_passes(sent: Sent) -> None:
    assert list(all_broken(sent, specification())) == []


@pytest.mark.parametrize("sent", SPECIFIED.values(), ids=SPECIFIED)
def test_what_the_specification_forbids_is_seen(specified: Specification, sent: Sent) -> None:
    assert list(specified.broken(sent))


@pytest.mark.parametrize("sent", LIMITED.values(), ids=LIMITED)
def test_what_breaks_a_limit_is_seen_also_without_the_specification(sent: Sent) -> None:
    assert list(all_broken(sent, None))


async def test_the_bots_own_requests_are_noted_with_their_bodies_and_files(server: Server, requests: Requests) -> None:
    await server.ann.slash(server.channel, "privacy export")
    assert any(one.path.endswith("/commands") and isinstance(one.body, list) for one in requests.sent)
    assert [len(one.file_sizes) for one in requests.sent if one.file_sizes] == [2]
    requests.note("POST", MESSAGES, {"content": "x" * 2001}, ())
    assert any("2001 characters of content" in sentence for sentence in requests.broken())
    requests.sent.pop()
