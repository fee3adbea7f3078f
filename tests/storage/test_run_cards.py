"""A run is announced once in a server, whoever claims it; what shows it is found again."""

import asyncio
from datetime import timedelta

import pytest

from storage.store import Store
from storage.values import RunState, Snapshot
from tests.fakes.clock import FakeClock
from tests.storage.talk import SERVER


async def test_of_many_who_claim_a_run_at_once_one_gets_it(store: Store) -> None:
    claims = await asyncio.gather(*(store.run_cards.claim(1, SERVER, f"channel {at % 2}") for at in range(8)))
    [card] = [claim for claim in claims if claim is not None]
    assert (card.message, card.is_announced, card.is_open) == (None, True, True)
    assert await store.run_cards.claim(1, "island", "channel 1") is not None
    assert await store.run_cards.claim(2, SERVER, "channel 1") is not None


async def test_a_channel_that_shows_a_run_already_gets_no_announcement_of_it(store: Store) -> None:
    await store.run_cards.asked_for(1, SERVER, "news", "m-1")
    assert await store.run_cards.claim(1, SERVER, "news") is None
    assert await store.run_cards.claim(1, SERVER, "elsewhere") is not None


async def test_a_card_is_open_until_it_shows_the_end(store: Store) -> None:
    claimed = await store.run_cards.claim(1, SERVER, "news")
    assert claimed is not None
    posted = await store.run_cards.posted(claimed.id, "m-1")
    assert posted is not None
    assert await store.run_cards.open() == [posted]
    assert posted.message == "m-1"
    await store.run_cards.shown(posted.id, shows_quotes=True)
    assert await store.run_cards.open() == []
    assert await store.run_cards.shown(99, shows_quotes=True) is None


async def test_a_problem_is_news_until_it_is_known_or_another(store: Store) -> None:
    told = []
    for run, problem in enumerate(["no-channel", "no-channel", "no-permission", None, "no-permission"], start=1):
        card = await store.run_cards.claim(run, SERVER, "news")
        assert card is not None
        if problem is None:
            await store.run_cards.posted(card.id, "m-1")
        else:
            told.append(await store.run_cards.fail(card.id, problem))
    assert told == [True, False, True, True]
    other = await store.run_cards.claim(9, SERVER, "elsewhere")
    assert other is not None
    assert await store.run_cards.fail(other.id, "no-permission"), "another channel is another matter"
    assert not await store.run_cards.fail(other.id, "no-permission"), "twice for one card is no news"
    assert not await store.run_cards.fail(99, "no-channel")


@pytest.mark.parametrize("by", ["schedule", "approvals", "command", "3f" * 32])
async def test_only_runs_that_began_by_themselves_are_to_be_announced(store: Store, by: str) -> None:
    run = await store.runs.request(by)
    found = await store.run_cards.to_announce(store.clock())
    assert [one.id for one, _ in found] == ([run.id] if by in {"schedule", "approvals"} else [])


async def test_runs_are_to_be_announced_oldest_first_until_they_are_old(store: Store, clock: FakeClock) -> None:
    for line in ("", "4711"):
        await store.runs.request("schedule", line)
    await store.run_cards.claim(1, SERVER, "news")
    await store.runs.advance(1, RunState.REFUSED)
    found = [(run.id, told) for run, told in await store.run_cards.to_announce(clock.now)]
    assert found == [(1, frozenset([SERVER])), (2, frozenset())]
    later = clock.now + timedelta(seconds=1)
    assert [run.id for run, _ in await store.run_cards.to_announce(later)] == [2]


async def test_cards_with_quotes_are_named_once_their_words_are_gone(store: Store) -> None:
    run = await store.runs.request("schedule")
    for message, shows_quotes in (("m-1", True), ("m-2", False)):
        card = await store.run_cards.asked_for(run.id, SERVER, "news", message)
        await store.run_cards.shown(card.id, shows_quotes=shows_quotes)
    assert await store.run_cards.quoting_what_is_gone() == []
    await store.snapshots.add(Snapshot("misses one", "f", 1, 0, store.clock()), [99])
    await store.runs.advance(run.id, RunState.REFUSED, snapshot_hash="misses one", report={"replies": [1]})
    [quoting] = await store.run_cards.quoting_what_is_gone()
    assert quoting.message == "m-1"
    await store.run_cards.close(quoting.id)
    assert await store.run_cards.quoting_what_is_gone() == []
