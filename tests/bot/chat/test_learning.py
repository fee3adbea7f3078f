import asyncio

import pytest

from bot.chat import sentences
from bot.chat.values import CorrectionOutcome, ReplyKind
from bot.settings import ChatSettings
from storage.errors import DatabaseBusy, Refused
from storage.store import Store
from storage.values import CandidateState, NewCandidate, Outcome, Source
from tests.bot.chat.conversing import CHANNEL, SERVER, Chat, HeldEngine
from tests.fakes.clock import FakeClock
from tests.fakes.engine import ScriptedEngine


async def test_without_a_decision_nothing_is_learnt(chat: Chat) -> None:
    reply = await chat.say("Hello")
    assert reply.kind is ReplyKind.ANSWER
    assert reply.candidate_id is None
    assert not await chat.candidates()


async def test_after_a_denial_nothing_is_learnt(chat: Chat) -> None:
    await chat.deny("ann")
    assert (await chat.say("Hello")).candidate_id is None
    assert not await chat.candidates()


async def test_consent_in_another_server_does_not_count(chat: Chat) -> None:
    await chat.service.set_consent("elsewhere", chat.store.author_key("ann"), allowed=True)
    assert (await chat.say("Hello")).candidate_id is None


async def test_where_the_operator_has_not_turned_learning_on_consent_does_not_count(chat: Chat) -> None:
    await chat.allow("ann")
    chat.learning_servers.clear()
    assert (await chat.say("Hello")).candidate_id is None
    assert not await chat.candidates()


@pytest.mark.parametrize("text", ["damn you", "it is all hopeless"], ids=["toxic", "crisis"])
async def test_refused_words_are_never_learnt(chat: Chat, text: str) -> None:
    await chat.allow("ann")
    assert (await chat.say(text)).candidate_id is None
    assert not await chat.candidates()


async def test_a_refused_answer_is_never_learnt(store: Store, clock: FakeClock) -> None:
    chat = Chat(store, clock, ScriptedEngine({"Hi": "damn"}))
    await chat.allow("ann")
    assert (await chat.say("Hi")).candidate_id is None
    assert not await chat.candidates()


async def test_with_consent_an_exchange_waits_for_review(chat: Chat) -> None:
    await chat.allow("ann")
    reply = await chat.say("Hello")
    [candidate] = await chat.candidates()
    assert candidate.id == reply.candidate_id
    assert [message.text for message in candidate.messages] == ["Hello", "You said: Hello"]
    assert candidate.author_keys == (chat.store.author_key("ann"),)
    assert (candidate.state, candidate.source) == (CandidateState.WAITING, Source.MESSAGE)
    assert (candidate.user_turn_id, candidate.assistant_turn_id) == (reply.user_turn_id, reply.assistant_turn_id)


async def test_private_data_is_learnt_only_as_a_placeholder_and_held(chat: Chat) -> None:
    await chat.allow("ann")
    await chat.say("I am ann@example.org")
    [candidate] = await chat.candidates()
    assert candidate.messages[0].text == "I am [email]"
    assert candidate.verdict.outcome is Outcome.HOLD


async def test_a_candidate_keeps_the_strictest_verdict_of_all_its_words(chat: Chat) -> None:
    await chat.allow("ann")
    await chat.say("something dubious")
    await chat.say("Hello")
    candidates = await chat.candidates()
    assert [candidate.verdict.outcome for candidate in candidates] == [Outcome.HOLD, Outcome.HOLD]
    assert candidates[-1].verdict.scores == {"insult": 0.6}


async def test_context_of_others_who_did_not_consent_is_dropped(chat: Chat) -> None:
    await chat.allow("ann")
    await chat.say("I am bob", "bob")
    await chat.say("Hello", "ann")
    [candidate] = await chat.candidates()
    assert [message.text for message in candidate.messages] == ["Hello", "You said: Hello"]
    assert candidate.author_keys == (chat.store.author_key("ann"),)


