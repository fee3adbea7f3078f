"""Counts are of one server and of one line, and the same on every database."""

from datetime import timedelta

import pytest

from storage.errors import Refused
from storage.figures import DayFigures
from storage.store import Store
from storage.values import (
    Alias,
    CandidateState,
    Evaluation,
    ModelVersion,
    NewTurn,
    Outcome,
    Role,
    Snapshot,
    Source,
    Verdict,
)
from tests.fakes.clock import FakeClock
from tests.storage.talk import SERVER, approved, example, say


async def answer(store: Store, outcome: Outcome, external_id: str) -> int:
    conversation = await store.conversations.current(SERVER, "harbour")
    verdict = Verdict(outcome, "ahoy")
    new = NewTurn(conversation.id, Role.ASSISTANT, "ahoy", Source.MESSAGE, verdict, external_id=external_id)
    return (await store.conversations.add_turn(new)).id


async def test_days_are_counted_apart_and_empty_ones_are_there(store: Store, clock: FakeClock) -> None:
    start = clock.now
    await say(store, "hello", external_id="m-1")
    voted = await answer(store, Outcome.PASS, "m-2")
    await answer(store, Outcome.HOLD, "m-3")
    await answer(store, Outcome.REFUSE, "m-4")
    clock.now += timedelta(days=2)
    await say(store, "again", external_id="m-5")
    await store.votes.cast(voted, "bob", 1)
    await store.votes.cast(voted, "eve", -1)
    await approved(store, example("kept"))
    first, second, third = await store.figures.days(SERVER, days=3)
    assert first == DayFigures(start.date(), messages=1, answers=3, held=1, refused=1)
    assert second == DayFigures((start + timedelta(days=1)).date())
    assert (third.messages, third.votes_up, third.votes_down, third.decided) == (1, 1, 1, 1)
    assert [one.messages for one in await store.figures.days("island", days=3)] == [0, 0, 0]
    assert [one.messages for one in await store.figures.days(SERVER, days=1)] == [1]


async def test_a_moment_before_midnight_belongs_to_its_day(store: Store, clock: FakeClock) -> None:
    clock.now = clock.now.replace(hour=23, minute=59, second=59)
    await say(store, "late", external_id="m-1")
    clock.now += timedelta(seconds=1)
    await say(store, "early", external_id="m-2")
    assert [one.messages for one in await store.figures.days(SERVER, days=2)] == [1, 1]


async def test_examples_are_counted_by_state(store: Store) -> None:
    await approved(store, example("kept"))
    await store.candidates.add(example("waits"))
    counted = await store.figures.candidates(SERVER)
    assert counted == {CandidateState.WAITING: 1, CandidateState.APPROVED: 1, CandidateState.REJECTED: 0}


def version(name: str, clock: FakeClock, snapshot: str | None = None) -> ModelVersion:
    clock.advance(1)
    return ModelVersion(name, name * 4, "full", None, None, snapshot, None, clock.now)


async def test_versions_of_another_line_are_not_listed(store: Store, clock: FakeClock) -> None:
    for line in ("", SERVER):
        await store.snapshots.add(Snapshot(f"hash{line}", "folder", 1, 0, clock.now, line=line), [])
    for made in (version("a" * 16, clock), version("b" * 16, clock, "hash"), version("c" * 16, clock, f"hash{SERVER}")):
        await store.aliases.add_version(made)
    assert [one.version[0] for one in await store.figures.versions()] == ["b", "a"]
    assert [one.version[0] for one in await store.figures.versions(SERVER)] == ["c", "a"]


async def test_perplexities_are_those_of_champions_in_their_order_by_the_newest_evaluation(
    store: Store, clock: FakeClock
) -> None:
    for letter in "abc":
        await store.aliases.add_version(version(letter * 16, clock))
        await store.evaluations.add([Evaluation(None, letter * 16, "heldout", 1, 1, 9.0, 0.5, 1.0)])
    await store.evaluations.add([Evaluation(None, "a" * 16, "heldout", 1, 1, 5.0, 0.5, 1.0)])
    await store.evaluations.add([Evaluation(None, "b" * 16, "general", 1, 1, float("nan"), 0.5, 1.0)])
    for letter in "ba":
        await store.aliases.promote(letter * 16, actor="test", reason="")
    found = await store.figures.perplexities()
    assert [(one.version[0], one.set_name, one.perplexity) for one in found] == [
        ("b", "heldout", 9.0),
        ("a", "heldout", 5.0),
    ]
    assert await store.figures.perplexities(SERVER) == []
    assert [one.version[0] for one in await store.figures.perplexities(versions=1)] == ["a"]


async def test_a_rollback_from_a_champion_that_is_none_any_more_is_refused(store: Store, clock: FakeClock) -> None:
    for letter in "abc":
        await store.aliases.add_version(version(letter * 16, clock))
        await store.aliases.promote(letter * 16, actor="test", reason="")
    await store.aliases.rollback(actor="ann", reason="", expected_champion="c" * 16)
    with pytest.raises(Refused, match="not the champion any more"):
        await store.aliases.rollback(actor="bob", reason="", expected_champion="c" * 16)
    assert await store.aliases.current(Alias.CHAMPION) == "b" * 16
