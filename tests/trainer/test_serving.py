"""The trainer as a process: requests, the clock, approvals, and ending politely."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.errors import LeaseHeld, WrongUsage
from storage.processes import machine
from storage.values import Run, RunState
from tests.trainer.conftest import facts, opened, teach, with_settings
from trainer.holder import LEASE
from trainer.schedule import cron_trigger, was_missed
from trainer.serving import serve, train_now
from trainer.world import TrainerWorld

pytestmark = pytest.mark.usefixtures("lenient_gate")
QUICKEST = {"max_steps": 2, "replay_share": 0.0}


async def served_until(world: TrainerWorld, is_done: Callable[[], Awaitable[bool]]) -> None:
    """Serve until something has come about."""
    stop = asyncio.Event()
    serving_task = asyncio.create_task(serve(world, stop=stop))
    try:
        async with asyncio.timeout(120):
            while not await is_done() and not serving_task.done():  # noqa: ASYNC110 - the rows have no event
                await asyncio.sleep(0.05)
    finally:
        stop.set()
        await serving_task


def newest_is_over(world: TrainerWorld) -> Callable[[], Awaitable[bool]]:
    async def is_over() -> bool:
        runs = await world.store.runs.latest(limit=1)
        return bool(runs) and runs[0].state.is_final

    return is_over


async def newest(world: TrainerWorld) -> Run:
    return (await world.store.runs.latest(limit=1))[0]


async def test_a_request_is_worked_on_and_the_lease_given_back(world: TrainerWorld) -> None:
    world = with_settings(world, **QUICKEST)
    await teach(world, facts()[:3])
    await world.store.runs.request("admin")

    await served_until(world, newest_is_over(world))

    assert (await newest(world)).requested_by == "admin"
    assert await world.store.leases.holder(LEASE) is None


async def test_enough_approvals_ask_for_a_run_once(world: TrainerWorld) -> None:
    world = with_settings(world, approvals=3, **QUICKEST)
    await teach(world, facts()[:3])

    await served_until(world, newest_is_over(world))
    run = await newest(world)
    assert run.requested_by == "approvals"

    stop = asyncio.Event()
    task = asyncio.create_task(serve(world, stop=stop))
    await asyncio.sleep(0.5)
    stop.set()
    await task
    assert (await newest(world)).id == run.id


async def test_fewer_approvals_than_wanted_ask_for_nothing(world: TrainerWorld) -> None:
    world = with_settings(world, approvals=3)
    await teach(world, facts()[:2])

    stop = asyncio.Event()
    task = asyncio.create_task(serve(world, stop=stop))
    await asyncio.sleep(0.5)
    stop.set()
    await task

    assert await world.store.runs.latest() == []


async def test_a_night_that_was_slept_through_is_caught_up_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as plain:
        now = datetime.now(UTC)
        world = with_settings(plain, cron="0 4 * * *", **QUICKEST)
        await teach(world, facts()[:3])
        await world.store.runs.cancel((await world.store.runs.request("command")).id)
        later = TrainerWorld(**{**vars(world), "clock": lambda: now + timedelta(days=3)})

        await served_until(later, newest_is_asked_by(later, "schedule"))

        asked = [run for run in await world.store.runs.latest() if run.requested_by == "schedule"]
        assert len(asked) == 1


def newest_is_asked_by(world: TrainerWorld, by: str) -> Callable[[], Awaitable[bool]]:
    async def is_asked() -> bool:
        run = await newest(world)
        return run.requested_by == by and run.state.is_final

    return is_asked


async def test_stopping_leaves_a_run_to_be_gone_on_with(world: TrainerWorld) -> None:
    world = with_settings(world, max_steps=5000)
    await teach(world, facts())
    run = await world.store.runs.request("admin")

    async def trains() -> bool:
        now = await world.store.runs.get(run.id)
        return now is not None and now.note.startswith("Training: step")

    await served_until(world, trains)

    left = await world.store.runs.unfinished()
    assert left is not None
    assert left.state is RunState.TRAINING
    done = await train_now(with_settings(world, **QUICKEST), by="command")
    assert done.state.is_final
    assert await world.store.runs.unfinished() is None


async def test_two_trainers_do_not_work_at_once(world: TrainerWorld) -> None:
    async with world.store.leases.held(LEASE, "another machine", ttl_seconds=60):
        with pytest.raises(LeaseHeld):
            await serve(world, stop=asyncio.Event())


async def test_the_lease_of_a_dead_process_of_this_machine_is_taken_over_at_once(world: TrainerWorld) -> None:
    child = await asyncio.create_subprocess_exec("true")
    await child.wait()
    dead = f"{machine()}:{child.pid}:abcd"
    assert await world.store.leases.acquire(LEASE, dead, ttl_seconds=600)

    run = await train_now(world, by="command")

    assert "nothing approved" in run.note


@pytest.mark.parametrize(
    "holder",
    [f"{socket.gethostname()}/another-boot:1:ab", "elsewhere", "", f"{{machine}}:{os.getpid()}:ab"],
    ids=["another boot", "another format", "nobody", "alive"],
)
async def test_the_lease_of_anyone_else_is_left_alone(world: TrainerWorld, holder: str) -> None:
    name = holder.replace("{machine}", machine()) or "x"
    assert await world.store.leases.acquire(LEASE, name, ttl_seconds=600)

    with pytest.raises(LeaseHeld):
        await train_now(world, by="command")


async def test_a_crontab_line_that_is_none_is_said_before_anything_begins(world: TrainerWorld) -> None:
    with pytest.raises(WrongUsage, match="MYNAH_TRAINER__CRON"):
        await serve(with_settings(world, cron="every night"), stop=asyncio.Event())


@pytest.mark.parametrize("line", ["", "* * * *", "61 * * * *", "0 4 * * 9", "0 4 * * mon-xyz", "a b c d e"])
def test_lines_that_are_no_crontab_are_refused(line: str) -> None:
    with pytest.raises(WrongUsage):
        cron_trigger(line)


@pytest.mark.parametrize(
    ("line", "day"),
    [("0 4 * * 0", 6), ("0 4 * * 7", 6), ("0 4 * * 1", 0), ("0 4 * * sat", 5), ("0 4 * * 5-5", 4)],
)
def test_weekdays_are_counted_as_crontab_counts_them(line: str, day: int) -> None:
    due = cron_trigger(line).get_next_fire_time(None, datetime(2026, 1, 1, tzinfo=UTC))

    assert due is not None
    assert due.weekday() == day


def test_a_stroke_of_the_clock_is_missed_only_if_there_was_one_since_the_last_run() -> None:
    trigger = cron_trigger("0 4 * * *")
    now = datetime(2026, 1, 10, 12, tzinfo=UTC)

    assert was_missed(trigger, now - timedelta(days=2), now)
    assert not was_missed(trigger, now - timedelta(seconds=1), now)
    assert not was_missed(trigger, None, now)