async def test_context_of_others_who_consented_is_kept_with_their_names(chat: Chat) -> None:
    await chat.allow("ann", "bob")
    await chat.say("I am bob", "bob")
    await chat.say("Hello", "ann")
    candidate = (await chat.candidates())[-1]
    assert [message.text for message in candidate.messages] == [
        "I am bob",
        "You said: I am bob",
        "Hello",
        "You said: Hello",
    ]
    assert set(candidate.author_keys) == {chat.store.author_key("ann"), chat.store.author_key("bob")}


async def test_context_ends_where_somebody_sounded_in_danger(chat: Chat) -> None:
    await chat.allow("ann")
    await chat.say("before")
    await chat.say("it is all hopeless")
    await chat.say("after")
    candidate = (await chat.candidates())[-1]
    assert [message.text for message in candidate.messages] == ["after", "You said: after"]


async def test_context_has_no_holes(chat: Chat) -> None:
    await chat.allow("ann")
    await chat.say("one", "ann")
    await chat.say("two", "bob")
    await chat.say("three", "ann")
    candidate = (await chat.candidates())[-1]
    assert candidate.messages[0].text == "three"


async def test_context_is_bounded(store: Store, clock: FakeClock) -> None:
    chat = Chat(store, clock, settings=ChatSettings(candidate_context_turns=2))
    await chat.allow("ann")
    for text in ("one", "two", "three"):
        await chat.say(text)
    candidate = (await chat.candidates())[-1]
    assert [message.text for message in candidate.messages] == ["two", "You said: two", "three", "You said: three"]


async def test_deleting_a_context_message_drops_every_candidate_that_quotes_it(chat: Chat) -> None:
    await chat.allow("ann")
    await chat.say("one", message="m1")
    await chat.say("two", message="m2")
    await chat.service.deleted(SERVER, ["m1"])
    assert not await chat.candidates()


async def test_editing_a_message_drops_the_candidates_made_from_the_old_words(chat: Chat) -> None:
    await chat.allow("ann")
    await chat.say("one", message="m1")
    await chat.service.edited(SERVER, "m1", "uno")
    assert not await chat.candidates()


async def test_withdrawn_consent_rejects_what_waits_and_hinders_approval(chat: Chat) -> None:
    await chat.allow("ann")
    reply = await chat.say("Hello")
    assert reply.candidate_id is not None
    await chat.deny("ann")
    assert not await chat.candidates()
    with pytest.raises(Refused):
        await chat.store.candidates.approve(reply.candidate_id, "moderator")


async def test_consent_withdrawn_in_mid_answer_counts(store: Store, clock: FakeClock) -> None:
    engine = HeldEngine()
    chat = Chat(store, clock, engine)
    await chat.allow("ann")
    running = asyncio.create_task(chat.say("Hello there"))
    await engine.has_begun()
    await chat.deny("ann")
    engine.hold.set()
    assert (await running).candidate_id is None
    assert not await chat.candidates()


async def test_a_question_deleted_in_mid_answer_ends_it_and_leaves_nothing(store: Store, clock: FakeClock) -> None:
    engine = HeldEngine()
    chat = Chat(store, clock, engine)
    await chat.allow("ann")
    running = asyncio.create_task(chat.say("Hello there", message="m1"))
    await engine.has_begun()
    assert await chat.service.deleted(SERVER, ["m1"]) == 1
    reply = await running
    assert (reply.kind, reply.candidate_id) == (ReplyKind.WITHDRAWN, None)
    assert engine.stopped
    assert await chat.store.conversations.count() == 0
    assert not await chat.candidates()


