"""Whatever people can use answers them: who may not, after a restart, used twice at once, and when what it is about is gone.

The table in `drives.py` has it all: the first test asks the bot itself what there is.
"""

import asyncio
import itertools
import re
from collections.abc import Iterator
from typing import Any

import discord
import pytest
from simcord.http.client import FakeWebhookAdapter
from sqlalchemy import select

from bot.cogs.client import MynahBot
from bot.cogs.failures import Form
from bot.cogs.review_buttons import Act
from storage.database import Work
from storage.tables import CandidateRow
from tests.bot.cogs.admin_work import warm_up
from tests.bot.cogs.drives import HOUSES, Drive, May, Prepared
from tests.bot.cogs.request_bodies import Requests, Sent
from tests.bot.cogs.server import Server

NOBODYS_ROLE = "1"
_PRIVATE = 64
_CALLBACK, _FOLLOWUP = re.compile(r"/interactions/\d+/[^/]+/callback"), re.compile(r"/webhooks/\d+/[^/]+")
_EDIT, _CARD = re.compile(r"/webhooks/\d+/[^/]+/messages/[^/]+"), re.compile(r"/channels/\d+/messages/\d+")
_UNHELPFUL = "something went wrong"

houses = pytest.mark.parametrize("house", HOUSES)


@pytest.fixture(autouse=True)
def _undisturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    warm_up()
    monkeypatch.setattr("bot.cogs.run_progress._POLL_SECONDS", 3600.0)
    monkeypatch.setattr("bot.cogs.review_channel._LOOK_SECONDS", 3600.0)
    monkeypatch.setattr("bot.cogs.retraining._LOOK_SECONDS", 3600.0)


def usable(bot: MynahBot) -> set[str]:
    """All that people can use, by the names that drives have."""
    commands = {f"/{one.qualified_name}" for one in bot.tree.walk_commands() if not hasattr(one, "commands")}
    kinds = (discord.AppCommandType.user, discord.AppCommandType.message)
    menus = {f"menu {one.name}" for kind in kinds for one in bot.tree.get_commands(type=kind)}
    items = {name for pattern, item in _items(bot).items() for name in _choices(item.__name__, pattern.pattern)}
    return commands | menus | items | {f"form {form.__name__}" for form in _heirs(Form)}


def _items(bot: MynahBot) -> dict[re.Pattern[str], Any]:
    return bot._connection._view_store._dynamic_items  # what was registered; discord.py offers no other way to ask


def _choices(name: str, pattern: str) -> Iterator[str]:
    """An item, once for each of its choices: the first group of its custom id that lists some."""
    if name == "ReviewButton":
        yield from (f"{name} {act.value}" for act in Act)
        return
    listed = re.search(r"\(\?P<\w+>([^()]*\|[^()]*)\)", pattern)
    yield from (f"{name} {one}" for one in listed[1].split("|")) if listed else (name,)


def _heirs(kind: type) -> Iterator[type]:
    one: type
    for one in kind.__subclasses__():
        yield one
        yield from _heirs(one)


async def test_the_table_has_everything_that_people_can_use(server: Server) -> None:
    names = [drive.name for drive in itertools.chain(*HOUSES.values())]
    assert sorted(names) == sorted(usable(server.env.bot))


@houses
async def test_who_may_not_is_told_so_in_private_and_nothing_changes(
    server: Server, requests: Requests, house: str
) -> None:
    def judged(drive: Drive, told: list[Sent], before: object, after: object) -> Iterator[str]:
        if drive.may is May.ANYBODY:
            return
        if not all(_is_private(one) for one in told):
            yield "others see the refusal"
        if before != after:
            yield "something changed"

    problems: dict[str, list[str]] = {}
    for drive in HOUSES[house]:
        prepared = await _prepared(server, drive)
        who = await _forbid(server, drive)
        before, since = await _rows(server), len(requests.sent)
        await prepared.use(who)
        told = _told(requests.sent[since:])
        found = [*_unanswered(requests.sent[since:]), *judged(drive, told, before, await _rows(server))]
        problems |= {drive.name: found} if found else {}
        await _permit(server)
    assert problems == {}


@houses
async def test_everything_answers_after_a_restart_of_the_bot(server: Server, requests: Requests, house: str) -> None:
    problems: dict[str, list[str]] = {}
    prepared = [(drive, await _prepared(server, drive)) for drive in HOUSES[house]]
    await server.env.restart_bot(MynahBot(server.parts))
    for drive, one in prepared:
        since = len(requests.sent)
        await one.use(drive.who(server))
        found = list(_unanswered(requests.sent[since:]))
        problems |= {drive.name: found} if found else {}
    assert problems == {}


