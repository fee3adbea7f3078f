from typing import Any

import pytest

from bot.cogs.client import MynahBot
from bot.cogs.review_channel import OPEN_CARDS, ReviewChannel
from storage.values import CandidateState
from tests.bot.cogs.reviewing import fill, labels, press, reject, shown, talk, told, waits, walk
from tests.bot.cogs.server import Server


@pytest.fixture
async def channel(server: Server) -> Any:
    """The review channel of the server."""
    made = server.guild.create_text_channel("review")
    await server.parts.store.server_settings.set(server.key, "review_channel", str(made.id), "admin")
    return made


async def look(server: Server) -> None:
    """Let the bot look at its review channels now."""
    cog = server.env.bot.get_cog("ReviewChannel")
    assert isinstance(cog, ReviewChannel)
    await cog.look()


def cards(channel: Any) -> list[Any]:
    return [message for message in channel.history() if message.embeds and not message.flags.ephemeral]


async def test_what_waits_is_posted_by_itself_once(server: Server, channel: Any) -> None:
    await talk(server, "tell me of cats")
    await server.env.advance_time(11)
    [card] = cards(channel)
    assert "> tell me of cats" in shown(card)
    await look(server)
    assert len(cards(channel)) == 1


async def test_no_channel_no_cards(server: Server) -> None:
    await talk(server, "tell me of cats")
    await look(server)
    assert not any(message.embeds for message in server.channel.history())


async def test_only_so_many_cards_are_open_and_a_decision_makes_room(server: Server, channel: Any) -> None:
    for number in range(OPEN_CARDS + 2):
        await waits(server, f"{number} {'abcdefghijkl'[number] * 9}", f"{'mnopqrstuvwx'[number] * 9} {number}")
    await look(server)
    assert len(cards(channel)) == OPEN_CARDS
    await press(server.moderator, cards(channel)[0], "Approve")
    await look(server)
    assert len(cards(channel)) == OPEN_CARDS + 1


async def test_a_decided_card_says_so_and_can_be_undone_by_who_decided(server: Server, channel: Any) -> None:
    await talk(server, "tell me of cats")
    await look(server)
    [card] = cards(channel)
    await press(server.moderator, card, "Approve")
    [card] = cards(channel)
    assert "Approved" in shown(card)
    assert labels(card) == ["Undo"]
    refused = await press(server.other_moderator, card, "Undo")
    assert "no decision of yours" in told(refused)
    await press(server.moderator, card, "Undo")
    [card] = cards(channel)
    assert "May I learn this?" in shown(card)
    assert len(await server.waiting()) == 1


async def test_a_rejected_card_shows_the_words_no_more(server: Server, channel: Any) -> None:
    await talk(server, "a secret of somebody")
    await look(server)
    await reject(server.moderator, cards(channel)[0], "private")
    [card] = cards(channel)
    assert "Not learnt" in shown(card)
    assert "secret" not in shown(card)


async def test_two_moderators_on_one_candidate_cannot_both_decide(server: Server, channel: Any) -> None:
    await talk(server, "tell me of cats")
    await look(server)
    mine = await walk(server, server.other_moderator)
    await press(server.moderator, cards(channel)[0], "Approve")
    await reject(server.other_moderator, mine.response.message, "spam")
    assert "decided a moment ago: it is approved" in shown(mine)
    counts = await server.parts.store.candidates.counts()
    assert (counts[CandidateState.APPROVED], counts[CandidateState.REJECTED]) == (1, 0)


async def test_a_form_that_was_open_while_another_decided_changes_nothing(server: Server, channel: Any) -> None:
    await talk(server, "tell me of cats")
    await look(server)
    form = await press(server.other_moderator, cards(channel)[0], "Edit")
    await reject(server.moderator, cards(channel)[0], "spam")
    late = await fill(server.other_moderator, form, "Cats sleep a lot.")
    assert "decided a moment ago: it is rejected" in told(late)
    assert "Not learnt" in shown(cards(channel)[0])


async def test_a_decision_in_private_shows_on_the_posted_card(server: Server, channel: Any) -> None:
    await talk(server, "tell me of cats")
    await look(server)
    mine = await walk(server)
    await press(server.moderator, mine.response.message, "Approve")
    assert "Approved" in shown(cards(channel)[0])


async def test_a_decision_elsewhere_shows_at_the_next_look(server: Server, channel: Any) -> None:
    await talk(server, "tell me of cats")
    await look(server)
    [candidate] = await server.waiting()
    await server.parts.desk.reject(candidate.id, "operator")
    await look(server)
    assert "Not learnt" in shown(cards(channel)[0])


