from pathlib import Path

import pytest

from bot.cogs.client import MynahBot
from storage.store import Store
from storage.values import CandidateState, Decision, Outcome, Verdict
from tests.bot.cogs.reviewing import NOTHING, fill, items, labels, press, reject, shown, talk, told, waits, walk
from tests.bot.cogs.server import Server, open_server
from tests.fakes.clock import FakeClock


async def states(server: Server) -> tuple[int, int, int]:
    """How many wait, are approved, are rejected."""
    counts = await server.parts.store.candidates.counts()
    return counts[CandidateState.WAITING], counts[CandidateState.APPROVED], counts[CandidateState.REJECTED]


async def test_the_card_shows_exchange_screens_votes_and_source_to_the_moderator_only(server: Server) -> None:
    await talk(server, "something *dubious*")
    [candidate] = await server.waiting()
    assert candidate.assistant_turn_id is not None
    await server.parts.store.votes.cast(candidate.assistant_turn_id, "bob", -1)
    result = await walk(server)
    assert result.response.ephemeral
    said = shown(result)
    assert r"> something \*dubious\*" in said
    assert "Please look closely" in said
    assert "probably an insult (60%)" in said
    assert "👍 0  👎 1" in said
    assert "a message" in said
    assert str(result.response.embeds[0].url).endswith(str(server.channel.id) + "/" + await _external_id(server))


async def _external_id(server: Server) -> str:
    [candidate] = await server.waiting()
    turn = await server.parts.store.conversations.turn(candidate.user_turn_id or 0)
    assert turn is not None
    return str(turn.external_id)


async def test_approving_shows_the_next_card_and_then_the_end(server: Server) -> None:
    await talk(server, "tell me of cats", "how far is the moon")
    card = await walk(server)
    await press(server.moderator, card.response.message, "Approve")
    assert "Approved." in shown(card)
    assert "May I learn this?" in shown(card)
    await reject(server.moderator, card.response.message, "poor")
    assert shown(card) == f"Rejected.\n{NOTHING}"
    assert await states(server) == (0, 1, 1)


async def test_next_decides_nothing_and_what_was_passed_over_comes_again(server: Server) -> None:
    await talk(server, "tell me of cats", "how far is the moon")
    card = await walk(server)
    first = card.response.embeds[0].title
    await press(server.moderator, card.response.message, "Next")
    assert card.response.embeds[0].title != first
    assert not card.response.content
    await press(server.moderator, card.response.message, "Next")
    assert "passed over still waits" in shown(card)
    await press(server.moderator, card.response.message, "From the beginning")
    assert card.response.embeds[0].title == first
    assert await states(server) == (2, 0, 0)


async def test_undo_brings_the_last_decision_back(server: Server) -> None:
    await talk(server, "tell me of cats")
    card = await walk(server)
    title = card.response.embeds[0].title
    await press(server.moderator, card.response.message, "Approve")
    await press(server.moderator, card.response.message, "Undo")
    assert card.response.embeds[0].title == title
    assert "Took back" in shown(card)
    assert await states(server) == (1, 0, 0)


async def test_undo_takes_back_nobody_elses_decision(server: Server) -> None:
    await talk(server, "tell me of cats", "how far is the moon")
    mine = await walk(server, server.moderator)
    await press(server.moderator, mine.response.message, "Approve")
    other = await walk(server, server.other_moderator)
    await press(server.other_moderator, other.response.message, "Undo")
    assert "no decision of yours" in shown(other)
    assert await states(server) == (1, 1, 0)


async def test_editing_approves_the_moderators_words(server: Server) -> None:
    await talk(server, "first")
    card = await walk(server)
    form = await press(server.moderator, card.response.message, "Edit")
    assert form.modal["components"][0]["components"][0]["value"] == "You said: first"
    await fill(server.moderator, form, "Better words")
    [approved] = await server.parts.store.candidates.by_state(CandidateState.APPROVED)
    assert approved.messages[-1].text == "Better words"
    [review] = await server.parts.store.candidates.reviews(approved.id)
    assert (review.decision, review.reviewer_key) == (Decision.EDIT, server.key_of(server.moderator))
    await press(server.moderator, card.response.message, "Undo")
    assert "You said: first" in shown(card)


