"""Reports of runs quote words that members may take back: then no row quotes them any more."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from storage.errors import WrongUsage
from storage.run_quotes import without_quotes
from storage.store import Store
from storage.values import Candidate, ModelVersion, Run, RunState, Snapshot
from tests.fakes.clock import FakeClock
from tests.storage.talk import CHANNEL, SERVER, approved, example, passed, say

SECRET = "the key is under the blue pot"
CARD = f"**Promoted.** It knows more.\n✗ One thing.\n> where is the key\n  before: no\n  after: {SECRET}"


def report(champion: str = "base") -> dict[str, object]:
    return {
        "verdict": "It knows more.",
        "champion": champion,
        "figures": {"heldout": {}},
        "replies": [{"prompt": "where is the key", "before": "no", "after": SECRET, "taught": SECRET}],
        "markdown": CARD,
    }


async def learnt(store: Store, clock: FakeClock, name: str, *candidates: Candidate, champion: str = "base") -> Run:
    """A run that trained on some examples and ended with a report; its version is called like its snapshot."""
    clock.advance(1)
    await store.snapshots.add(Snapshot(name, "f", len(candidates), 0, clock.now), [one.id for one in candidates])
    await store.aliases.add_version(ModelVersion(name, name * 4, "full", None, None, name, None, clock.now))
    run = await store.runs.request("schedule")
    await store.runs.advance(run.id, RunState.TRAINING, snapshot_hash=name)
    return await store.runs.advance(run.id, RunState.PROMOTED, version=name, report=report(champion))


async def quotes(store: Store, run: Run) -> bool:
    """Whether anything in a run's row is from the exchange."""
    found = await store.runs.get(run.id)
    assert found is not None
    assert found.report is not None
    assert found.report["verdict"] == "It knows more.", "figures and verdicts are nobody's words"
    return any(words in str(found) for words in (SECRET, "where is the key"))


async def example_of(store: Store, author: str = "ada", message: str = "m-1") -> Candidate:
    turn = await say(store, f"where is the key, asks {author}", author=author, external_id=message)
    return await approved(store, example(turn.text, SECRET, authors=(author,), turn_ids=(turn.id,)))


async def forget(store: Store) -> None:
    await store.members.forget("ada")


async def forget_here(store: Store) -> None:
    await store.members.forget("ada", server=SERVER)


async def delete(store: Store) -> None:
    await store.conversations.delete(SERVER, ["m-1"])


async def edit(store: Store) -> None:
    await store.conversations.edit(SERVER, "m-1", "never mind", passed("never mind"))


async def delete_channel(store: Store) -> None:
    await store.conversations.delete_channel(SERVER, CHANNEL)


async def keep_out(store: Store) -> None:
    await store.kept_out.mark(SERVER, ["m-1"], "mod")


async def delete_of_old_age(store: Store) -> None:
    await store.retention.purge(SERVER, older_than=store.clock(), also_approved=True)


WAYS = [forget, forget_here, delete, edit, delete_channel, keep_out, delete_of_old_age]


@pytest.mark.parametrize("take_back", WAYS, ids=lambda way: way.__name__.replace("_", "-"))
async def test_words_that_are_taken_back_leave_the_reports_of_the_runs_that_knew_them(
    store: Store, clock: FakeClock, take_back: Callable[[Store], Awaitable[None]]
) -> None:
    first = await learnt(store, clock, "s-1", await example_of(store))
    assert await quotes(store, first)
    assert await store.runs.without_quotes() == []
    clock.advance(60)
    await take_back(store)
    assert not await quotes(store, first)
    assert await store.runs.without_quotes() == [first.id]


async def test_a_report_that_compares_with_a_version_which_knew_them_quotes_nothing_either(
    store: Store, clock: FakeClock
) -> None:
    theirs, others = await example_of(store), await example_of(store, "bob", "m-2")
    await learnt(store, clock, "s-1", theirs, others)
    second = await learnt(store, clock, "s-2", others, champion="s-1")
    third = await learnt(store, clock, "s-3", others, champion="s-2")
    await forget(store)
    assert not await quotes(store, second)
    assert await quotes(store, third), "neither of its versions has learnt from ada"


async def test_a_report_that_is_written_after_the_words_were_taken_back_is_written_without_them(
    store: Store, clock: FakeClock
) -> None:
    candidate = await example_of(store)
    await store.snapshots.add(Snapshot("s-1", "f", 1, 0, clock.now), [candidate.id])
    run = await store.runs.request("schedule")
    await store.runs.advance(run.id, RunState.TRAINING, snapshot_hash="s-1")
    await delete(store)
    ended = await store.runs.advance(run.id, RunState.REFUSED, report=report())
    assert SECRET not in str(ended)
    assert not await quotes(store, run)
    assert await store.runs.without_quotes() == [run.id]


async def test_a_snapshot_that_is_written_after_an_example_was_deleted_counts_as_incomplete(
    store: Store, clock: FakeClock
) -> None:
    candidate = await example_of(store)
    await delete(store)
    run = await learnt(store, clock, "s-1", candidate)
    assert await store.snapshots.incomplete() == ["s-1"]
    assert not await quotes(store, run)


async def test_what_others_take_back_leaves_a_report_as_it_is(store: Store, clock: FakeClock) -> None:
    run = await learnt(store, clock, "s-1", await example_of(store))
    await say(store, "hello", author="bob", external_id="m-9")
    await store.conversations.delete(SERVER, ["m-9"])
    await store.members.forget("bob")
    assert await quotes(store, run)


async def test_a_run_that_is_unknown_is_still_unknown(store: Store) -> None:
    with pytest.raises(WrongUsage):
        await store.runs.advance(7, RunState.REFUSED, report=report())


@pytest.mark.parametrize(
    ("card", "left"),
    [
        (CARD, "**Promoted.** It knows more.\n✗ One thing."),
        ("> where is the key\n  after: here", ""),
        ("**Refused.** 3 > 2.", "**Refused.** 3 > 2."),
        (None, None),
    ],
    ids=["quotes at the end", "nothing but quotes", "no quote", "no card"],
)
def test_the_card_for_people_ends_before_its_first_quote(card: Any, left: Any) -> None:
    cleared = without_quotes({"markdown": card, "replies": [{"prompt": "p"}], "losses": [[1, 2.0]]})
    assert cleared == {"markdown": left, "replies": [], "losses": [[1, 2.0]], "quotes_cleared": True}
