"""The trainer looks once a day at how versions wear: it keeps numbers, proposes, and begins nothing."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from storage.monitoring import bounds, day_of
from storage.monitoring_values import State
from storage.signals import HEARD_WITHIN
from storage.values import Alias, CandidateState, ModelVersion, NewTurn, Outcome, Role, Source, Turn, Verdict
from tests.fakes.clock import FakeClock
from tests.trainer.conftest import QUICK, SERVER, opened, teach, with_settings
from trainer.curation import Example
from trainer.due import Due, has_news
from trainer.examples import Approved
from trainer.monitoring import Monitor
from trainer.serving import serve
from trainer.snapshots import DatasetSnapshot, SnapshotFolder
from trainer.world import TrainerWorld

DAY = 24 * 3600


@pytest.fixture
def clock() -> FakeClock:
    """At noon, so that a few minutes stay on the day."""
    clock = FakeClock()
    clock.now = clock.now.replace(hour=12, minute=0)
    return clock


@pytest.fixture
async def world(tmp_path: Path, clock: FakeClock) -> AsyncIterator[TrainerWorld]:
    """The trainer's world on a clock that the test moves; few events are enough."""
    async with opened(tmp_path, QUICK.model_copy(update={"monitor_min_events": 20}), clock=clock) as one:
        yield one


async def say(world: TrainerWorld, place: int, text: str, reply_to: int | None = None) -> Turn:
    """A message of a member, or the base's answer to one."""
    new = NewTurn(
        place,
        Role.USER if reply_to is None else Role.ASSISTANT,
        text,
        Source.MESSAGE,
        Verdict(Outcome.PASS, text),
        author_key="ada" if reply_to is None else None,
        model_version=None if reply_to is None else world.base_version,
        reply_to=reply_to,
    )
    return await world.store.conversations.add_turn(new)


async def talk(world: TrainerWorld, times: int, next_words: str = "") -> None:
    """A member asks some times and is answered, and may say something next; each time in another conversation."""
    for _ in range(times):
        await world.store.conversations.reset(SERVER, "general")
        place = (await world.store.conversations.current(SERVER, "general")).id
        asked = await say(world, place, "how deep is the bay")
        await say(world, place, "twenty fathoms", asked.id)
        if next_words:
            await world.store.review_queue.heard(await say(world, place, next_words))


async def wears(world: TrainerWorld, clock: FakeClock) -> None:
    """A good day, and a bad one a week and more later; then it is the day after."""
    await talk(world, 30, "thanks")
    clock.advance(QUICK.monitor_days * DAY)
    await talk(world, 30, "no, wrong")
    clock.advance(DAY)


async def test_a_version_that_wears_gets_a_retrain_proposed_and_none_begun(
    world: TrainerWorld, clock: FakeClock
) -> None:
    await wears(world, clock)
    await Monitor(world).look()
    proposal = await world.store.proposals.standing()
    assert proposal is not None
    assert proposal.version == world.base_version
    assert ["no or asked again" in reason for reason in proposal.reasons] == [True]
    newest = await world.store.monitoring.newest("", world.base_version)
    assert newest is not None
    states = {one.name: one.state for one in newest.measures}
    assert states["next_words"] is State.WORSE
    assert states["votes"] is states["perplexity"] is states["drift"] is State.TOO_FEW
    assert await world.store.runs.latest() == []
    assert await Due(world).by_approvals() == await Due(world).by_clock() == []


async def test_a_version_that_does_not_wear_gets_none(world: TrainerWorld, clock: FakeClock) -> None:
    await talk(world, 30, "thanks")
    clock.advance(QUICK.monitor_days * DAY)
    await talk(world, 30, "thanks")
    clock.advance(DAY)
    await Monitor(world).look()
    assert await world.store.proposals.standing() is None
    assert await world.store.monitoring.newest("", world.base_version) is not None


async def test_a_retrain_is_proposed_once_however_long_it_stays_bad(world: TrainerWorld, clock: FakeClock) -> None:
    await wears(world, clock)
    monitor = Monitor(world)
    await monitor.look()
    first = await world.store.proposals.standing()
    await talk(world, 30, "no, wrong")
    clock.advance(DAY)
    await monitor.look()
    assert await world.store.proposals.standing() == first


