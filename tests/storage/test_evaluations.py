"""What runs measured, in the order in which they did, each line by itself."""

from datetime import timedelta

from storage.store import Store
from storage.values import Evaluation, RunState
from tests.fakes.clock import FakeClock

SETS = ("heldout", "general")


async def measured(store: Store, challenger: str, outcome: RunState, line: str = "", champion: str = "base") -> int:
    """A run that compared two versions on two sets."""
    run = await store.runs.request("command", line)
    rows = [
        Evaluation(run.id, version, name, 10, 100, perplexity, 0.5, 1.5)
        for name in SETS
        for version, perplexity in ((champion, 20.0), (challenger, 10.0))
    ]
    await store.evaluations.add(rows)
    await store.runs.advance(run.id, outcome)
    return run.id


async def test_the_history_tells_what_became_of_every_version_oldest_first(store: Store, clock: FakeClock) -> None:
    first = await measured(store, "one", RunState.REFUSED)
    clock.now += timedelta(days=1)
    second = await measured(store, "two", RunState.PROMOTED)

    found = await store.evaluations.history(set_name="general")

    assert [(one.figures.run_id, one.figures.version, one.is_challenger, one.outcome) for one in found] == [
        (first, "base", False, RunState.REFUSED),
        (first, "one", True, RunState.REFUSED),
        (second, "base", False, RunState.PROMOTED),
        (second, "two", True, RunState.PROMOTED),
    ]
    assert found[-1].created_at - found[0].created_at == timedelta(days=1)
    assert {one.figures.set_name for one in await store.evaluations.history()} == set(SETS)


async def test_another_lines_history_is_not_told(store: Store) -> None:
    await measured(store, "one", RunState.PROMOTED)

    assert await store.evaluations.history("guild") == []


async def test_a_page_goes_on_where_the_last_one_began(store: Store) -> None:
    for number in range(3):
        await measured(store, f"v{number}", RunState.REFUSED)
    whole = await store.evaluations.history()

    newest = await store.evaluations.history(limit=5)
    older = await store.evaluations.history(before_id=newest[0].id, limit=100)

    assert [*older, *newest] == whole
    assert len(whole) == 12


async def test_a_challenger_that_is_cut_off_from_its_rival_by_the_page_is_still_one(store: Store) -> None:
    await measured(store, "one", RunState.REFUSED)

    (newest,) = await store.evaluations.history(limit=1)

    assert newest.is_challenger
