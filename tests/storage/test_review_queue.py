"""What a moderator looks at next, the cards that were posted, and who waits how long."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from storage.errors import WrongUsage
from storage.governance import Feedback, QueuePlace, ReviewerDay
from storage.monitoring import day_of
from storage.signals import HEARD_WITHIN
from storage.store import Store
from storage.values import Candidate, CandidateState, Outcome, Source, Verdict
from tests.fakes.clock import FakeClock
from tests.storage.talk import CHANNEL, SERVER, agreed, approved, example, passed, say

HELD = Verdict(Outcome.HOLD, "", ("toxicity:insult",))


async def walk(store: Store, reviewer: str = "mod", server: str | None = SERVER) -> list[int]:
    found: list[int] = []
    place: QueuePlace | None = None
    while (item := await store.review_queue.next(server, reviewer, after=place)) is not None:
        found.append(item.candidate.id)
        place = QueuePlace.parse(item.place.text)
    return found


async def answered(store: Store, question: str, *, author: str = "ada") -> tuple[int, Candidate]:
    """An exchange that waits: the answer's turn, and the candidate."""
    await agreed(store, author)
    asked = await say(store, question, author=author)
    answer = await say(store, f"about {question}", author=None, reply_to=asked.id)
    new = example(question, f"about {question}", authors=(author,), turn_ids=(asked.id,))
    return answer.id, await store.candidates.add(replace(new, assistant_turn_id=answer.id))


async def test_the_most_useful_and_most_doubtful_come_first(store: Store) -> None:
    await agreed(store, "ada")
    plain = await store.candidates.add(example("how deep is the bay", "twenty fathoms"))
    held = await store.candidates.add(example("who rang the bell", "the cook did", verdict=HELD))
    better = await store.candidates.add(example("when is high tide", "at noon", source=Source.CORRECTION))
    assert await walk(store) == [better.id, held.id, plain.id]


async def test_who_waits_long_comes_before_what_is_a_little_better(store: Store, clock: FakeClock) -> None:
    await agreed(store, "ada")
    plain = await store.candidates.add(example("how deep is the bay", "twenty fathoms"))
    clock.now += timedelta(days=30)
    better = await store.candidates.add(example("when is high tide", "at noon", source=Source.CORRECTION))
    assert await walk(store) == [plain.id, better.id]


async def test_votes_move_a_card_up_and_down_again(store: Store) -> None:
    _, first = await answered(store, "how deep is the bay")
    answer_id, second = await answered(store, "who rang the bell")
    assert await walk(store) == [first.id, second.id]
    await store.votes.cast(answer_id, "bob", -1)
    assert await walk(store) == [second.id, first.id]
    item = await store.review_queue.item(second.id)
    assert (item.votes_up, item.votes_down) == (0, 1)
    await store.votes.withdraw(answer_id, "bob")
    assert await walk(store) == [first.id, second.id]


@pytest.mark.parametrize(
    ("words", "feedback"),
    [
        ("thanks a lot!", Feedback.THANKED),
        ("no, it's twenty fathoms", Feedback.CORRECTED),
        ("that's not what I meant", Feedback.CORRECTED),
        ("actually it's twenty fathoms", Feedback.CORRECTED),
        ("how deep is the bay??", Feedback.ASKED_AGAIN),
        ("nein, zwanzig", Feedback.CORRECTED),
    ],
)
async def test_what_a_member_says_next_is_a_hint(store: Store, words: str, feedback: Feedback) -> None:
    _, candidate = await answered(store, "how deep is the bay")
    before = (await store.review_queue.item(candidate.id)).place
    assert await store.review_queue.heard(await say(store, words)) is feedback
    item = await store.review_queue.item(candidate.id)
    assert item.feedback is feedback
    assert item.place < before


@pytest.mark.parametrize(
    "words",
    [
        *("and what lives there", "...", "no problem", "No worries, what about the lake?", "no thanks"),
        *("thanks for nothing", "actually, can you sing?", "no idea what to eat"),
    ],
)
async def test_in_doubt_a_member_just_went_on(store: Store, words: str) -> None:
    _, candidate = await answered(store, "how deep is the bay")
    before = (await store.review_queue.item(candidate.id)).place
    assert await store.review_queue.heard(await say(store, words)) is Feedback.WENT_ON
    assert before < (await store.review_queue.item(candidate.id)).place


async def test_what_others_say_next_is_no_hint(store: Store) -> None:
    _, candidate = await answered(store, "how deep is the bay")
    assert await store.review_queue.heard(await say(store, "no, wrong", author="bob")) is None
    assert await store.review_queue.heard(await say(store, "no, wrong", author=None)) is None
    assert await store.review_queue.heard(await say(store, "no, wrong", channel="elsewhere")) is None
    assert (await store.review_queue.item(candidate.id)).feedback is None