@pytest.mark.parametrize("words", ["damn", "x\0"], ids=["toxic", "unreadable"])
async def test_an_edit_that_is_refused_says_why_and_keeps_the_card(server: Server, words: str) -> None:
    await talk(server, "first")
    card = await walk(server)
    form = await press(server.moderator, card.response.message, "Edit")
    await fill(server.moderator, form, words)
    assert "⚠️" in shown(card)
    assert "You said: first" in shown(card)
    assert await states(server) == (1, 0, 0)


async def test_a_reason_in_own_words_is_kept(server: Server) -> None:
    await talk(server, "first")
    card = await walk(server)
    form = await reject(server.moderator, card.response.message, "other")
    await fill(server.moderator, form, "It reads like an advertisement")
    assert "Rejected." in shown(card)
    [review] = await server.parts.store.candidates.reviews(1)
    assert review.reason == "It reads like an advertisement"


async def test_two_moderators_on_one_card_cannot_both_decide(server: Server) -> None:
    await talk(server, "first")
    one, two = await walk(server, server.moderator), await walk(server, server.other_moderator)
    await press(server.moderator, one.response.message, "Approve")
    await reject(server.other_moderator, two.response.message, "spam")
    assert "decided a moment ago: it is approved" in shown(two)
    assert server.moderator.name not in shown(two).split()
    assert await states(server) == (0, 1, 0)


async def test_pressing_twice_decides_once(server: Server) -> None:
    await talk(server, "first", "how far is the moon")
    card = await walk(server)
    message = card.response.message
    [approve] = [item.custom_id for item in items(message) if getattr(item, "label", "") == "Approve"]
    await server.moderator.click(message, custom_id=approve)
    again = await server.parts.desk.stats(server.key)
    assert sum(day.approved for day in again.days) == 1
    form = await press(server.moderator, card.response.message, "Edit")
    await press(server.moderator, card.response.message, "Approve")
    await fill(server.moderator, form, "Late words")
    assert "decided a moment ago" in shown(card)
    assert await states(server) == (0, 2, 0)


async def test_words_that_were_edited_since_are_not_approved_unseen(server: Server) -> None:
    await server.parts.store.server_settings.set(server.key, "quorum", 2, "admin")
    await talk(server, "first")
    one, two = await walk(server, server.moderator), await walk(server, server.other_moderator)
    form = await press(server.moderator, one.response.message, "Edit")
    await fill(server.moderator, form, "Other words")
    await press(server.other_moderator, two.response.message, "Approve")
    assert "edited a moment ago" in shown(two)
    assert "> Other words" in shown(two)
    assert await states(server) == (1, 0, 0)


async def test_with_a_quorum_of_two_nobody_approves_alone(server: Server) -> None:
    await server.parts.store.server_settings.set(server.key, "quorum", 2, "admin")
    await talk(server, "first")
    one = await walk(server, server.moderator)
    assert "0 of 2 approvals" in shown(one)
    await press(server.moderator, one.response.message, "Approve")
    assert "1 of 2 approvals" in shown(one)
    assert NOTHING in shown(one)
    two = await walk(server, server.other_moderator)
    assert "1 of 2 approvals" in shown(two)
    await press(server.other_moderator, two.response.message, "Approve")
    assert await states(server) == (0, 1, 0)


async def test_moderators_never_see_their_own_words(server: Server) -> None:
    await server.allow(server.moderator)
    await server.say("my own words", server.moderator)
    assert (await walk(server, server.moderator)).response.content == NOTHING
    assert "my own words" in shown(await walk(server, server.other_moderator))


async def test_approving_all_says_how_many_and_which_were_not_and_why(server: Server) -> None:
    await waits(server, "What is the capital of France?", "It is Paris, on the Seine.")
    await waits(server, "What is the capital of France??", "It is Paris, on the Seine.", author=server.bob)
    own = await waits(server, "What is the capital of France!", "It is Paris, on the Seine.", author=server.moderator)
    doubted = await waits(
        server,
        "What is the capital of France...",
        "It is Paris, on the Seine.",
        author=server.other_moderator,
        verdict=Verdict(Outcome.HOLD, "x", ("toxicity:insult",), {"insult": 0.6}),
    )
    card = await walk(server)
    if f"· {doubted.id}" in shown(card):  # the most doubtful comes first
        await press(server.moderator, card.response.message, "Next")
    await press(server.moderator, card.response.message, "Approve all 4")
    said = shown(card)
    assert "Approved 2." in said
    assert f"Not 1 (your own words): {own.id}." in said
    assert f"Not 1 (the screens doubt them more than the one you saw): {doubted.id}." in said
    await press(server.moderator, card.response.message, "Undo")
    assert "Took back 2 decisions" in shown(card)
    assert await states(server) == (4, 0, 0)


