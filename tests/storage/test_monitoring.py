"""What is seen of versions is counted by day and line; what is proposed is proposed once, and starts nothing."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from storage.monitoring import bounds, day_of
from storage.monitoring_values import DayCounts, Measure, MonitoredDay, State, Surprise
from storage.store import Store
from storage.values import NewTurn, Outcome, Role, RunState, Snapshot, Source, Verdict
from tests.fakes.clock import FakeClock
from tests.storage.talk import SERVER, agreed, approved, example, say

A, B = "a" * 16, "b" * 16


async def turn(
    store: Store, text: str, *, version: str | None = None, outcome: Outcome = Outcome.PASS, **more: Any
) -> int:
    """A message of Ada's, or the answer of a version; its turn."""
    server = str(more.pop("server", SERVER))
    conversation = await store.conversations.current(server, "pier")
    new = NewTurn(
        conversation.id,
        Role.USER if version is None else Role.ASSISTANT,
        text,
        Source.MESSAGE,
        Verdict(outcome, text),
        author_key="ada" if version is None else None,
        model_version=version,
    )
    return (await store.conversations.add_turn(replace(new, **more))).id


async def answered(store: Store, version: str = A, **more: Any) -> int:
    asked = await turn(store, "how deep is the bay", **{name: more[name] for name in more if name == "server"})
    return await turn(store, "twenty", version=version, reply_to=asked, **more)


async def test_a_day_is_counted_by_the_version_that_answered(store: Store, clock: FakeClock) -> None:
    voted = await answered(store)
    await store.votes.cast(voted, "bob", -1)
    await store.review_queue.heard(await say(store, "thanks"))
    await answered(store, outcome=Outcome.HOLD)
    await answered(store, outcome=Outcome.REFUSE)
    await answered(store, B)
    await turn(store, "rude", outcome=Outcome.REFUSE)
    found = await store.monitoring.tally("", day_of(clock.now), champion=B)
    assert found == {
        A: DayCounts(3, 1, 1, asked=6, asked_refused=1, votes_down=1, thanked=1, left=1),
        B: DayCounts(1, left=1),
    }
    assert await store.monitoring.tally("", day_of(clock.now) + timedelta(days=1), champion=B) == {}


async def test_next_words_are_counted_by_their_kind(store: Store, clock: FakeClock) -> None:
    for words in ("thanks", "no, wrong", "how deep is the bay?", "and the lake"):
        asked = await say(store, "how deep is the bay", channel="pier")
        await turn(store, "twenty", version=A, reply_to=asked.id)
        await store.review_queue.heard(await say(store, words, channel="pier"))
    [counts] = (await store.monitoring.tally("", day_of(clock.now), champion=A)).values()
    assert (counts.thanked, counts.corrected, counts.asked_again, counts.went_on, counts.left) == (1, 1, 1, 1, 0)


async def test_what_was_kept_out_by_hand_is_no_failure_of_the_screens(store: Store, clock: FakeClock) -> None:
    await say(store, "my secret", external_id="m-1")
    await store.kept_out.mark(SERVER, ["m-1"], "ada")
    assert await store.monitoring.tally("", day_of(clock.now), champion=A) == {}


async def test_lines_are_counted_apart(store: Store, clock: FakeClock) -> None:
    await store.server_settings.set("island", "own_line", True, "admin")
    await answered(store)
    await answered(store, B, server="island")
    assert set(await store.monitoring.tally("", day_of(clock.now), champion=A)) == {A}
    assert set(await store.monitoring.tally("island", day_of(clock.now), champion=A)) == {B}


async def test_talk_is_read_only_of_who_allows_it(store: Store, clock: FakeClock) -> None:
    await agreed(store, "ada", "bob")
    for author in ("ada", "bob", "eve"):
        await say(store, f"{author} says", author=author)
    await store.consents.set(SERVER, "bob", allowed=False)
    await turn(store, "rude", outcome=Outcome.REFUSE)
    assert await store.monitoring.talk("", *bounds(day_of(clock.now)), limit=9) == ["ada says"]


