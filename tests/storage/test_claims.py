"""Of several bots, one answers a message; a bot that is gone, or too slow, loses it."""

import asyncio
from typing import Any

import pytest

from storage.bots import SILENT_SECONDS
from storage.claims import Claim
from storage.store import Store
from tests.fakes.clock import FakeClock

ONE, OTHER = "elsewhere/boot:1:aa", "elsewhere/boot:2:bb"


@pytest.fixture(autouse=True)
async def both_are_there(store: Store) -> None:
    for name in (ONE, OTHER):
        await store.bots.seen(name, version="v1", shards="")


async def claim(store: Store, holder: str, message: str = "m-1", **given: Any) -> Claim:
    asked: dict[str, Any] = {
        "channel": "pier",
        "author_key": "ada",
        "holder": holder,
        "messages_per_minute": 20,
        "patience_seconds": 60,
        **given,
    }
    return await store.claims.claim("harbour", message, **asked)


async def test_one_of_those_that_ask_at_once_gets_it(store: Store) -> None:
    claims = await asyncio.gather(*(claim(store, holder) for holder in (ONE, OTHER)))
    assert sorted(claims) == [Claim.OURS, Claim.TAKEN]
    assert await claim(store, ONE if claims[0] is Claim.OURS else OTHER) is Claim.OURS


async def test_what_is_answered_stays_answered(store: Store, clock: FakeClock) -> None:
    await claim(store, ONE)
    await store.claims.end("harbour", "m-1", holder=ONE)
    await store.bots.left(ONE)
    clock.advance(600)
    await store.bots.seen(OTHER, version="v1", shards="")
    assert await claim(store, OTHER) is Claim.TAKEN


async def test_another_cannot_end_it(store: Store) -> None:
    await claim(store, ONE)
    await store.claims.end("harbour", "m-1", holder=OTHER)
    await store.bots.left(ONE)
    assert await claim(store, OTHER) is Claim.OURS


async def test_who_falls_silent_loses_it(store: Store, clock: FakeClock) -> None:
    await claim(store, ONE)
    clock.advance(SILENT_SECONDS - 1)
    assert await store.bots.seen(OTHER, version="v1", shards="") != []
    assert await claim(store, OTHER) is Claim.TAKEN
    clock.advance(2)
    assert await store.bots.seen(OTHER, version="v1", shards="") == []
    assert await claim(store, OTHER) is Claim.OURS


async def test_who_takes_too_long_loses_it(store: Store, clock: FakeClock) -> None:
    await claim(store, ONE)
    for _ in range(6):
        clock.advance(10)
        await store.bots.seen(ONE, version="v1", shards="")
    assert await claim(store, OTHER) is Claim.OURS


async def test_the_limit_counts_what_all_let_through(store: Store, clock: FakeClock) -> None:
    for number, holder in enumerate((ONE, OTHER)):
        assert await claim(store, holder, f"m-{number}", channel=f"c-{number}", messages_per_minute=2) is Claim.OURS
    assert await claim(store, ONE, "m-3", messages_per_minute=2) is Claim.TOO_MANY
    assert await claim(store, OTHER, "m-3", messages_per_minute=2) is Claim.TAKEN  # who refuses it, has it
    assert await claim(store, OTHER, "m-4", author_key="bob", messages_per_minute=2) is Claim.OURS
    clock.advance(61)
    assert await claim(store, ONE, "m-5", messages_per_minute=2) is Claim.OURS


async def test_a_member_is_answered_by_one_at_a_time_in_a_channel(store: Store) -> None:
    await claim(store, ONE)
    assert await claim(store, OTHER, "m-2") is Claim.STILL_ANSWERING
    assert await claim(store, OTHER, "m-3", channel="another") is Claim.OURS
    await store.claims.end("harbour", "m-1", holder=ONE)
    assert await claim(store, OTHER, "m-4") is Claim.OURS


async def test_nothing_is_kept_for_long(store: Store, clock: FakeClock) -> None:
    await claim(store, ONE)
    clock.advance(3599)
    await store.claims.sweep()
    assert await store.claims.count() == 1
    clock.advance(2)
    await store.claims.sweep()
    assert await store.claims.count() == 0


async def test_forgetting_a_member_deletes_their_claims(store: Store) -> None:
    await claim(store, ONE)
    await claim(store, ONE, "m-2", author_key="bob")
    await store.members.forget("ada")
    assert await store.claims.count() == 1


async def test_who_is_there_says_what_it_answers_with(store: Store, clock: FakeClock) -> None:
    clock.advance(1)
    [other] = await store.bots.seen(ONE, version="v2", shards="0 of 2")
    assert other.name == OTHER
    there = {bot.name: bot for bot in await store.bots.there()}
    assert (there[ONE].version, there[ONE].shards) == ("v2", "0 of 2")
    assert there[ONE].started_at < there[ONE].seen_at == clock.now
    await store.bots.left(ONE)
    assert [bot.name for bot in await store.bots.there()] == [OTHER]