async def test_rejecting_all_rejects_the_cluster(server: Server) -> None:
    for mark in ("", "?", "!"):
        await waits(server, f"Buy cheap followers here now{mark}", "Follow the link for cheap followers")
    card = await walk(server)
    await reject(server.moderator, card.response.message, "spam", everything=True)
    assert "Rejected 3." in shown(card)
    assert await states(server) == (0, 0, 3)


async def test_blocking_asks_first_and_then_rejects_what_waits(server: Server) -> None:
    await talk(server, "first", "how far is the moon")
    card = await walk(server)
    asked = await press(server.moderator, card.response.message, "Block the member…")
    assert asked.ephemeral
    assert await states(server) == (2, 0, 0)
    question = (asked.followups or [asked.response])[-1]
    await press(server.moderator, question.message, "Block who said it")
    assert await states(server) == (0, 0, 2)
    assert await server.parts.store.blocks.is_blocked(server.key, server.key_of(server.ann))
    await press(server.moderator, card.response.message, "Approve")
    assert "decided a moment ago" in shown(card)


async def test_of_a_correction_either_member_can_be_blocked(server: Server) -> None:
    await talk(server, "hello")
    await server.allow(server.bob)
    [candidate] = await server.waiting()
    await server.parts.chat.correct(candidate.assistant_turn_id or 0, server.key_of(server.bob), "Good day!")
    card = await walk(server)
    assert "a better answer by a member" in shown(card)
    asked = await press(server.moderator, card.response.message, "Block the member…")
    question = (asked.followups or [asked.response])[-1]
    assert labels(question.message) == ["Block who said it", "Block who wrote the better answer"]
    await press(server.moderator, question.message, "Block who wrote the better answer")
    assert await server.parts.store.blocks.is_blocked(server.key, server.key_of(server.bob))
    assert not await server.parts.store.blocks.is_blocked(server.key, server.key_of(server.ann))


async def test_consent_withdrawn_before_the_click_wins(server: Server) -> None:
    await talk(server, "first")
    card = await walk(server)
    await server.parts.store.consents.set(server.key, server.key_of(server.ann), allowed=False)
    await press(server.moderator, card.response.message, "Approve")
    assert NOTHING in shown(card)
    assert await states(server) == (0, 0, 1)


@pytest.mark.parametrize("label", ["Approve", "Next", "Edit", "Block the member…"])
async def test_a_card_of_a_deleted_message_says_so(server: Server, label: str) -> None:
    await server.allow(server.ann)
    question = await server.ann.send(server.channel, f"{server.me} first")
    card = await walk(server)
    await server.ann.delete(question)
    late = await press(server.moderator, card.response.message, label)
    said = shown(card) + told(late)
    assert NOTHING in said or "no candidate" in said


@pytest.mark.parametrize(
    "text",
    ["word " * 790, "*" * 3900, "a\n" * 1900, "😀" * 1900, "<@1> " * 780, "```\n# x\n" * 400],
    ids=["words", "stars", "lines", "wide", "mentions", "fences"],
)
async def test_a_long_exchange_stays_within_the_limits_and_whole_behind_a_button(
    store: Store, clock: FakeClock, tmp_path: Path, text: str
) -> None:
    async with open_server(store, clock, tmp_path / "home") as server:
        await waits(server, text, text)
        card = await walk(server)
        embed = card.response.embeds[0]
        assert len(embed.description or "") <= 4096
        assert len(embed) <= 6000
        whole = await press(server.moderator, card.response.message, "Whole text")
        [file] = (whole.followups or [whole.response])[-1].attachments
        assert file.filename == "candidate-1.txt"
        assert whole.ephemeral


async def test_every_control_of_a_card_works_after_a_restart(server: Server) -> None:
    await talk(server, "tell me of cats", "how far is the moon", "who wrote the odyssey")
    card = await walk(server)
    await server.env.restart_bot(MynahBot(server.parts))
    await press(server.moderator, card.response.message, "Approve")
    await server.env.restart_bot(MynahBot(server.parts))
    await reject(server.moderator, card.response.message, "wrong")
    await server.env.restart_bot(MynahBot(server.parts))
    await press(server.moderator, card.response.message, "Undo")
    assert await states(server) == (2, 1, 0)
