from typing import Any

import pytest

from bot.cogs.client import MynahBot
from storage.values import Message, Role, Source
from tests.bot.cogs.reviewing import told
from tests.bot.cogs.server import Server

TEACH, KEEP_OUT = "Teach this", "Don't learn this"


async def fill_in(who: Any, form: Any, *words: str | None) -> str:
    """Fill in a form field by field (None: as it is); returns what the person then reads."""
    fields = [row["components"][0] if "components" in row else row["component"] for row in form.modal["components"]]
    values = {
        field["custom_id"]: field.get("value", "") if word is None else word
        for field, word in zip(fields, words, strict=True)
    }
    return told(await who.submit_modal(form, values))


async def test_a_member_teaches_a_better_answer_to_their_own_question(server: Server) -> None:
    await server.allow(server.ann)
    answer = await server.say("hello")
    form = await server.ann.context_menu(server.channel, TEACH, answer)
    assert "waits for a moderator" in await fill_in(server.ann, form, "Good day!")
    [taught] = [one for one in await server.waiting() if one.source is Source.CORRECTION]
    assert taught.messages == (Message(Role.USER, "hello"), Message(Role.ASSISTANT, "Good day!"))


async def test_an_exchange_between_members_is_taught_when_both_allow_it(server: Server) -> None:
    await server.allow(server.ann, server.moderator)
    question = await server.ann.send(server.channel, "when does the library open")
    form = await server.moderator.context_menu(server.channel, TEACH, question)
    assert "waits" in await fill_in(server.moderator, form, None, "At nine.")
    [taught] = await server.waiting()
    assert set(taught.author_keys) == {server.key_of(server.ann), server.key_of(server.moderator)}
    await server.ann.delete(question)
    assert not await server.waiting()


async def test_nothing_is_taught_of_who_has_not_allowed_it(server: Server) -> None:
    server.expects_errors = True
    await server.allow(server.moderator)
    question = await server.ann.send(server.channel, "when does the library open")
    form = await server.moderator.context_menu(server.channel, TEACH, question)
    assert "not allowed" in await fill_in(server.moderator, form, None, "At nine.")
    assert not await server.waiting()


async def test_another_members_message_is_not_a_members_to_teach_or_keep_out(server: Server) -> None:
    server.expects_errors = True
    await server.allow(server.ann, server.bob)
    answer = await server.say("hello", server.ann)
    for menu in (TEACH, KEEP_OUT):
        assert "not yours" in told(await server.bob.context_menu(server.channel, menu, answer))
    assert len(await server.waiting()) == 1


async def test_what_was_kept_out_is_dropped_and_makes_no_example_any_more(server: Server) -> None:
    server.expects_errors = True
    await server.allow(server.ann)
    answer = await server.say("hello")
    assert "will not learn" in told(await server.ann.context_menu(server.channel, KEEP_OUT, answer))
    assert not await server.waiting()
    assert "not to learn" in told(await server.ann.context_menu(server.channel, TEACH, answer))


async def test_a_moderator_keeps_out_a_message_that_was_not_to_the_bot(server: Server) -> None:
    server.expects_errors = True
    await server.allow(server.ann)
    message = await server.ann.send(server.channel, "my secret plan")
    assert "will not learn" in told(await server.moderator.context_menu(server.channel, KEEP_OUT, message))
    assert "not to learn" in told(await server.ann.context_menu(server.channel, TEACH, message))


async def kept_out_for_good(server: Server, message: Any) -> None:
    """Nothing is learnt from it, also when somebody tries by hand."""
    assert "not to learn" in told(await server.ann.context_menu(server.channel, TEACH, message))
    assert not any("plan" in str(one.messages) for one in await server.waiting())


@pytest.mark.parametrize("words", ["my other plan", "my secret plan!"], ids=["other words", "nearly the same"])
async def test_what_was_kept_out_stays_out_when_it_is_edited_later(server: Server, words: str) -> None:
    server.expects_errors = True
    await server.allow(server.ann)
    question = await server.ann.send(server.channel, f"{server.me} my secret plan")
    await server.ann.context_menu(server.channel, KEEP_OUT, question)
    await server.ann.edit(question, f"{server.me} {words}")
    await kept_out_for_good(server, question)
    await server.say("what did I say?")
    assert not any("plan" in message.text for message in server.engine.seen[-1])
    await kept_out_for_good(server, question)


async def test_a_message_that_was_never_stored_stays_out_when_it_is_edited_later(server: Server) -> None:
    server.expects_errors = True
    await server.allow(server.ann)
    message = await server.ann.send(server.channel, "my secret plan")
    assert "will not learn" in told(await server.ann.context_menu(server.channel, KEEP_OUT, message))
    await server.ann.edit(message, "my other plan")
    await kept_out_for_good(server, message)
    await server.env.restart_bot(MynahBot(server.parts))
    await kept_out_for_good(server, message)


async def test_a_message_stays_out_when_its_row_is_gone_and_it_is_taught_again(server: Server) -> None:
    server.expects_errors = True
    await server.allow(server.ann, server.moderator)
    question = await server.ann.send(server.channel, f"{server.me} my secret plan")
    await server.ann.context_menu(server.channel, KEEP_OUT, question)
    await server.parts.store.conversations.delete(server.key, [str(question.id)])
    await kept_out_for_good(server, question)
    assert "not to learn" in told(await server.moderator.context_menu(server.channel, TEACH, question))


async def test_a_form_that_was_open_when_the_message_was_kept_out_teaches_nothing(server: Server) -> None:
    server.expects_errors = True
    await server.allow(server.ann)
    message = await server.ann.send(server.channel, "my secret plan")
    form = await server.ann.context_menu(server.channel, TEACH, message)
    await server.ann.context_menu(server.channel, KEEP_OUT, message)
    assert "not to learn" in await fill_in(server.ann, form, None, "Tell me more.")
    assert not await server.waiting()


async def test_an_answer_that_has_no_row_any_more_is_kept_out_by_who_asked_for_it(server: Server) -> None:
    await server.allow(server.ann)
    answer = await server.say("my secret plan")
    await server.parts.store.conversations.delete(server.key, [str(answer.id)])
    assert "will not learn" in told(await server.ann.context_menu(server.channel, KEEP_OUT, answer))
    assert not await server.waiting()


async def test_who_kept_something_out_is_in_the_audit_log(server: Server) -> None:
    message = await server.ann.send(server.channel, "my secret plan")
    await server.moderator.context_menu(server.channel, KEEP_OUT, message)
    [entry] = await server.parts.store.audit.latest(action="keep out")
    assert (entry.actor, entry.server) == (server.key_of(server.moderator), server.key)
    assert entry.subject == f"message {message.id}"
    assert "plan" not in str(entry)
