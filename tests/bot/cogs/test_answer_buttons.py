from pathlib import Path
from typing import Any

import discord
import pytest

from bot.chat import sentences
from bot.cogs.client import MynahBot
from storage.errors import DatabaseBusy
from storage.store import Store
from storage.values import Source
from tests.bot.cogs.server import Server, open_server
from tests.fakes.clock import FakeClock


def custom_ids(message: discord.Message) -> list[str]:
    return [item.custom_id for row in message.components for item in row.children]  # type: ignore[union-attr, misc]


async def test_votes_are_counted_and_can_be_changed(server: Server) -> None:
    answer = await server.say("hello")
    up, down, _ = custom_ids(answer)
    await server.bob.click(answer, custom_id=up)
    pressed = await server.ann.click(answer, custom_id=up)
    assert pressed.followups[-1].content.endswith("This answer has 👍 2 and 👎 0.")
    assert pressed.followups[-1].ephemeral
    pressed = await server.ann.click(answer, custom_id=down)
    assert pressed.followups[-1].content.endswith("This answer has 👍 1 and 👎 1.")


async def test_pressing_the_same_again_takes_a_vote_back_and_a_third_time_gives_it(server: Server) -> None:
    answer = await server.say("hello")
    up, *_ = custom_ids(answer)
    said = [(await server.ann.click(answer, custom_id=up)).followups[-1].content for _ in range(3)]
    assert said[1] == "Your vote is taken back. This answer has 👍 0 and 👎 0."
    assert said[0] == said[2]


async def test_the_buttons_work_after_a_restart_of_the_bot(server: Server) -> None:
    answer = await server.say("hello")
    await server.allow(server.ann)
    await server.env.restart_bot(MynahBot(server.parts))
    up, _, better = custom_ids(server.last())
    pressed = await server.ann.click(answer, custom_id=up)
    assert "👍 1" in pressed.followups[-1].content
    form = await server.ann.click(answer, custom_id=better)
    sent = await submit(server.ann, form, "Good day!")
    assert sent == sentences.THANKS


async def test_a_better_answer_waits_for_review(server: Server) -> None:
    await server.allow(server.ann, server.bob)
    answer = await server.say("hello", server.ann)
    form = await server.bob.click(answer, custom_id=custom_ids(answer)[2])
    assert await submit(server.bob, form, "Good day!") == sentences.THANKS
    correction = [one for one in await server.waiting() if one.source is Source.CORRECTION]
    assert [message.text for message in correction[0].messages] == ["hello", "Good day!"]


async def test_a_better_answer_without_consent_is_not_kept(server: Server) -> None:
    answer = await server.say("hello", server.ann)
    form = await server.bob.click(answer, custom_id=custom_ids(answer)[2])
    assert await submit(server.bob, form, "Good day!") == sentences.YOU_HAVE_NOT_ALLOWED
    assert not await server.waiting()


async def test_a_toxic_better_answer_is_refused(server: Server) -> None:
    await server.allow(server.ann)
    answer = await server.say("hello")
    form = await server.ann.click(answer, custom_id=custom_ids(answer)[2])
    assert await submit(server.ann, form, "damn you") == sentences.REFUSED_WORDS
    assert [one.source for one in await server.waiting()] == [Source.MESSAGE]


async def test_a_refused_answer_can_be_bettered_but_not_voted_on_and_its_words_are_shown_to_nobody(
    store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    async with open_server(
        store, clock, tmp_path / "home", script={"hello": "You are a damn fool. Go away."}
    ) as server:
        await bettered_after_a_refusal(server)


async def bettered_after_a_refusal(server: Server) -> None:
    await server.allow(server.ann, server.bob)
    answer = await server.say("hello", server.ann)
    assert answer.content == sentences.OUTPUT_REFUSED
    [better] = custom_ids(answer)
    await server.env.restart_bot(MynahBot(server.parts))
    form = await server.bob.click(server.last(), custom_id=better)
    assert await submit(server.bob, form, "Good day!") == sentences.THANKS
    [correction] = await server.waiting()
    assert [message.text for message in correction.messages] == ["hello", "Good day!"]
    menu = await server.ann.context_menu(server.channel, "Teach this", server.last())
    shown = str(menu.modal)
    assert "damn" not in shown
    assert sentences.OUTPUT_REFUSED not in shown
    assert not any("damn" in str(body) for body in server.sent())


async def test_a_refused_message_of_a_person_offers_nothing_to_better(server: Server) -> None:
    await server.allow(server.ann)
    answer = await server.say("you damn fool")
    assert answer.content == sentences.UNWELCOME
    assert custom_ids(answer) == []


async def test_a_vote_on_an_answer_that_is_gone_says_so(server: Server) -> None:
    answer = await server.say("hello")
    turn = await server.parts.store.conversations.turn_by_external_id(server.key, str(answer.id))
    assert turn is not None
    await server.parts.store.conversations.delete(server.key, [str(answer.id)])
    pressed = await server.ann.click(answer, custom_id=custom_ids(answer)[0])
    assert pressed.followups[-1].content == "That answer is gone. Vote on a newer one."


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (DatabaseBusy("The database is locked."), "The database is locked."),
        (ZeroDivisionError(), "something went wrong"),
    ],
    ids=["expected", "unexpected"],
)
async def test_a_button_that_fails_says_so_without_a_traceback(
    server: Server, monkeypatch: pytest.MonkeyPatch, failure: Exception, told: str
) -> None:
    answer = await server.say("hello")

    async def fail(*_: Any) -> None:
        raise failure

    monkeypatch.setattr(server.parts.chat, "vote", fail)
    pressed = await server.ann.click(answer, custom_id=custom_ids(answer)[0])
    said = pressed.followups[-1]
    assert told in said.content
    assert "Traceback" not in said.content
    assert "ZeroDivision" not in said.content
    assert said.ephemeral


async def test_a_form_that_fails_says_so(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.expects_errors = True
    answer = await server.say("hello")
    form = await server.ann.click(answer, custom_id=custom_ids(answer)[2])

    async def fail(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(server.parts.chat, "correct", fail)
    assert "something went wrong" in await submit(server.ann, form, "Good day!")


async def submit(who: Any, form: Any, words: str) -> str:
    """Fill in the only field of a form; returns what the person then reads."""
    [row] = form.modal["components"]
    field = row["components"][0] if "components" in row else row["component"]
    result = await who.submit_modal(form, {field["custom_id"]: words})
    said = result.response or result.followups[-1]
    assert said.ephemeral
    return str(said.content)