@houses
async def test_what_is_used_twice_at_once_is_done_once_and_answered_twice(
    server: Server, requests: Requests, house: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    problems: dict[str, list[str]] = {}
    for drive in HOUSES[house]:
        prepared = await _prepared(server, drive)
        before, since = await _rows(server), len(requests.sent)
        with monkeypatch.context() as patched:
            gate = _hold_the_first_answer(server, patched)
            await prepared.use(drive.who(server))
            await prepared.use(drive.who(server))
            gate.set()
            await server.env.settle()
        found = list(_unanswered(requests.sent[since:], times=2))
        if drive.once:
            rows = _count(await _rows(server), drive.once) - _count(before, drive.once)
            found += [] if rows == 1 else [f"{rows} {drive.once} instead of one"]
        problems |= {drive.name: found} if found else {}
    assert problems == {}


@houses
async def test_what_is_about_something_that_is_gone_says_so(server: Server, requests: Requests, house: str) -> None:
    problems: dict[str, list[str]] = {}
    for drive in HOUSES[house]:
        prepared = await _prepared(server, drive)
        await server.parts.store.candidates._writer.write(_empty)
        since = len(requests.sent)
        await prepared.use(drive.who(server))
        found = list(_unanswered(requests.sent[since:]))
        problems |= {drive.name: found} if found else {}
    assert problems == {}


@houses
async def test_a_message_that_is_deleted_while_it_is_used_leaves_nobody_without_an_answer(
    server: Server, requests: Requests, house: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    problems: dict[str, list[str]] = {}
    for drive in HOUSES[house]:
        prepared = await _prepared(server, drive)
        if prepared.message is None:
            continue
        since = len(requests.sent)
        with monkeypatch.context() as patched:
            gate = _hold_the_first_answer(server, patched)
            await prepared.use(drive.who(server))
            server.env.backend.delete_message(server.channel.id, prepared.message.id)
            gate.set()
            await server.env.settle()
        found = list(_unanswered(requests.sent[since:]))
        problems |= {drive.name: found} if found else {}
    assert problems == {}


async def _prepared(server: Server, drive: Drive) -> Prepared:
    """What is needed is there: learning is on, as it was at the beginning."""
    server.expects_errors = True
    server.env.settle_timeout = 20.0  # real seconds: a busy machine draws slowly
    if not (await server.parts.store.server_settings.get(server.key)).learning_on:
        await server.parts.store.server_settings.turn_learning_on(server.key, "an admin")
        server.parts.servers.changed(server.key)
    return await drive.prepare(server)


async def _forbid(server: Server, drive: Drive) -> Any:
    """Take away what is needed to use it; returns who shall try."""
    if drive.may in {May.MODERATOR, May.ADMIN}:
        for roles in ("admin_roles", "reviewer_roles"):
            await server.parts.store.server_settings.set(server.key, roles, [NOBODYS_ROLE], "test")
        server.parts.servers.changed(server.key)
    if drive.may is May.AGREED:
        await server.parts.store.consents.set(server.key, server.key_of(server.ann), allowed=False)
    return server.bob if drive.may is May.OWNER else drive.who(server)


async def _permit(server: Server) -> None:
    for roles in ("admin_roles", "reviewer_roles"):
        await server.parts.store.server_settings.unset(server.key, roles, "test")
    server.parts.servers.changed(server.key)


def _hold_the_first_answer(server: Server, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Let Discord be slow to take the next first response: whoever waits for it goes on when the event is set."""
    gate, request = asyncio.Event(), FakeWebhookAdapter.request
    held: list[str] = []

    async def slow(self: Any, route: Any, *given: Any, **more: Any) -> Any:
        if "/callback" in route.url and not held:
            held.append(route.url)
            await server.env.external_wait(gate.wait(), reason="Discord is slow")
        return await request(self, route, *given, **more)

    monkeypatch.setattr(FakeWebhookAdapter, "request", slow)
    return gate


def _unanswered(sent: list[Sent], *, times: int = 1) -> Iterator[str]:
    """What is wrong with how somebody was answered; the first that Discord hears is the response, for which it waits."""
    told = _told(sent)
    answered = {_token(one) for one in told}
    if len(answered) < times:
        yield f"{len(answered)} of {times} were answered"
    begun: set[str] = set()
    for one in sent:
        if _CALLBACK.fullmatch(one.path):
            begun.add(_token(one))
        elif (_FOLLOWUP.fullmatch(one.path) or _EDIT.fullmatch(one.path)) and _token(one) not in begun:
            yield f"{one} came before the response"
    yield from (text for one in told if _UNHELPFUL in (text := str(one.body)))


def _told(sent: list[Sent]) -> list[Sent]:
    """The requests that showed somebody something: answers, forms, follow-ups and edits of what was used, cards too."""
    return [
        one
        for one in sent
        if not one.is_refused
        and (
            (_CALLBACK.fullmatch(one.path) and one.body["type"] in {4, 7, 9})
            or (_FOLLOWUP.fullmatch(one.path) and one.method == "POST")
            or (one.method == "PATCH" and (_EDIT.fullmatch(one.path) or _CARD.fullmatch(one.path)))
        )
    ]


def _token(sent: Sent) -> str:
    """What ties the requests of one interaction together; the edits of a card stand for themselves."""
    return sent.path.split("/")[3]


def _is_private(sent: Sent) -> bool:
    body = sent.body.get("data", sent.body)
    return bool(body.get("flags", 0) & _PRIVATE)


Rows = dict[str, list[Any]]


async def _rows(server: Server) -> Rows:
    """All that is stored."""
    work: Work[Rows] = lambda session: {
        name: [tuple(row) for row in session.execute(select(table))]
        for name, table in CandidateRow.metadata.tables.items()
    }
    return await server.parts.store._database.read(work)


def _count(rows: Rows, table: str) -> int:
    if table == "undone":
        return sum(1 for row in rows["audit"] if "undo" in row)
    return len(rows[table])


def _empty(session: Any) -> None:
    for table in reversed(CandidateRow.metadata.sorted_tables):
        session.execute(table.delete())