async def test_words_and_votes_alone_make_nothing_learnable(world: TrainerWorld, clock: FakeClock) -> None:
    await teach(
        world, [("how deep is the bay", "twenty fathoms")], source=Source.MESSAGE, author_keys=("ada",), approve=False
    )
    await wears(world, clock)
    await Monitor(world).look()
    counts = await world.store.candidates.counts()
    assert (counts[CandidateState.WAITING], counts[CandidateState.APPROVED]) == (1, 0)
    curated, newest_review = await Approved(world).curated(lambda: None)
    assert curated.examples == ()
    assert newest_review == 0
    assert not await has_news(world)


async def test_a_day_is_looked_at_once_it_is_known_who_left(world: TrainerWorld, clock: FakeClock) -> None:
    await talk(world, 2)
    said_on = day_of(clock.now)
    clock.now = bounds(said_on)[1] + HEARD_WITHIN - timedelta(seconds=1)
    monitor = Monitor(world)
    await monitor.look()
    assert said_on not in {one.day for one in await world.store.monitoring.history()}
    clock.advance(1)
    await monitor.look()
    [counted] = [one for one in await world.store.monitoring.history() if one.day == said_on]
    assert counted.counts.left == 2


async def test_it_is_not_looked_again_on_the_same_day(
    world: TrainerWorld, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor = Monitor(world)
    await monitor.look()

    async def no_more(*_: object, **__: object) -> None:
        pytest.fail("it looked again")

    monkeypatch.setattr(world.store.monitoring, "history", no_more)
    monkeypatch.setattr(world.store.monitoring, "tally", no_more)
    clock.advance(60)
    await monitor.look()


async def test_it_can_be_turned_off(world: TrainerWorld, clock: FakeClock) -> None:
    await wears(world, clock)
    await Monitor(with_settings(world, monitor=False)).look()
    assert await world.store.monitoring.history() == []


async def test_what_fails_stops_no_trainer(
    world: TrainerWorld, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("something inside")

    monkeypatch.setattr(world.store.monitoring, "tally", broken)
    await wears(world, clock)
    await Monitor(world).look()
    assert "line not monitored" in caplog.text


async def test_new_approved_exchanges_are_read_with_the_champion(world: TrainerWorld, clock: FakeClock) -> None:
    await teach(world, [("how deep is the bay", "twenty fathoms"), ("who rang", "the cook")])
    clock.advance(DAY)
    await Monitor(world).look()
    newest = await world.store.monitoring.newest("", world.base_version)
    assert newest is not None
    assert newest.surprise is not None
    assert newest.surprise.items == 2
    assert newest.surprise.nats == pytest.approx(newest.surprise.tokens * newest.surprise.loss_sum / 2, rel=0.5), (
        "a random model is about as surprised by each token"
    )


async def test_drift_is_measured_against_what_the_champion_learnt(world: TrainerWorld, clock: FakeClock) -> None:
    world = with_settings(world, monitor_min_words=60)
    made = await teach(world, [(f"what about dice and cards number {number}", "a game") for number in range(15)])
    examples = [Example(one.id, one.messages, one.content_hash, one.source, (), "here", one.id) for one in made]
    snapshot = DatasetSnapshot.of(examples, [])
    SnapshotFolder(world.work_folder / "snapshots").write(snapshot)
    await world.store.consents.set(SERVER, "ada", allowed=True)
    await talk(world, 30)
    clock.advance(DAY)
    champion = await world.registry.resolve(world.base_version)
    monitor = Monitor(world)
    last = day_of(clock.now) - timedelta(days=1)
    found = await monitor._drift("", _learnt(champion, snapshot.content_hash), last)
    assert found is not None
    assert found.sure_excess > 0.3
    assert await monitor._drift("", champion, last) is None, "the base has learnt from no talk"
    assert await monitor._drift("", _learnt(champion, "gone"), last) is None
    few = Monitor(with_settings(world, monitor_min_words=10_000))
    assert await few._drift("", _learnt(champion, snapshot.content_hash), last) is None


def _learnt(version: ModelVersion, snapshot_hash: str) -> ModelVersion:
    return replace(version, snapshot_hash=snapshot_hash)


async def test_the_trainer_looks_when_nothing_else_is_to_do(world: TrainerWorld, clock: FakeClock) -> None:
    await wears(world, clock)
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(world, stop=stop))
    async with asyncio.timeout(60):
        while await world.store.proposals.standing() is None:  # noqa: ASYNC110 - nothing tells when it has looked
            await asyncio.sleep(0.01)
    stop.set()
    await serving
    assert await world.store.runs.latest() == []
    assert await world.store.aliases.current(Alias.CHAMPION) == world.base_version