async def test_a_question_deleted_before_it_was_stored_leaves_nothing(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    current = chat.store.conversations.current

    async def deleted_meanwhile(server: str, channel: str) -> object:
        await chat.service.deleted(SERVER, ["m1"])
        return await current(server, channel)

    monkeypatch.setattr(chat.store.conversations, "current", deleted_meanwhile)
    assert (await chat.say("Hello", message="m1")).kind is ReplyKind.WITHDRAWN
    assert await chat.store.conversations.count() == 0


async def test_a_question_edited_in_mid_answer_is_answered_and_not_learnt(store: Store, clock: FakeClock) -> None:
    engine = HeldEngine()
    chat = Chat(store, clock, engine)
    await chat.allow("ann")
    running = asyncio.create_task(chat.say("Hello there", message="m1"))
    await engine.has_begun()
    await chat.service.edited(SERVER, "m1", "Good night")
    engine.hold.set()
    reply = await running
    assert (reply.kind, reply.candidate_id) == (ReplyKind.ANSWER, None)
    assert not await chat.candidates()


async def test_a_question_edited_while_its_candidate_is_written_is_not_learnt(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    await chat.allow("ann")
    add = chat.store.candidates.add

    async def edited_just_before(new: NewCandidate) -> object:
        await chat.service.edited(SERVER, "m1", "Good night")
        return await add(new)

    monkeypatch.setattr(chat.store.candidates, "add", edited_just_before)
    assert (await chat.say("Hello there", message="m1")).candidate_id is None
    assert not await chat.candidates()


async def test_forgetting_in_mid_answer_leaves_nothing(store: Store, clock: FakeClock) -> None:
    engine = HeldEngine()
    chat = Chat(store, clock, engine)
    await chat.allow("ann")
    running = asyncio.create_task(chat.say("Hello there"))
    await engine.has_begun()
    receipt = await chat.service.forget(store.author_key("ann"))
    assert receipt.turns == 1
    assert (await running).kind is ReplyKind.WITHDRAWN
    assert await store.conversations.count() == 0


async def test_a_stopped_answer_is_not_learnt(store: Store, clock: FakeClock) -> None:
    engine = HeldEngine()
    chat = Chat(store, clock, engine)
    await chat.allow("ann")
    running = asyncio.create_task(chat.say("Hello there"))
    await engine.has_begun()
    chat.service.stop(SERVER, CHANNEL)
    reply = await running
    assert (reply.kind, reply.candidate_id) == (ReplyKind.STOPPED, None)


async def test_a_candidate_that_cannot_be_written_does_not_take_the_answer_away(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def locked(_: NewCandidate) -> object:
        raise DatabaseBusy("locked")

    await chat.allow("ann")
    monkeypatch.setattr(chat.store.candidates, "add", locked)
    reply = await chat.say("Hello")
    assert (reply.kind, reply.candidate_id) == (ReplyKind.ANSWER, None)
    assert reply.assistant_turn_id is not None


@pytest.mark.parametrize(
    ("allowing", "outcome", "sentence"),
    [
        ((), CorrectionOutcome.NO_CONSENT, sentences.YOU_HAVE_NOT_ALLOWED),
        (("ann",), CorrectionOutcome.NO_CONSENT, sentences.YOU_HAVE_NOT_ALLOWED),
        (("bob",), CorrectionOutcome.NO_CONSENT, sentences.ASKER_HAS_NOT_ALLOWED),
    ],
    ids=["nobody", "only the asker", "only the corrector"],
)
async def test_a_better_answer_needs_the_yes_of_both(
    chat: Chat, allowing: tuple[str, ...], outcome: CorrectionOutcome, sentence: str
) -> None:
    reply = await chat.say("Hello", "ann")
    await chat.allow(*allowing)
    assert reply.assistant_turn_id is not None
    correction = await chat.service.correct(reply.assistant_turn_id, chat.store.author_key("bob"), "Good day!")
    assert (correction.outcome, correction.sentence, correction.candidate) == (outcome, sentence, None)
    assert not await chat.candidates()


@pytest.mark.parametrize(
    "words", ["damn", "hopeless", "", " \0 ", "x" * 5000], ids=["toxic", "crisis", "empty", "nul", "long"]
)
async def test_a_better_answer_is_screened(chat: Chat, words: str) -> None:
    await chat.allow("ann")
    reply = await chat.say("Hello")
    before = await chat.candidates()
    assert reply.assistant_turn_id is not None
    correction = await chat.service.correct(reply.assistant_turn_id, chat.store.author_key("ann"), words)
    assert correction.outcome is CorrectionOutcome.REFUSED
    assert await chat.candidates() == before


async def test_a_better_answer_waits_for_review_in_the_place_of_the_bots(chat: Chat) -> None:
    await chat.allow("ann", "bob")
    await chat.say("I am ann", "ann")
    reply = await chat.say("Hello", "ann")
    assert reply.assistant_turn_id is not None
    correction = await chat.service.correct(
        reply.assistant_turn_id, chat.store.author_key("bob"), "Good day! Write to ann@example.org"
    )
    assert correction.outcome is CorrectionOutcome.WAITING
    candidate = correction.candidate
    assert candidate is not None
    assert [message.text for message in candidate.messages] == [
        "I am ann",
        "You said: I am ann",
        "Hello",
        "Good day! Write to [email]",
    ]
    assert (candidate.source, candidate.state) == (Source.CORRECTION, CandidateState.WAITING)
    assert set(candidate.author_keys) == {chat.store.author_key("ann"), chat.store.author_key("bob")}


@pytest.mark.parametrize(
    "said",
    ["You are a damn fool. Go away. And more.", "damn", "Fine words at first. Then damn ones."],
    ids=["in the middle", "at the end", "after what was shown"],
)
async def test_a_refused_answer_gets_better_words_and_its_own_are_nowhere(
    store: Store, clock: FakeClock, said: str
) -> None:
    chat = Chat(store, clock, ScriptedEngine({"Hello": said}))
    await chat.allow("ann")
    reply = await chat.say("Hello")
    assert reply.assistant_turn_id is not None
    correction = await chat.service.correct(reply.assistant_turn_id, store.author_key("ann"), "Good day!")
    assert correction.outcome is CorrectionOutcome.WAITING
    await chat.say("And then?")
    assert not any("damn" in line or sentences.OUTPUT_REFUSED in line for line in chat.prompt())
    kept = [one for state in CandidateState for one in await store.candidates.by_state(state)]
    assert [message.text for message in kept[0].messages] == ["Hello", "Good day!"]
    assert not any("damn" in str(one) or sentences.OUTPUT_REFUSED in str(one) for one in kept)
    assert all(one.verdict.outcome is Outcome.PASS for one in kept)
    turns = await store.conversations.history(1, limit=20)
    assert not any("damn" in turn.text or "damn" in turn.verdict.text for turn in turns)


async def test_a_refused_question_gets_no_better_answer(chat: Chat) -> None:
    await chat.allow("ann")
    reply = await chat.say("Hello", message="m1")
    assert reply.assistant_turn_id is not None
    await chat.service.edited(SERVER, "m1", "you damn fool")
    correction = await chat.service.correct(reply.assistant_turn_id, chat.store.author_key("ann"), "Good day!")
    assert correction.outcome is CorrectionOutcome.UNKNOWN
    assert not await chat.candidates()


@pytest.mark.parametrize("new", ["a plan that I changed", "my secret plan"], ids=["other words", "the same words"])
async def test_a_message_that_was_kept_out_stays_out_after_an_edit(chat: Chat, new: str) -> None:
    await chat.allow("ann")
    reply = await chat.say("my secret plan", message="m1")
    assert reply.assistant_turn_id is not None
    await chat.store.kept_out.mark(SERVER, ["m1"], "mod")
    await chat.service.edited(SERVER, "m1", new)
    correction = await chat.service.correct(reply.assistant_turn_id, chat.store.author_key("ann"), "Good day!")
    assert correction.outcome is CorrectionOutcome.UNKNOWN
    await chat.say("what did I say?", message="m2")
    assert not any("plan" in line for line in chat.prompt()), "what the model sees, its answer may repeat"
    assert not any("plan" in str(one.messages) for one in await chat.candidates())


async def test_a_message_that_is_kept_out_while_it_is_answered_makes_no_example(store: Store, clock: FakeClock) -> None:
    engine = HeldEngine()
    chat = Chat(store, clock, engine)
    await chat.allow("ann")
    answering = asyncio.create_task(chat.say("my secret plan", message="m1"))
    await engine.has_begun()
    await store.kept_out.mark(SERVER, ["m1"], "mod")
    engine.hold.set()
    assert (await answering).candidate_id is None
    assert not await chat.candidates()


async def test_a_message_that_was_kept_out_before_it_was_stored_is_answered_and_not_learnt(chat: Chat) -> None:
    await chat.allow("ann")
    await chat.store.kept_out.mark(SERVER, ["m1"], "mod")
    reply = await chat.say("my secret plan", message="m1")
    assert reply.text == "You said: my secret plan"
    assert not await chat.candidates()


async def test_a_better_answer_of_a_deleted_question_is_refused(chat: Chat) -> None:
    await chat.allow("ann")
    reply = await chat.say("Hello", message="m1")
    assert reply.assistant_turn_id is not None
    await chat.service.deleted(SERVER, ["m1"])
    correction = await chat.service.correct(reply.assistant_turn_id, chat.store.author_key("ann"), "Good day!")
    assert correction.outcome is CorrectionOutcome.UNKNOWN


async def test_a_question_or_an_unknown_number_cannot_be_corrected(chat: Chat) -> None:
    await chat.allow("ann")
    reply = await chat.say("Hello")
    assert reply.user_turn_id is not None
    for turn_id in (reply.user_turn_id, 10**12):
        correction = await chat.service.correct(turn_id, chat.store.author_key("ann"), "Good day!")
        assert correction.outcome is CorrectionOutcome.UNKNOWN


async def test_a_crisis_text_cannot_be_corrected(chat: Chat) -> None:
    await chat.allow("ann")
    reply = await chat.say("it is all hopeless")
    assert reply.assistant_turn_id is not None
    correction = await chat.service.correct(reply.assistant_turn_id, chat.store.author_key("ann"), "Cheer up!")
    assert correction.outcome is CorrectionOutcome.UNKNOWN
    assert not await chat.candidates()


async def test_a_correction_that_the_database_cannot_take_is_apologised_for(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def locked(_: int) -> object:
        raise DatabaseBusy("locked")

    monkeypatch.setattr(chat.store.conversations, "turn", locked)
    correction = await chat.service.correct(1, chat.store.author_key("ann"), "Good day!")
    assert (correction.outcome, correction.sentence) == (CorrectionOutcome.FAILED, sentences.CANNOT_KEEP_NOW)


async def test_a_taught_exchange_waits_for_review(chat: Chat) -> None:
    await chat.allow("ann")
    correction = await chat.service.teach(
        SERVER, CHANNEL, chat.store.author_key("ann"), "When is tea?", "At four, as ever."
    )
    assert correction.outcome is CorrectionOutcome.WAITING
    [candidate] = await chat.candidates()
    assert [message.text for message in candidate.messages] == ["When is tea?", "At four, as ever."]
    assert candidate.source is Source.CORRECTION


@pytest.mark.parametrize(("prompt", "reply"), [("damn", "fine"), ("fine", "damn"), ("", "fine"), ("fine", "")], ids=str)
async def test_a_taught_exchange_is_screened_on_both_sides(chat: Chat, prompt: str, reply: str) -> None:
    await chat.allow("ann")
    correction = await chat.service.teach(SERVER, CHANNEL, chat.store.author_key("ann"), prompt, reply)
    assert correction.outcome is CorrectionOutcome.REFUSED
    assert not await chat.candidates()


async def test_teaching_needs_consent_and_a_place_to_learn_from(chat: Chat) -> None:
    ann = chat.store.author_key("ann")
    assert (await chat.service.teach(SERVER, CHANNEL, ann, "a", "b")).outcome is CorrectionOutcome.NO_CONSENT
    await chat.allow("ann")
    chat.learning_servers.clear()
    assert (await chat.service.teach(SERVER, CHANNEL, ann, "a", "b")).outcome is CorrectionOutcome.NOT_HERE


async def test_a_member_who_never_decided_is_asked_once(chat: Chat) -> None:
    ann, bob, carl = (chat.store.author_key(who) for who in ("ann", "bob", "carl"))
    await chat.deny("bob")
    await chat.store.blocks.block(SERVER, carl, by="moderator")
    assert await chat.service.first_contact(SERVER, ann) == sentences.FIRST_CONTACT
    assert await chat.service.first_contact(SERVER, ann) is None
    assert await chat.service.first_contact(SERVER, bob) is None
    assert await chat.service.first_contact(SERVER, carl) is None


async def test_a_server_may_ask_in_its_own_words(chat: Chat) -> None:
    await chat.store.server_settings.set(SERVER, "consent_channel_line", "May the parrot listen?", "admin")
    assert await chat.service.first_contact(SERVER, chat.store.author_key("ann")) == "May the parrot listen?"


async def test_nobody_is_asked_to_allow_what_is_off(chat: Chat) -> None:
    ann = chat.store.author_key("ann")
    chat.learning_servers.clear()
    assert await chat.service.first_contact(SERVER, ann) is None
    chat.learning_servers.add(SERVER)
    await chat.store.server_settings.turn_learning_off(SERVER, "admin")
    assert await chat.service.first_contact(SERVER, ann) is None
    await chat.store.server_settings.turn_learning_on(SERVER, "admin")
    assert await chat.service.first_contact(SERVER, ann) is not None, "being asked in vain does not count"


async def test_where_no_admin_turned_learning_on_nothing_is_learnt(chat: Chat) -> None:
    await chat.allow("ann")
    await chat.store.server_settings.turn_learning_off(SERVER, "admin")
    reply = await chat.say("Hello")
    assert reply.candidate_id is None
    assert reply.assistant_turn_id is not None
    correction = await chat.service.correct(reply.assistant_turn_id, chat.store.author_key("ann"), "Hello there")
    assert correction.outcome is CorrectionOutcome.NOT_HERE
    await chat.store.server_settings.turn_learning_on(SERVER, "admin")
    assert (await chat.say("Hello")).candidate_id is not None


async def test_a_server_that_has_never_chosen_is_not_learnt_from_but_the_terminal_is(chat: Chat) -> None:
    ann = chat.store.author_key("ann")
    chat.learning_servers.update({"new", "terminal", "dm"})
    assert not await chat.service.may_learn_in("new")
    assert not await chat.service.may_learn_in("dm")
    assert await chat.service.may_learn_in("terminal")
    assert (await chat.service.teach("new", CHANNEL, ann, "a", "b")).outcome is CorrectionOutcome.NOT_HERE


async def test_only_the_sources_that_a_server_chose_are_learnt_from(chat: Chat) -> None:
    await chat.allow("ann")
    await chat.store.server_settings.set(SERVER, "sources", ["correction"], "admin")
    reply = await chat.say("Hello")
    assert reply.candidate_id is None
    assert reply.assistant_turn_id is not None
    ann = chat.store.author_key("ann")
    corrected = await chat.service.correct(reply.assistant_turn_id, ann, "Hello there")
    assert corrected.outcome is CorrectionOutcome.WAITING
    await chat.store.server_settings.set(SERVER, "sources", ["message"], "admin")
    assert (await chat.service.teach(SERVER, CHANNEL, ann, "a", "b")).outcome is CorrectionOutcome.NOT_HERE