async def test_only_the_first_words_soon_after_an_answer_are_about_it(store: Store, clock: FakeClock) -> None:
    _, candidate = await answered(store, "how deep is the bay")
    clock.advance(HEARD_WITHIN.total_seconds())
    assert await store.review_queue.heard(await say(store, "thanks")) is Feedback.THANKED
    assert await store.review_queue.heard(await say(store, "no, wrong")) is None
    assert (await store.review_queue.item(candidate.id)).feedback is Feedback.THANKED
    await answered(store, "who rang the bell")
    clock.advance(HEARD_WITHIN.total_seconds() + 1)
    assert await store.review_queue.heard(await say(store, "thanks")) is None


async def test_words_that_the_screens_refuse_are_no_hint(store: Store) -> None:
    _, candidate = await answered(store, "how deep is the bay")
    said = replace(await say(store, "no, you fool"), verdict=Verdict(Outcome.REFUSE, "", ("toxicity:insult",)))
    assert await store.review_queue.heard(said) is None
    assert (await store.review_queue.item(candidate.id)).feedback is None


async def test_a_hint_goes_with_the_message_that_gave_it(store: Store) -> None:
    _, first = await answered(store, "how deep is the bay")
    place = (await store.review_queue.item(first.id)).place
    ways: tuple[Callable[[str], Awaitable[object]], ...] = (
        lambda message: store.conversations.delete(SERVER, [message]),
        lambda message: store.conversations.edit(SERVER, message, "and the lake?", passed()),
        lambda message: store.kept_out.mark(SERVER, [message], "ada"),
    )
    for number, take_back in enumerate(ways):
        said = await say(store, "no, wrong", external_id=f"m-{number}")
        assert await store.review_queue.heard(said) is Feedback.CORRECTED
        await take_back(f"m-{number}")
        item = await store.review_queue.item(first.id)
        assert item.feedback is None
        assert item.place == place


async def test_forgetting_a_member_takes_their_hints(store: Store, clock: FakeClock) -> None:
    await answered(store, "how deep is the bay")
    await store.review_queue.heard(await say(store, "thanks"))
    assert [one.feedback for one in (await store.members.export("ada", server=SERVER)).signals] == [Feedback.THANKED]
    assert (await store.members.export("bob")).signals == (await store.members.export("ada", server="x")).signals == ()
    await store.members.forget("ada")
    await answered(store, "how deep is the bay", author="bob")
    clock.advance(2 * 24 * 3600)
    [counts] = (await store.monitoring.tally("", day_of(clock.now) - timedelta(days=2), champion="v")).values()
    assert counts.thanked == 0


async def test_a_better_answer_that_comes_after_the_hint_has_it_too(store: Store) -> None:
    answer_id, _ = await answered(store, "how deep is the bay")
    await store.review_queue.heard(await say(store, "no, it's twenty"))
    new = example("how deep is the bay", "twenty fathoms", source=Source.CORRECTION)
    better = await store.candidates.add(replace(new, assistant_turn_id=answer_id))
    assert (await store.review_queue.item(better.id)).feedback is Feedback.CORRECTED


@pytest.mark.parametrize("words", ["thanks, perfect!", "no, wrong", "how deep is the bay", "and the lake?"])
async def test_a_hint_alone_makes_nothing_learnable(store: Store, words: str) -> None:
    _, candidate = await answered(store, "how deep is the bay")
    for _ in range(3):
        await store.review_queue.heard(await say(store, words))
    kept = await store.candidates.get(candidate.id)
    assert kept is not None
    assert kept.state is CandidateState.WAITING
    assert await store.candidates.learnable() == []
    assert await store.candidates.approved_after(0) == 0
    assert await store.curations.pending("", "rules") == []


async def test_what_is_like_something_approved_is_less_urgent(store: Store) -> None:
    await agreed(store, "ada", "bob")
    known = await store.candidates.add(example("how deep is the bay here", "twenty fathoms"))
    near = await store.candidates.add(example("how deep is the bay here?", "twenty fathoms", authors=("bob",)))
    new = await store.candidates.add(example("who rang the bell", "the cook"))
    assert await walk(store) == [known.id, near.id, new.id]
    await store.candidates.approve(known.id, "mod")
    assert await walk(store) == [new.id, near.id]
    assert not (await store.review_queue.item(near.id)).is_novel
    late = await store.candidates.add(example("how deep is the bay here!", "twenty fathoms", authors=("bob",)))
    assert not (await store.review_queue.item(late.id)).is_novel
    await store.candidates.undo("mod")
    assert await walk(store) == [known.id, near.id, new.id, late.id]


