from typing import Any

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
