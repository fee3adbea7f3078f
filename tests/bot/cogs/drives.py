"""All that people can use of the bot, each with a way to use it for real: the table that `test_drives.py` walks through.

A drive's name is `/command`, `menu NAME`, `ITEM`, `ITEM choice` or `form NAME`; `test_drives.py` asks the bot which
there are. A drive prepares what it needs and says how it is then used; the test decides what goes wrong in between.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import discord

from bot.cogs.answer_buttons import BetterAnswerButton, answer_buttons
from bot.cogs.auditing import PageButton
from bot.cogs.canaries import CanaryButton
from bot.cogs.configuration import Picker
from bot.cogs.dated import Asked
from bot.cogs.first_contact import ConsentButton
from bot.cogs.forgetting import ForgetButton
from bot.cogs.learning import ConfirmLearning
from bot.cogs.models import ConfirmButton, RollbackButton
from bot.cogs.my_votes import MyVotesButton
from bot.cogs.review_buttons import Act, BlockButton, RejectMenu, ReviewButton, card_view, end_view
from bot.cogs.review_key import CardKey, Face
from bot.review.desk import Side
from storage.values import Candidate
from tests.bot.cogs.admin_work import champion, publish
from tests.bot.cogs.reviewing import waits
from tests.bot.cogs.server import Server

Using = Callable[[Any], Awaitable[Any]]
"""Lets somebody use what was prepared."""


class May(Enum):
    """Who may use it."""

    ANYBODY = auto()
    OWNER = auto()
    """Only the member whose it is."""
    AGREED = auto()
    """Only who allowed to be learnt from."""
    MODERATOR = auto()
    ADMIN = auto()


@dataclass(frozen=True, slots=True)
class Prepared:
    """Something that can be used now."""

    use: Using
    message: Any = None
    """The message that it is on, if it is on one."""


@dataclass(frozen=True, slots=True)
class Drive:
    """One thing that people can use."""

    name: str
    may: May
    prepare: Callable[[Server], Awaitable[Prepared]]
    once: str = ""
    """The table that gets exactly one row, also when it is used twice at once."""
    is_for_all: bool = False
    """Whether everybody in the channel sees the answer."""

    def who(self, server: Server) -> Any:
        """Somebody who may."""
        ranked = {May.MODERATOR: server.moderator, May.ADMIN: server.admin}
        return ranked.get(self.may, server.ann)


def _command(name: str, may: May = May.ANYBODY, **more: Any) -> Drive:
    options = more.pop("options", {})

    async def prepare(server: Server) -> Prepared:
        return Prepared(lambda who: who.slash(server.channel, name, **options))

    return Drive(f"/{name}", may, prepare, **more)


def _with_versions(name: str, option: str = "", **options: Any) -> Drive:
    """A command over the second of two champions; the option names another version."""

    async def prepare(server: Server) -> Prepared:
        await _champions(server)
        named = {option: await _version(server)} if option else {}
        return Prepared(lambda who: who.slash(server.channel, name, **named, **options))

    return Drive(f"/{name}", May.ADMIN, prepare)


def _posted(name: str, may: May, make: Callable[[Server], Awaitable[Any]], **more: Any) -> Drive:
    """A button, posted in the channel by the bot."""

    async def prepare(server: Server) -> Prepared:
        made = await make(server)
        view, pressed = made if isinstance(made, tuple) else (None, made)
        if view is None:
            view = discord.ui.View(timeout=None).add_item(pressed)
        message = await _post(server, view)
        return Prepared(lambda who: who.click(message, custom_id=pressed.custom_id), message)

    return Drive(name, may, prepare, **more)


async def _post(server: Server, view: discord.ui.View) -> Any:
    channel = server.env.bot.get_channel(server.channel.id)
    await channel.send("Well?", view=view)
    return server.last()


def _number(server: Server) -> int:
    """Another number each time; the messages that the bot and people have sent so far."""
    server.parts.clock.advance(61)  # type: ignore[attr-defined] # nobody says too much in a minute
    return len(server.env.http_requests) + 1


async def _version(server: Server) -> str:
    return await publish(server, _number(server))


async def _champions(server: Server) -> tuple[str, str]:
    return await champion(server, _number(server)), await champion(server, _number(server) + 1)


async def _answer(server: Server) -> discord.Message:
    await server.allow(server.ann, server.bob, server.moderator)
    return await server.say(f"hello {_number(server)}")


async def _turn(server: Server) -> int:
    answer = await _answer(server)
    turn = await server.parts.store.conversations.turn_by_external_id(server.key, str(answer.id))
    assert turn is not None
    return turn.id


async def _vote(server: Server, way: str) -> Any:
    view = answer_buttons(await _turn(server))
    return view, next(item for item in view.children if f":{way}:" in item.custom_id)  # type: ignore[attr-defined]


def _asked(server: Server, who: Any) -> Asked:
    return Asked(who.id, server.parts.clock())


async def _card(server: Server, act: Act, *, face: Face = Face.CHANNEL, words: str = "", count: int = 1) -> Any:
    """A card with one candidate or several that say nearly the same, and its button."""
    candidate = await _candidate(server, words=words, count=count)
    if act is Act.UNDO:
        await server.parts.desk.approve(candidate.id, server.key_of(server.moderator), server=server.key)
    sheet = await server.parts.desk.sheet(candidate.id)
    return card_view(sheet, face), ReviewButton(act, CardKey.of(face, sheet))


async def _candidate(server: Server, *, words: str = "", count: int = 1) -> Candidate:
    number = _number(server)
    subject = f"{number:b}".replace("0", "zero ").replace("1", "one ")
    made = [await waits(server, f"{subject} {words}{'?' * at}", f"{subject} indeed") for at in range(count)]
    return made[0]


def _review(act: Act, **more: Any) -> Drive:
    once = more.pop("once", "")

    async def make(server: Server) -> Any:
        return await _card(server, act, **more)

    return _posted(f"ReviewButton {act.value}", May.MODERATOR, make, once=once)


async def _begin_again(_: Server) -> Any:
    return end_view(may_begin_again=True), ReviewButton(Act.FIRST, CardKey.at_the_end())


def _reject(many: str) -> Drive:
    async def prepare(server: Server) -> Prepared:
        message, menu = await _menu(server, 3 if many == "all" else 1)
        return Prepared(lambda who: who.select(message, ["poor"], custom_id=menu.custom_id), message)

    return Drive(f"RejectMenu {many}", May.MODERATOR, prepare, once="" if many == "all" else "reviews")


async def _menu(server: Server, count: int) -> tuple[Any, RejectMenu]:
    sheet = await server.parts.desk.sheet((await _candidate(server, count=count)).id)
    return await _post(server, card_view(sheet, Face.CHANNEL)), RejectMenu(CardKey.of(Face.CHANNEL, sheet), count)


def _block(side: Side) -> Drive:
    async def make(server: Server) -> Any:
        _number(server)
        if side is Side.ASKER:
            candidate = await waits(server, "who are you", "nobody", author=server.admin)
        else:
            await server.parts.chat.correct(await _turn(server), server.key_of(server.bob), "Good day!")
            candidate = (await server.waiting())[-1]
        return BlockButton(side, candidate.id)

    return _posted(f"BlockButton {side.value}", May.MODERATOR, make)


def _confirm(act: str) -> Drive:
    async def make(server: Server) -> Any:
        first, second = await _champions(server)
        other = await _version(server) if act != "rollback" else first
        return ConfirmButton(act, other, second)

    return _posted(f"ConfirmButton {act}", May.ADMIN, make)


def _canary(act: str, choice: str) -> Drive:
    async def make(server: Server) -> Any:
        _, second = await _champions(server)
        open_one = await server.parts.store.canaries.open("")
        if open_one is None:
            version = await _version(server)
            await server.admin.slash(server.channel, "model canary", share=20, version=version)
            open_one = await server.parts.store.canaries.open("")
        assert open_one is not None
        assert second
        return CanaryButton(act, open_one.id)

    return _posted(f"CanaryButton {choice}", May.ADMIN, make)


async def _page(server: Server) -> Any:
    return PageButton(0, "all")


async def _rollback(server: Server) -> Any:
    _, second = await _champions(server)
    return RollbackButton(second)


async def _my_votes(server: Server) -> Any:
    _, second = await _champions(server)
    return MyVotesButton(second)


async def _confirm_learning(server: Server) -> Any:
    return ConfirmLearning(_asked(server, server.admin))


async def _pick(server: Server) -> Prepared:
    view = discord.ui.View(timeout=None)
    view.add_item(Picker("review_channel", await server.parts.store.server_settings.get(server.key)))
    message = await _post(server, view)
    return Prepared(lambda who: who.select(message, [server.channel]), message)


def _forget(answer: str) -> Drive:
    async def make(server: Server) -> Any:
        await _answer(server)
        return ForgetButton(answer, "here", _asked(server, server.ann))

    return _posted(f"ForgetButton {answer}", May.OWNER, make, once="" if answer == "keep" else "receipts")


def _consent(choice: str) -> Drive:
    async def make(server: Server) -> Any:
        return ConsentButton(choice, server.ann.id)

    return _posted(f"ConsentButton {choice}", May.OWNER, make)


def _of_message(menu: str, may: May, *, is_answer: bool) -> Drive:
    async def prepare(server: Server) -> Prepared:
        message = await _answer(server) if is_answer else await _said(server)
        return Prepared(lambda who: who.context_menu(server.channel, menu, message), message)

    return Drive(f"menu {menu}", may, prepare)


async def _said(server: Server) -> Any:
    await server.allow(server.ann, server.bob, server.moderator)
    return await server.ann.send(server.channel, f"when does library {_number(server)} open")


def _form(
    name: str, may: May, opened: Callable[[Server], Awaitable[tuple[Any, Any]]], *words: str, once: str = ""
) -> Drive:
    """A form that is open; it is used by sending it."""

    async def prepare(server: Server) -> Prepared:
        form, message = await opened(server)
        fields = [row["components"][0] if "components" in row else row["component"] for row in form.modal["components"]]
        values = {part["custom_id"]: word for part, word in zip(fields, words, strict=True)}

        async def submit(who: Any) -> Any:
            form._interaction.modal_consumed = False  # somebody may have it open twice
            return await who.submit_modal(form, values)

        return Prepared(submit, message)

    return Drive(f"form {name}", may, prepare, once=once)


async def open_better_answer(server: Server) -> tuple[Any, Any]:
    turn = await _turn(server)
    message = await _post(server, answer_buttons(turn))
    return await server.ann.click(message, custom_id=BetterAnswerButton(turn).custom_id), message


async def _better(server: Server) -> tuple[Any, Any]:
    answer = await _answer(server)
    return await server.ann.context_menu(server.channel, "Teach this", answer), answer


async def _teach(server: Server) -> tuple[Any, Any]:
    said = await _said(server)
    return await server.ann.context_menu(server.channel, "Teach this", said), said


async def _edit(server: Server) -> tuple[Any, Any]:
    view, button = await _card(server, Act.EDIT)
    message = await _post(server, view)
    return await server.moderator.click(message, custom_id=button.custom_id), message


async def _why_not(server: Server) -> tuple[Any, Any]:
    message, menu = await _menu(server, 1)
    return await server.moderator.select(message, ["other"], custom_id=menu.custom_id), message


async def _persona(server: Server) -> tuple[Any, Any]:
    return await server.admin.slash(server.channel, "config set", name="persona"), None


MEMBERS = (
    _command("chat", options={"message": "hello"}, is_for_all=True),
    _command("stop"),
    _command("reset", is_for_all=True),
    _command("help"),
    _command("why"),
    _command("privacy show"),
    _command("privacy allow"),
    _command("privacy deny"),
    _command("privacy export"),
    _command("privacy forget"),
    _of_message("Why this answer?", May.ANYBODY, is_answer=True),
    _of_message("Teach this", May.OWNER, is_answer=False),
    _of_message("Don't learn this", May.OWNER, is_answer=False),
    _posted("VoteButton up", May.ANYBODY, lambda server: _vote(server, "up")),
    _posted("VoteButton down", May.ANYBODY, lambda server: _vote(server, "down")),
    _posted("MyVotesButton", May.ANYBODY, _my_votes),
    _posted("BetterAnswerButton", May.ANYBODY, lambda server: _vote(server, "better")),
    _form("BetterAnswerForm", May.AGREED, open_better_answer, "Good day!", once="candidates"),
    _form("BetterForm", May.AGREED, _better, "Good day!", once="candidates"),
    _form("TeachForm", May.AGREED, _teach, "when is it open", "At nine.", once="candidates"),
    *map(_consent, ("allow", "deny")),
    *map(_forget, ("delete", "tell", "keep")),
)
MODERATORS = (
    _command("review queue", May.MODERATOR),
    _command("review stats", May.MODERATOR),
    Drive(
        "/review unblock",
        May.MODERATOR,
        lambda server: _unblocking(server),
    ),
    _review(Act.APPROVE, once="reviews"),
    _review(Act.APPROVE_ALIKE, count=3),
    _review(Act.EDIT),
    _review(Act.UNDO, once="undone"),
    _review(Act.NEXT, face=Face.WALK),
    _review(Act.BLOCK),
    _review(Act.WHOLE, words="word " * 700),
    _posted("ReviewButton first", May.MODERATOR, _begin_again),
    *map(_reject, ("one", "all")),
    *map(_block, (Side.ASKER, Side.WRITER)),
    _form("EditForm", May.MODERATOR, _edit, "Better words", once="reviews"),
    _form("ReasonForm", May.MODERATOR, _why_not, "It is an advertisement", once="reviews"),
)


async def _unblocking(server: Server) -> Prepared:
    await server.parts.store.blocks.block(
        server.key, server.key_of(server.other_moderator), by="a moderator", reason="spam"
    )
    return Prepared(lambda who: who.slash(server.channel, "review unblock", member=server.other_moderator))


ADMINS = (
    *(_command(f"learning {one}", May.ADMIN) for one in ("on", "off", "status")),
    _posted("ConfirmLearning", May.ADMIN, _confirm_learning),
    _command("retrain now", May.ADMIN, is_for_all=True),
    *(_command(f"retrain {one}", May.ADMIN) for one in ("status", "cancel")),
    _with_versions("model list"),
    _with_versions("model show", "name"),
    _with_versions("model promote", "name"),
    _with_versions("model rollback"),
    _with_versions("model canary"),
    *map(_confirm, ("promote", "rollback", "keep")),
    _posted("RollbackButton", May.ADMIN, _rollback),
    *(_canary(act, act) for act in ("look", "end", "promote")),
    _canary("50", r"[1-9]\d"),
    *(_command(f"schedule {one}", May.ADMIN) for one in ("show", "off")),
    _command("schedule set", May.ADMIN, options={"when": "every night at 4"}),
    _command("stats", May.ADMIN),
    _command("config show", May.ADMIN),
    _command("config set", May.ADMIN, options={"name": "quorum", "value": "2"}),
    _command("config unset", May.ADMIN, options={"name": "quorum"}),
    Drive("Picker", May.ADMIN, _pick),
    _form("WordsForm", May.ADMIN, _persona, "a pirate"),
    _command("audit", May.ADMIN),
    _posted("PageButton", May.ADMIN, _page),
)
HOUSES = {"members": MEMBERS, "moderators": MODERATORS, "admins": ADMINS}
