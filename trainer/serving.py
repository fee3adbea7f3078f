"""The trainer as a process: takes requests, keeps the clock, and works on one run at a time.

One trainer works at a time, whoever starts it: the lease `trainer` in the database says who. A run that a dead process
left is gone on with before a new one begins. The clock needs no memory of its own: the last run's row is it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from storage.errors import LeaseHeld, MynahError
from storage.governance import SHARED_LINE
from storage.processes import is_dead, own_name
from storage.values import Run
from trainer.due import Due, has_news
from trainer.holder import LEASE
from trainer.monitoring import Monitor
from trainer.pipeline import pinned_now, work_on
from trainer.quantising import QLORA, require_quantising
from trainer.repeating import Repeated, repeat
from trainer.schedule import cron_trigger, was_missed
from trainer.taking_back import TakenBack
from trainer.world import TrainerWorld

logger = logging.getLogger(__name__)


async def train_now(
    world: TrainerWorld, *, by: str, line: str = SHARED_LINE, on_progress: Callable[[Run], None] | None = None
) -> Run:
    """Ask for a run and do it here, to its end; one that a dead process left is finished first.

    Args:
        world: where.
        by: who asks: `command`, or the keyed hash of an admin.
        line: whose model: everybody's, or that of the server of this id.
        on_progress: called from the event loop with the run's row whenever it changes.

    Returns:
        The run as it ended; whether it was promoted or refused is its state.

    Raises:
        LeaseHeld: another process trains now.
        WrongUsage: the file of pinned conversations is broken, or the method cannot be had here; nothing was begun.
    """
    await _ready(world)
    async with _held(world):
        await world.registry.sweep()
        taken_back = TakenBack(world.store, world.work_folder)
        await taken_back.clear()
        while (left := await world.store.runs.unfinished()) is not None:
            await work_on(world, left, on_progress=on_progress)
        run = await work_on(world, await world.store.runs.request(by, line), on_progress=on_progress)
        await taken_back.clear()  # also from the report of this run, if it compared with a version that knew the words
        return run


async def repeat_run(world: TrainerWorld, run_id: int, *, tell: Callable[[float, str], None]) -> Repeated:
    """Train once more what a run trained, and say whether the same weights came of it; nothing else changes.

    Raises:
        LeaseHeld: another process trains now.
        WrongUsage: there is nothing to repeat, or not here.
        Refused: something that it learnt from was taken back since.
    """
    await _ready(world)
    async with _held(world):
        return await repeat(world, run_id, tell=tell)


async def serve(world: TrainerWorld, *, stop: asyncio.Event) -> None:
    """Work on what is asked for and what is due, until `stop` is set; a run under way is then left to be gone on with.

    Raises:
        LeaseHeld: another process is the trainer, or took over.
        WrongUsage: the crontab line in the settings is none, the file of pinned conversations is broken, or the method
            cannot be had here. A file that is broken later fails the next run, which says why.
    """
    await _ready(world)
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
            latest = await world.store.runs.latest(limit=1, line=SHARED_LINE)
            if trigger is not None and was_missed(trigger, latest[0].created_at if latest else None, world.clock()):
                await _request_by_clock(world)
            await _work_until(world, stop)
        finally:
            scheduler.shutdown(wait=False)


async def _ready(world: TrainerWorld) -> None:
    """Raise `WrongUsage` for what would fail each run."""
    await pinned_now(world)
    if world.settings.method == QLORA:
        await asyncio.to_thread(require_quantising, world.device)


async def _work_until(world: TrainerWorld, stop: asyncio.Event) -> None:
    due = Due(world)
    taken_back = TakenBack(world.store, world.work_folder)
    monitor = Monitor(world)
    asked = world.store.notices.of("runs")
    while not stop.is_set():
        try:
            await taken_back.clear()
            run = await world.store.runs.unfinished() or await world.store.runs.next_requested()
            if run is None:
                for line in await due.by_clock():
                    await _request_by_clock(world, line)
                for line in await due.by_approvals():
                    await world.store.runs.request("approvals", line)
                run = await world.store.runs.next_requested()
            if run is not None:
                await work_on(world, run, stop=stop)
                continue
            await monitor.look()
        except LeaseHeld:
            raise
        except MynahError as error:  # such as a busy database: the next look may do better
            logger.warning("trainer could not look for work", extra={"error": type(error).__name__})
        await asked.wait(world.settings.poll_seconds, stop=stop)


async def _request_by_clock(world: TrainerWorld, line: str = SHARED_LINE) -> None:
    """Ask for a run if it could change anything."""
    try:
        if await has_news(world, line):
            await world.store.runs.request("schedule", line)
        else:
            logger.info("nothing new to learn", extra={"asked_by": "schedule", "line": line})
    except MynahError as error:
        logger.warning("scheduled run not requested", extra={"error": type(error).__name__})


@asynccontextmanager
async def _held(world: TrainerWorld) -> AsyncIterator[None]:
    """The trainer's lease, taken over at once from a process of this machine that is dead for sure."""
    before = await world.store.leases.holder(LEASE)
    if before is not None and is_dead(before):
        await world.store.leases.release(LEASE, before)
    async with world.store.leases.held(LEASE, own_name(), ttl_seconds=world.settings.lease_seconds):
        yield
