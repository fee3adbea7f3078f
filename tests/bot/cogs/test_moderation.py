from pathlib import Path
from typing import Any

from bot.cogs.client import MynahBot
from bot.settings import DiscordSettings
from storage.store import Store
from storage.values import CandidateState, Decision, Message, NewCandidate, Outcome, Role, Source, Verdict
from tests.bot.cogs.server import Server, make_parts, open_server
from tests.fakes.clock import FakeClock

NOBODY = "Only moderators may do that. Ask the people who run this server."
NOTHING = "Nothing waits for you to review. 🎉"


async def talk(server: Server, *texts: str) -> None:
    """Let ann, who allows it, say some things: each waits for review."""
    await server.allow(server.ann)
    for text in texts:
        await server.parts.chat.reset(server.key, str(server.channel.id))
        await server.say(text)


def card(result: Any) -> str:
    """What the moderator's card says now."""
    message = result.response.message
    return str(message.embeds[0].description) if message.embeds else str(message.content)


async def test_discord_hides_the_command_from_members(server: Server) -> None:
    assert "review" not in server.ann.available_commands(server.channel)
    assert "review" in server.moderator.available_commands(server.channel)


async def test_a_member_whom_discord_lets_through_is_still_refused(server: Server) -> None:
    server.expects_errors = True
    await talk(server, "hello")
    admin_only = DiscordSettings(moderator_role_ids=(1,), admin_role_ids=(2,), permission_to_train_confirmed=True)
    parts = make_parts(
        server.parts.store,
        server.parts.clock,
        Path(),
        admin_only,
        server.engine,
        server.screening,
    )
    await server.env.restart_bot(MynahBot(parts))
    result = await server.moderator.slash(server.channel, "review")
    assert result.response.content == NOBODY
    assert result.ephemeral


