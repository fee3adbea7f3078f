"""PostgreSQL goes away and comes back: every write happens once, and who asks meanwhile is answered."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from storage import postgres
from storage.errors import MynahError, WrongUsage
from storage.outages import Outages
from storage.settings import StoreSettings
from storage.store import Store, open_store
from tests.fakes.clock import FakeClock
from tests.fakes.cut_off import CutOff, Lost, cut_off
from tests.fakes.postgres import PostgresServer, programs_are_here, restartable_postgres
from tests.storage.talk import SERVER, say

FOREVER = 60.0


@pytest.fixture
async def between(postgres_url: str) -> AsyncIterator[CutOff]:
    async with cut_off(postgres_url) as opened:
        yield opened


@pytest.fixture
async def cut_store(between: CutOff, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Store]:
    """A store whose connections are lost when the test says so."""
    async with open_store(StoreSettings(url=between.url), tmp_path / "home", clock=clock) as opened:
        yield opened


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server that the test may stop."""
    if not programs_are_here():
        pytest.skip("no PostgreSQL: install Debian's package postgresql")
    with restartable_postgres() as running:
        yield running


async def turns(store: Store) -> list[str]:
    return sorted(turn.text for turn in await store.conversations.newest(limit=1000))


@pytest.mark.parametrize(
    "losses",
    [
        pytest.param([Lost.REQUEST], id="before it arrived"),
        pytest.param([Lost.ANSWER], id="after it was done"),
        pytest.param([Lost.REQUEST, Lost.ANSWER], id="before, and again after"),
        pytest.param([Lost.REQUEST, Lost.REQUEST, Lost.REQUEST], id="three times before"),
    ],
)
async def test_a_write_whose_connection_is_lost_in_its_commit_happens_once(
    cut_store: Store, between: CutOff, losses: list[Lost]
) -> None:
    before = await say(cut_store, "before")
    between.losses.extend(losses)
    lost = await say(cut_store, "lost")
    after = await say(cut_store, "after")
    assert not between.losses
    assert before.id < lost.id < after.id
    assert await turns(cut_store) == ["after", "before", "lost"]
    assert await cut_store.conversations.turn(lost.id) == lost


@pytest.mark.parametrize("loss", Lost)
async def test_a_group_whose_connection_is_lost_happens_once_and_its_failures_stay_failures(
    cut_store: Store, between: CutOff, loss: Lost
) -> None:
    await say(cut_store, "before")
    between.losses.append(loss)
    outcomes = await asyncio.gather(
        say(cut_store, "one"),
        cut_store.votes.cast(999, "ada", 1),
        say(cut_store, "two"),
        return_exceptions=True,
    )
    assert not between.losses
    assert isinstance(outcomes[1], MynahError)
    assert await turns(cut_store) == ["before", "one", "two"]


async def test_what_another_process_committed_meanwhile_is_not_taken_for_ours(
    cut_store: Store, between: CutOff, postgres_url: str, tmp_path: Path, clock: FakeClock
) -> None:
    await say(cut_store, "before")
    async with open_store(StoreSettings(url=postgres_url), tmp_path / "other", clock=clock) as other:
        between.losses.append(Lost.REQUEST)
        await asyncio.gather(say(cut_store, "ours"), say(other, "theirs"), say(other, "theirs too"))
        assert await turns(other) == ["before", "ours", "theirs", "theirs too"]


async def test_a_commit_that_stands_is_not_told_as_not_written_because_another_holds_the_lock(
    between: CutOff, postgres_url: str, tmp_path: Path, clock: FakeClock
) -> None:
    held: list[asyncio.Task[None]] = []

    class Taken(deque[Lost]):
        def popleft(self) -> Lost:
            held.append(asyncio.create_task(hold()))
            return super().popleft()

    async def hold() -> None:
        engine = create_async_engine(postgres_url)
        async with engine.begin() as connection:
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({postgres._LOCK})"))
            await asyncio.sleep(1.5)
        await engine.dispose()

    settings = StoreSettings(url=between.url, busy_timeout_seconds=0.2)
    async with open_store(settings, tmp_path / "home", clock=clock) as store:
        await say(store, "before")
        between.losses = Taken([Lost.ANSWER])
        await say(store, "lost")
        await asyncio.gather(*held)
        assert len(held) == 1
        assert await turns(store) == ["before", "lost"]


@pytest.mark.parametrize("loss", Lost)
async def test_a_read_whose_connection_is_lost_is_made_again(cut_store: Store, between: CutOff, loss: Lost) -> None:
    await say(cut_store, "before")
    between.word = b"FROM turns"
    between.losses.append(loss)
    assert await turns(cut_store) == ["before"]
    assert not between.losses


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_a_restart_of_the_server_loses_nothing_and_doubles_nothing(
    server: PostgresServer, tmp_path: Path, clock: FakeClock, mode: str
) -> None:
    said: list[str] = []
    async with open_store(StoreSettings(url=server.url), tmp_path / "home", clock=clock) as store:

        async def talk(who: int) -> None:
            number = 0
            while not is_back.is_set() or number < 3:
                name = f"{who}-{number}"
                await say(store, name, external_id=name)
                said.append(name)
                number += 1
                if len(said) == 20:
                    is_busy.set()

        is_busy, is_back = asyncio.Event(), asyncio.Event()
        talking = [asyncio.create_task(talk(who)) for who in range(4)]
        await asyncio.wait_for(is_busy.wait(), FOREVER)
        await asyncio.to_thread(server.stop, mode)
        await asyncio.to_thread(server.start)
        is_back.set()
        await asyncio.wait_for(asyncio.gather(*talking), FOREVER)
        assert await turns(store) == sorted(said)
        await store.conversations.delete(SERVER, said)
        assert await turns(store) == []


async def test_an_outage_beyond_patience_is_told_and_the_next_success_ends_it(
    server: PostgresServer, tmp_path: Path, clock: FakeClock
) -> None:
    settings = StoreSettings(url=server.url, outage_seconds=0.01)
    async with open_store(settings, tmp_path / "home", clock=clock) as store:
        await say(store, "before")
        await asyncio.to_thread(server.stop)
        for _ in range(2):
            with pytest.raises(MynahError, match="cannot be reached"):
                await asyncio.wait_for(say(store, "lost"), FOREVER)
            with pytest.raises(MynahError, match="cannot be reached"):
                await asyncio.wait_for(turns(store), FOREVER)
        await asyncio.to_thread(server.start)
        await say(store, "after")
        assert await turns(store) == ["after", "before"]


async def test_a_server_that_was_never_reached_is_not_waited_for() -> None:
    tries = 0

    async def act() -> None:
        nonlocal tries
        tries += 1
        raise ConnectionRefusedError

    with pytest.raises(ConnectionRefusedError):
        await Outages(1e9).outlast(act)
    assert tries == 1


async def test_what_is_no_outage_is_not_tried_again() -> None:
    tries = 0

    async def act() -> None:
        nonlocal tries
        tries += 1
        if tries > 1:
            raise WrongUsage("no")

    outages = Outages(1e9)
    await outages.outlast(act)
    with pytest.raises(WrongUsage):
        await outages.outlast(act)
    assert tries == 2
