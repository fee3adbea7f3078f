import asyncio

import pytest

from storage.errors import LeaseHeld
from storage.store import Store
from tests.fakes.clock import FakeClock


async def test_one_holder_at_a_time(store: Store) -> None:
    assert await store.leases.acquire("train", "a", ttl_seconds=60)
    assert not await store.leases.acquire("train", "b", ttl_seconds=60)
    assert await store.leases.acquire("other work", "b", ttl_seconds=60)
    assert await store.leases.holder("train") == "a"


async def test_a_lease_runs_out(store: Store, clock: FakeClock) -> None:
    await store.leases.acquire("train", "a", ttl_seconds=60)
    clock.advance(61)
    assert await store.leases.holder("train") is None
    assert await store.leases.acquire("train", "b", ttl_seconds=60)
    assert not await store.leases.acquire("train", "a", ttl_seconds=60)


async def test_renewing_makes_it_last(store: Store, clock: FakeClock) -> None:
    await store.leases.acquire("train", "a", ttl_seconds=60)
    clock.advance(50)
    assert await store.leases.acquire("train", "a", ttl_seconds=60)
    clock.advance(50)
    assert not await store.leases.acquire("train", "b", ttl_seconds=60)


async def test_a_lease_given_back_is_free_and_only_its_holder_gives_it_back(store: Store) -> None:
    await store.leases.acquire("train", "a", ttl_seconds=60)
    await store.leases.release("train", "b")
    assert await store.leases.holder("train") == "a"
    await store.leases.release("train", "a")
    assert await store.leases.holder("train") is None


async def test_of_many_at_once_one_gets_it(store: Store) -> None:
    got = await asyncio.gather(*(store.leases.acquire("train", f"p{n}", ttl_seconds=60) for n in range(10)))
    assert sum(got) == 1


async def test_work_is_done_under_a_lease_that_is_given_back(store: Store) -> None:
    async with store.leases.held("train", "a", ttl_seconds=60):
        assert await store.leases.holder("train") == "a"
        with pytest.raises(LeaseHeld, match="held by a"):
            async with store.leases.held("train", "b", ttl_seconds=60):
                raise AssertionError("two hold it")
    assert await store.leases.holder("train") is None


async def test_a_lease_is_given_back_when_the_work_fails(store: Store) -> None:
    with pytest.raises(ValueError, match="oops"):
        async with store.leases.held("train", "a", ttl_seconds=60):
            raise ValueError("oops")
    assert await store.leases.holder("train") is None


async def test_a_held_lease_is_renewed_while_the_work_lasts(store: Store, clock: FakeClock) -> None:
    async with store.leases.held("train", "a", ttl_seconds=0.03):
        clock.advance(1)
        while await store.leases.holder("train") is None:  # noqa: ASYNC110 - the database is all there is to see
            await asyncio.sleep(0.005)


async def test_work_whose_lease_was_taken_over_is_stopped(store: Store, clock: FakeClock) -> None:
    async def work() -> None:
        async with store.leases.held("train", "a", ttl_seconds=0.3):
            clock.advance(1)
            assert await store.leases.acquire("train", "b", ttl_seconds=60)
            await asyncio.Event().wait()

    with pytest.raises(LeaseHeld, match="took over"):
        await work()
    assert await store.leases.holder("train") == "b"


async def test_cancelling_the_work_is_not_mistaken_for_a_lost_lease(store: Store) -> None:
    begun = asyncio.Event()

    async def work() -> None:
        async with store.leases.held("train", "a", ttl_seconds=60):
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await store.leases.holder("train") is None