async def test_a_configured_role_counts_and_discords_own_permission_does_not(
    store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    async with open_server(store, clock, tmp_path / "home") as server:
        settings = DiscordSettings(moderator_role_ids=(server.moderators.id,), admin_role_ids=(9,))
        parts = make_parts(store, clock, tmp_path, settings, server.engine, server.screening)
        await server.env.restart_bot(MynahBot(parts))
        assert (await server.moderator.slash(server.channel, "review")).response.content == NOTHING
        server.expects_errors = True
        result = await server.admin.slash(server.channel, "retrain now")
        assert "Only admins" in result.response.content


async def test_a_button_is_refused_to_who_lost_the_role(server: Server) -> None:
    await talk(server, "hello")
    shown = await server.moderator.slash(server.channel, "review")
    stripped = DiscordSettings(moderator_role_ids=(1,), admin_role_ids=(2,))
    parts = make_parts(
        server.parts.store,
        server.parts.clock,
        Path(),
        stripped,
        server.engine,
        server.screening,
    )
    await server.env.restart_bot(MynahBot(parts))
    for label in ("Approve", "Edit", "Reject", "Next"):
        pressed = await server.moderator.click(shown.response.message, label=label)
        assert pressed.response.content == NOBODY
    assert len(await server.waiting()) == 1


async def test_review_is_no_command_of_direct_messages(server: Server) -> None:
    user = server.env.create_user("carl")
    assert "review" not in user.available_commands()
    assert not any(name.startswith(("retrain", "model")) for name in user.available_commands())


async def test_an_empty_queue_says_so(server: Server) -> None:
    result = await server.moderator.slash(server.channel, "review")
    assert result.ephemeral
    assert result.response.content == NOTHING


async def test_the_card_shows_exchange_scores_and_votes_to_the_moderator_only(server: Server) -> None:
    await talk(server, "something *dubious*")
    [candidate] = await server.waiting()
    assert candidate.assistant_turn_id is not None
    await server.parts.store.votes.cast(candidate.assistant_turn_id, "bob", -1)
    result = await server.moderator.slash(server.channel, "review")
    assert result.response.ephemeral
    embed = result.response.embeds[0]
    assert r"**Person:** something \*dubious\*" in embed.description
    assert "**Mynah:** You said: something" in embed.description
    fields = {field.name: field.value for field in embed.fields}
    assert "hold" in fields["Screening"]
    assert "insult 0.60" in fields["Screening"]
    assert fields["Votes"] == "👍 0  👎 1"


async def test_approving_shows_the_next_card_and_then_the_end(server: Server) -> None:
    await talk(server, "first", "second")
    shown = await server.moderator.slash(server.channel, "review")
    assert "first" in card(shown)
    await server.moderator.click(shown.response.message, label="Approve")
    assert "second" in card(shown)
    await server.moderator.click(shown.response.message, label="Reject")
    assert card(shown) == NOTHING
    counts = await server.parts.store.candidates.counts()
    assert (counts[CandidateState.APPROVED], counts[CandidateState.REJECTED]) == (1, 1)


async def test_next_decides_nothing(server: Server) -> None:
    await talk(server, "first", "second")
    shown = await server.moderator.slash(server.channel, "review")
    await server.moderator.click(shown.response.message, label="Next")
    assert "second" in card(shown)
    assert len(await server.waiting()) == 2


async def test_editing_approves_the_moderators_words(server: Server) -> None:
    await talk(server, "first")
    shown = await server.moderator.slash(server.channel, "review")
    form = await server.moderator.click(shown.response.message, label="Edit")
    [row] = form.modal["components"]
    assert row["components"][0]["value"] == "You said: first"
    await server.moderator.submit_modal(form, {row["components"][0]["custom_id"]: "Better words"})
    [approved] = await server.parts.store.candidates.by_state(CandidateState.APPROVED)
    assert approved.messages[-1].text == "Better words"
    [review] = await server.parts.store.candidates.reviews(approved.id)
    assert (review.decision, review.reviewer_key) == (Decision.EDIT, server.key_of(server.moderator))


async def test_editing_to_toxic_words_is_refused_with_the_reason(server: Server) -> None:
    await talk(server, "first")
    shown = await server.moderator.slash(server.channel, "review")
    form = await server.moderator.click(shown.response.message, label="Edit")
    [row] = form.modal["components"]
    refused = await server.moderator.submit_modal(form, {row["components"][0]["custom_id"]: "damn"})
    assert "toxicity:insult" in refused.followups[-1].content
    assert "first" in card(shown)
    assert len(await server.waiting()) == 1


async def test_two_moderators_on_one_card_cannot_both_decide(server: Server) -> None:
    await talk(server, "first")
    one = await server.moderator.slash(server.channel, "review")
    two = await server.other_moderator.slash(server.channel, "review")
    await server.moderator.click(one.response.message, label="Approve")
    late = await server.other_moderator.click(two.response.message, label="Reject")
    assert "decided this one already" in late.followups[-1].content
    counts = await server.parts.store.candidates.counts()
    assert (counts[CandidateState.APPROVED], counts[CandidateState.REJECTED]) == (1, 0)


async def test_moderators_never_see_their_own_words(server: Server) -> None:
    await server.allow(server.moderator)
    await server.say("my own words", server.moderator)
    assert (await server.moderator.slash(server.channel, "review")).response.content == NOTHING
    other = await server.other_moderator.slash(server.channel, "review")
    assert "my own words" in card(other)


async def test_another_servers_candidates_are_not_shown(server: Server) -> None:
    await server.parts.store.consents.set("other", "carl", allowed=True)
    messages = (Message(Role.USER, "elsewhere"), Message(Role.ASSISTANT, "yes"))
    verdict = Verdict(Outcome.PASS, "yes")
    await server.parts.store.candidates.add(
        NewCandidate(messages, "other", "channel", Source.MESSAGE, verdict, author_keys=("carl",))
    )
    assert (await server.moderator.slash(server.channel, "review")).response.content == NOTHING


async def test_consent_withdrawn_before_the_click_wins(server: Server) -> None:
    await talk(server, "first")
    shown = await server.moderator.slash(server.channel, "review")
    await server.parts.store.consents.set(server.key, server.key_of(server.ann), allowed=False)
    late = await server.moderator.click(shown.response.message, label="Approve")
    assert late.followups
    assert (await server.parts.store.candidates.counts())[CandidateState.APPROVED] == 0


async def test_a_card_of_a_deleted_message_says_so(server: Server) -> None:
    await server.allow(server.ann)
    question = await server.ann.send(server.channel, f"{server.me} first")
    shown = await server.moderator.slash(server.channel, "review")
    await server.ann.delete(question)
    late = await server.moderator.click(shown.response.message, label="Approve")
    assert "no candidate" in late.followups[-1].content


async def test_a_long_exchange_is_attached_whole(store: Store, clock: FakeClock, tmp_path: Path) -> None:
    long = "word " * 790
    async with open_server(store, clock, tmp_path / "home", script={"go": long}) as server:
        await talk(server, "go")
        shown = await server.moderator.slash(server.channel, "review")
        assert "attached file" in card(shown)
        assert [file.filename for file in shown.response.attachments] == ["candidate-1.txt"]


async def test_the_buttons_of_a_card_work_after_a_restart(server: Server) -> None:
    await talk(server, "first")
    shown = await server.moderator.slash(server.channel, "review")
    await server.env.restart_bot(MynahBot(server.parts))
    await server.moderator.click(shown.response.message, label="Approve")
    assert (await server.parts.store.candidates.counts())[CandidateState.APPROVED] == 1