async def test_the_card_of_deleted_words_is_taken_down(server: Server, channel: Any) -> None:
    await server.allow(server.ann)
    question = await server.ann.send(server.channel, f"{server.me} tell me of cats")
    await look(server)
    await server.ann.delete(question)
    await look(server)
    assert not cards(channel)


async def test_a_press_on_the_card_of_deleted_words_takes_it_down(server: Server, channel: Any) -> None:
    await server.allow(server.ann)
    question = await server.ann.send(server.channel, f"{server.me} tell me of cats")
    await look(server)
    await server.ann.delete(question)
    late = await press(server.moderator, cards(channel)[0], "Approve")
    assert "no candidate" in told(late)
    assert not cards(channel)


async def test_a_card_that_somebody_deleted_is_posted_again(server: Server, channel: Any) -> None:
    await talk(server, "tell me of cats")
    await look(server)
    await server.moderator.delete(cards(channel)[0])
    await look(server)
    assert len(cards(channel)) == 1


async def test_cards_work_and_are_followed_after_a_restart(server: Server, channel: Any) -> None:
    await talk(server, "tell me of cats")
    await look(server)
    await server.env.restart_bot(MynahBot(server.parts))
    await press(server.moderator, cards(channel)[0], "Approve")
    assert "Approved" in shown(cards(channel)[0])
    await look(server)
    assert len(cards(channel)) == 1


async def test_approving_all_brings_every_card_of_the_cluster_up_to_date(server: Server, channel: Any) -> None:
    for mark in ("", "?", "!"):
        await waits(server, f"What is the capital of France{mark}", "It is Paris, on the Seine.")
    await look(server)
    assert len(cards(channel)) == 3
    pressed = await press(server.moderator, cards(channel)[0], "Approve all 3")
    assert "Approved 3." in told(pressed)
    assert all("Approved" in shown(card) for card in cards(channel))


async def test_an_edit_on_a_posted_card_shows_the_new_words(server: Server, channel: Any) -> None:
    await talk(server, "tell me of cats")
    await look(server)
    form = await press(server.moderator, cards(channel)[0], "Edit")
    await fill(server.moderator, form, "Cats sleep a lot.")
    assert "Cats sleep a lot" in shown(cards(channel)[0])


async def test_the_quorum_is_counted_on_the_card(server: Server, channel: Any) -> None:
    await server.parts.store.server_settings.set(server.key, "quorum", 2, "admin")
    await talk(server, "tell me of cats")
    await look(server)
    await press(server.moderator, cards(channel)[0], "Approve")
    assert "1 of 2 approvals" in shown(cards(channel)[0])
    twice = await press(server.moderator, cards(channel)[0], "Approve")
    assert "You approved this one already" in told(twice)
    await press(server.other_moderator, cards(channel)[0], "Approve")
    assert "Approved" in shown(cards(channel)[0])


async def test_members_who_see_the_channel_decide_nothing_and_nobody_their_own_words(
    server: Server, channel: Any
) -> None:
    await server.allow(server.moderator)
    await server.say("my own words", server.moderator)
    await look(server)
    [card] = cards(channel)
    assert "Only moderators" in told(await press(server.ann, card, "Approve"))
    assert "own words" in told(await press(server.moderator, card, "Approve"))
    assert len(await server.waiting()) == 1


async def test_the_queue_can_be_walked_in_private_from_a_card(server: Server, channel: Any) -> None:
    await talk(server, "tell me of cats")
    await look(server)
    pressed = await press(server.moderator, cards(channel)[0], "Walk the queue in private")
    assert pressed.ephemeral
    assert len(cards(channel)) == 1


async def test_quiet_hours_post_nothing_but_still_take_words_down(server: Server, channel: Any) -> None:
    await talk(server, "tell me of cats")
    await look(server)
    await server.parts.store.server_settings.set(server.key, "quiet_hours", "00:00-23:59", "admin")
    [candidate] = await server.waiting()
    await server.parts.desk.reject(candidate.id, "operator")
    await waits(server, "how far is the moon")
    await look(server)
    assert ["Not learnt" in shown(card) for card in cards(channel)] == [True]


async def test_a_channel_that_is_gone_stops_nothing(server: Server) -> None:
    await server.parts.store.server_settings.set(server.key, "review_channel", "123456789", "admin")
    await talk(server, "tell me of cats")
    await look(server)
    assert len(await server.waiting()) == 1
