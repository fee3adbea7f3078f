import asyncio

import pytest

from storage.errors import Refused, WrongUsage
from storage.store import Store
from storage.values import Evaluation, RunState
from tests.fakes.clock import FakeClock


async def test_a_request_waits_once_however_many_ask(store: Store, clock: FakeClock) -> None:
    runs = await asyncio.gather(*(store.runs.request("command") for _ in range(5)))
    assert len({run.id for run in runs}) == 1
    assert await store.runs.next_requested() == runs[0]
    assert (runs[0].state, runs[0].progress, runs[0].created_at) == (RunState.REQUESTED, 0.0, clock.now)


async def test_a_run_that_began_does_not_keep_the_next_from_being_asked_for(store: Store) -> None:
    begun = await store.runs.request("command")
    await store.runs.advance(begun.id, RunState.TRAINING)
    assert (await store.runs.request("schedule")).id != begun.id
    unfinished = await store.runs.unfinished()
    assert unfinished is not None
    assert unfinished.id == begun.id


async def test_a_run_moves_on_and_keeps_what_is_not_told(store: Store, clock: FakeClock) -> None:
    run = await store.runs.request("command")
    await store.runs.advance(run.id, RunState.BUILDING, progress=0.2, note="building", snapshot_hash="s")
    clock.advance(3)
    moved = await store.runs.advance(run.id, RunState.TRAINING, progress=0.5)
    assert (moved.state, moved.progress, moved.note, moved.snapshot_hash) == (RunState.TRAINING, 0.5, "building", "s")
    assert (moved.updated_at, moved.finished_at) == (clock.now, None)
    assert await store.runs.get(run.id) == moved


async def test_a_final_state_ends_the_run(store: Store, clock: FakeClock) -> None:
    run = await store.runs.request("command")
    report = {"perplexity": 12.5, "gate": ["held-out", None], "nested": {"passed": True}}
    ended = await store.runs.advance(run.id, RunState.PROMOTED, version="v", report=report)
    assert (ended.finished_at, ended.version, ended.report) == (clock.now, "v", report)
    assert await store.runs.unfinished() is None
    assert await store.runs.next_requested() is None


async def test_a_run_that_ended_does_not_move_on(store: Store) -> None:
    run = await store.runs.request("command")
    await store.runs.advance(run.id, RunState.FAILED)
    with pytest.raises(Refused, match="ended"):
        await store.runs.advance(run.id, RunState.TRAINING)
    with pytest.raises(Refused, match="ended"):
        await store.runs.cancel(run.id)


async def test_a_report_may_hold_figures_that_are_no_numbers(store: Store) -> None:
    run = await store.runs.request("command")
    await store.runs.advance(run.id, RunState.REFUSED, report={"loss": float("nan"), "text": "a\x00\ud800"})
    read = await store.runs.get(run.id)
    assert read is not None
    assert read.report == {"loss": None, "text": "a\ufffd\ufffd"}


async def test_a_run_not_begun_is_cancelled_at_once(store: Store) -> None:
    run = await store.runs.request("command")
    cancelled = await store.runs.cancel(run.id)
    assert cancelled.state is RunState.CANCELLED
    assert cancelled.finished_at is not None


async def test_a_run_at_work_is_asked_to_stop(store: Store) -> None:
    run = await store.runs.request("command")
    await store.runs.advance(run.id, RunState.TRAINING)
    asked = await store.runs.cancel(run.id)
    assert (asked.state, asked.cancel_requested, asked.finished_at) == (RunState.TRAINING, True, None)


async def test_an_unknown_run_is_named(store: Store) -> None:
    with pytest.raises(WrongUsage, match="run 5"):
        await store.runs.advance(5, RunState.TRAINING)
    with pytest.raises(WrongUsage, match="run 5"):
        await store.runs.cancel(5)
    assert await store.runs.get(5) is None


async def test_the_latest_runs_come_first(store: Store) -> None:
    ids = []
    for _ in range(3):
        run = await store.runs.request("command")
        await store.runs.advance(run.id, RunState.FAILED)
        ids.append(run.id)
    assert [run.id for run in await store.runs.latest(limit=2)] == [ids[2], ids[1]]


async def test_reviews_count_as_learnt_only_by_runs_that_reached_the_gate(store: Store) -> None:
    assert await store.runs.newest_review_learnt() == 0
    for state, review in ((RunState.REFUSED, 4), (RunState.FAILED, 9), (RunState.CANCELLED, 8), (RunState.TRAINING, 7)):
        run = await store.runs.request("command")
        await store.runs.advance(run.id, state, newest_review_id=review)
    assert await store.runs.newest_review_learnt() == 4


async def test_figures_are_read_back_also_those_of_a_diverged_model(store: Store) -> None:
    good = Evaluation(None, "v", "heldout", 10, 200, 12.5, 0.4, 1.1)
    bad = Evaluation(3, "v", "general", 10, 200, float("inf"), 0.0, float("nan"))
    await store.evaluations.add([good, bad])
    read = await store.evaluations.of_version("v")
    assert read[0] == good
    assert read[1].perplexity == float("inf")
    assert read[1].bits_per_byte != read[1].bits_per_byte
    assert await store.evaluations.of_version("w") == []