async def test_only_exchanges_that_people_vouch_for_and_that_are_not_learnt_are_read(
    store: Store, clock: FakeClock
) -> None:
    known = await approved(store, example("known"))
    new = await approved(store, example("new"))
    await agreed(store, "bob", "eve")
    better = await store.candidates.add(example("better", authors=("bob",), source=Source.CORRECTION))
    await store.candidates.add(example("waits"))
    await approved(store, example("gone", authors=("eve",)))
    await store.consents.set(SERVER, "eve", allowed=False)
    await store.snapshots.add(Snapshot("s", "folder", 1, 0, clock.now), [known.id])
    found = await store.monitoring.unlearnt("", *bounds(day_of(clock.now)), snapshot="s", limit=9)
    assert [one.id for one in found] == [better.id, new.id]
    tomorrow = bounds(day_of(clock.now) + timedelta(days=1))
    assert await store.monitoring.unlearnt("", *tomorrow, snapshot=None, limit=9) == []


def day(clock: FakeClock, version: str = A, **more: object) -> MonitoredDay:
    whole = MonitoredDay("", version, day_of(clock.now), DayCounts(answers=3, left=2), clock.now)
    return replace(whole, **more)  # type: ignore[arg-type] # fields of a day


async def test_a_day_comes_back_as_it_was_kept_and_is_kept_once(store: Store, clock: FakeClock) -> None:
    measure = Measure("votes", State.WORSE, "Worse.", 0.5, 0.1, 0.4, 0.2, 0.6, 0.1)
    whole = day(clock, surprise=Surprise(2, 10, 20.0, 4.0, 8.0), measures=(measure,))
    await store.monitoring.keep([day(clock), day(clock, B)])
    await store.monitoring.keep([whole])
    assert await store.monitoring.history(version=A) == [whole]
    assert {one.version for one in await store.monitoring.history()} == {A, B}
    assert await store.monitoring.newest("", None) == whole
    assert await store.monitoring.newest("", B) is None


async def test_sums_of_days_add_up() -> None:
    assert DayCounts(answers=1, left=2) + DayCounts(answers=3, votes_up=1) == DayCounts(answers=4, votes_up=1, left=2)
    assert Surprise(1, 2, 3.0, 4.0, 5.0) + Surprise(1, 1, 1.0, 1.0, 1.0) == Surprise(2, 3, 4.0, 5.0, 6.0)


async def test_a_retrain_is_proposed_once_between_two_runs_and_begins_none(store: Store) -> None:
    made = await store.proposals.make("", A, ["Votes fell."])
    assert made is not None
    assert made.reasons == ("Votes fell.",)
    assert await store.proposals.make("", A, ["Votes fell again."]) is None
    assert await store.proposals.standing() == made
    assert await store.runs.latest() == []
    run = await store.runs.request("admin", "")
    assert await store.proposals.standing() is None, "somebody asked for what was proposed"
    await store.runs.advance(run.id, RunState.REFUSED)
    assert await store.proposals.make("", A, ["Still worse."]) is not None


async def test_lines_have_proposals_of_their_own(store: Store) -> None:
    await store.proposals.make("", A, ["Shared."])
    assert await store.proposals.standing("island") is None
    assert await store.proposals.make("island", B, ["Island."]) is not None


async def test_a_server_is_told_once(store: Store) -> None:
    made = await store.proposals.make("", A, ["Votes fell."])
    assert made is not None
    assert await store.proposals.claim_note(made.id, SERVER, "news")
    assert not await store.proposals.claim_note(made.id, SERVER, "other news")
    assert await store.proposals.claim_note(made.id, "island", "news")
    assert not await store.proposals.claim_note(made.id + 1, SERVER, "news")
