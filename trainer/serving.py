"""The trainer as a process: takes requests, keeps the clock, and works on one run at a time.

One trainer works at a time, whoever starts it: the lease `trainer` in the database says who. A run that a dead process
left is gone on with before a new one begins. The clock needs no memory of its own: the last run's row is it.
"""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from storage.errors import LeaseHeld, MynahError
from storage.values import Alias, Run
from trainer.examples import Champion
from trainer.pipeline import work_on
from trainer.schedule import cron_trigger, was_missed
from trainer.world import TrainerWorld

logger = logging.getLogger(__name__)

LEASE = "trainer"


async def train_now(world: TrainerWorld, *, by: str, on_progress: Callable[[Run], None] | None = None) -> Run:
    """Ask for a run and do it here, to its end; one that a dead process left is finished first.

    Args:
        world: where.
        by: who asks: `command`, or the keyed hash of an admin.
        on_progress: called from the event loop with the run's row whenever it changes.

    Returns:
        The run as it ended; whether it was promoted or refused is its state.

    Raises:
        LeaseHeld: another process trains now.
    """
    async with _held(world):
        await world.registry.sweep()
        while (left := await world.store.runs.unfinished()) is not None:
            await work_on(world, left, on_progress=on_progress)
        run = await world.store.runs.request(by)
        return await work_on(world, run, on_progress=on_progress)


async def serve(world: TrainerWorld, *, stop: asyncio.Event) -> None:
    """Work on what is asked for and what is due, until `stop` is set; a run under way is then left to be gone on with.

    Raises:
        LeaseHeld: another process is the trainer, or took over.
        WrongUsage: the crontab line in the settings is none.
    """
    trigger = cron_trigger(world.settings.cron) if world.settings.cron.strip() else None
    async with _held(world):
        await world.registry.sweep()
        scheduler = AsyncIOScheduler()
        if trigger is not None:
            scheduler.add_job(
                _request_by_clock, trigger, args=[world], coalesce=True, misfire_grace_time=3600, max_instances=1
            )
        scheduler.start()
        logger.info("trainer serving", extra={"cron": world.settings.cron, "approvals": world.settings.approvals})
        try:
            latest = await world.store.runs.latest(limit=1)
            if trigger is not None and was_missed(trigger, latest[0].created_at if latest else None, world.clock()):
                await _request_by_clock(world)
            await _work_until(world, stop)
        finally:
            scheduler.shutdown(wait=False)


async def _work_until(world: TrainerWorld, stop: asyncio.Event) -> None:
    asked_at_review = 0
    while not stop.is_set():
        try:
            run = await world.store.runs.unfinished() or await world.store.runs.next_requested()
            if run is None:
                asked_at_review = await _request_by_approvals(world, asked_at_review)
                run = await world.store.runs.next_requested()
            if run is not None:
                await work_on(world, run, stop=stop)
                continue
        except LeaseHeld:
            raise
        except MynahError as error:  # such as a busy database: the next look may do better
            logger.warning("trainer could not look for work", extra={"error": type(error).__name__})
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), world.settings.poll_seconds)


async def _request_by_clock(world: TrainerWorld) -> None:
    """Ask for a run if it could change anything."""
    try:
        if await _has_news(world):
            await world.store.runs.request("schedule")
        else:
            logger.info("nothing new to learn", extra={"asked_by": "schedule"})
    except MynahError as error:
        logger.warning("scheduled run not requested", extra={"error": type(error).__name__})


async def _has_news(world: TrainerWorld) -> bool:
    """Whether something was approved since the last run, or taken back since the champion was made."""
    learnt = await world.store.runs.newest_review_learnt()
    if await world.store.candidates.approved_after(learnt) > 0:
        return True
    return await world.store.aliases.current(Alias.CHAMPION) is not None and (await Champion.now(world)).removed > 0


async def _request_by_approvals(world: TrainerWorld, asked_at_review: int) -> int:
    """Ask for a run when enough was approved; returns the newest review it was last asked for.

    A run that failed has learnt nothing, but trying the same again at once would fail again.
    """
    wanted = world.settings.approvals
    if not wanted:
        return asked_at_review
    learnt = await world.store.runs.newest_review_learnt()
    newest = await world.store.candidates.newest_review_id()
    if newest <= asked_at_review or await world.store.candidates.approved_after(learnt) < wanted:
        return asked_at_review
    await world.store.runs.request("approvals")
    return newest


@asynccontextmanager
async def _held(world: TrainerWorld) -> AsyncIterator[None]:
    """The trainer's lease, taken over at once from a process of this machine that is dead for sure."""
    before = await world.store.leases.holder(LEASE)
    if before is not None and _is_dead(before):
        await world.store.leases.release(LEASE, before)
    async with world.store.leases.held(LEASE, _own_name(), ttl_seconds=world.settings.lease_seconds):
        yield


def _machine() -> str:
    """This machine since it was switched on: a container of the same name elsewhere has another."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""
    return f"{socket.gethostname()}/{boot}"


def _own_name() -> str:
    return f"{_machine()}:{os.getpid()}:{secrets.token_hex(4)}"


def _is_dead(holder: str) -> bool:
    """Whether a lease's holder is a process of this machine that lives no more."""
    machine, _, rest = holder.rpartition(":")[0].rpartition(":")
    if not machine or machine != _machine() or not rest.isdigit():
        return False
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