async def test_nobody_is_shown_what_they_may_not_decide(store: Store) -> None:
    await store.server_settings.set(SERVER, "quorum", 2, "admin")
    await agreed(store, "mod", "ada")
    await store.candidates.add(example("a", authors=("mod",)))
    half = await store.candidates.add(example("b"))
    silent = await store.candidates.add(example("c", authors=("cy",), source=Source.IMPORT))
    await store.candidates.approve(half.id, "mod")
    assert await walk(store, "mod") == [silent.id]
    item = await store.review_queue.item(half.id)
    assert (item.approvals, item.quorum) == (("mod",), 2)
    await store.candidates.edit(half.id, "mod-2", "x", passed("x"))
    assert set(await walk(store, "mod")) == {half.id, silent.id}, "other words need another look"


async def test_servers_have_queues_of_their_own(store: Store) -> None:
    await agreed(store, "ada")
    await agreed(store, "ada", server="island")
    here, there = await store.candidates.add(example()), await store.candidates.add(example(server="island"))
    assert await walk(store, server=SERVER) == [here.id]
    assert await walk(store, server="island") == [there.id]
    assert await walk(store, server=None) == [here.id, there.id]
    assert await store.review_queue.waiting(SERVER) == 1
    assert (await store.candidates.counts("island"))[CandidateState.WAITING] == 1


async def test_a_place_in_the_queue_is_read_back_or_refused(store: Store) -> None:
    place = QueuePlace(-17, 4)
    assert QueuePlace.parse(place.text) == place
    with pytest.raises(ValueError, match="invalid"):
        QueuePlace.parse("x.y")


async def test_the_figures_say_who_waits_how_long_and_who_decided(store: Store, clock: FakeClock) -> None:
    assert (await store.review_queue.stats(SERVER)).median_age_seconds is None
    await store.server_settings.set(SERVER, "quorum", 2, "admin")
    await agreed(store, "ada")
    begin = clock.now
    candidates = []
    for question in ("how deep", "who rang", "when is tide", "what now"):
        candidates.append(await store.candidates.add(example(question)))
        clock.advance(3600)
    await store.candidates.approve(candidates[0].id, "mod-1")
    await store.candidates.reject(candidates[3].id, "mod-1")
    await store.candidates.reject(candidates[2].id, "mod-1")
    await store.candidates.undo("mod-1")
    stats = await store.review_queue.stats(SERVER)
    assert (stats.waiting, stats.half_approved, stats.oldest_at) == (3, 1, begin)
    assert stats.median_age_seconds == 3 * 3600
    assert stats.days == (ReviewerDay("mod-1", clock.now.date(), 1, 0, 1),)
    assert (await store.review_queue.stats("island")).days == ()
    clock.now += timedelta(days=8)
    assert (await store.review_queue.stats(SERVER)).days == ()


async def test_a_card_is_found_again_and_says_when_it_shows_what_is_no_more(store: Store) -> None:
    await agreed(store, "ada")
    candidate = await store.candidates.add(example())
    assert await store.review_cards.to_post(SERVER) == [candidate]
    await store.review_cards.posted(candidate.id, SERVER, CHANNEL, "m-9")
    assert await store.review_cards.to_post(SERVER) == []
    card = await store.review_cards.get("m-9")
    assert card is not None
    assert (card.candidate_id, card.channel, card.state) == (candidate.id, CHANNEL, CandidateState.WAITING)
    assert await store.review_cards.of(candidate.id) == [card]
    assert await store.review_cards.stale() == []
    await store.candidates.approve(candidate.id, "mod")
    (stale,) = await store.review_cards.stale(SERVER)
    assert (stale.message, stale.state) == ("m-9", CandidateState.APPROVED)
    await store.review_cards.shown("m-9")
    assert await store.review_cards.stale(SERVER) == []
    assert await store.review_cards.get("m-8") is None


async def test_a_card_of_edited_words_is_stale_too(store: Store) -> None:
    await store.server_settings.set(SERVER, "quorum", 2, "admin")
    await agreed(store, "ada")
    candidate = await store.candidates.add(example())
    await store.review_cards.posted(candidate.id, SERVER, CHANNEL, "m-9")
    await store.candidates.edit(candidate.id, "mod", "x", passed("x"))
    assert [card.message for card in await store.review_cards.stale()] == ["m-9"]
    assert await store.review_cards.stale("island") == []


async def test_a_card_outlives_the_words_so_that_it_can_be_taken_down(store: Store) -> None:
    await approved(store, example())
    (candidate,) = await store.candidates.learnable()
    await store.review_cards.posted(candidate.id, SERVER, CHANNEL, "m-9")
    await store.members.forget("ada")
    (stale,) = await store.review_cards.stale()
    assert (stale.message, stale.state) == ("m-9", None)
    await store.review_cards.shown("m-9")
    assert len(await store.review_cards.stale()) == 1
    await store.review_cards.remove("m-9")
    assert await store.review_cards.stale() == []
    with pytest.raises(WrongUsage):
        await store.review_cards.posted(candidate.id, SERVER, CHANNEL, "m-10")
