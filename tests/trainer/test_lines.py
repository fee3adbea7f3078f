"""Servers that have a model of their own are learnt from, and retrained, apart from all others."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage.governance import SHARED_LINE
from storage.values import Alias, Message, NewCandidate, Outcome, Role, RunState, Source, Verdict
from tests.fakes.clock import FakeClock
from tests.trainer.conftest import SERVER, facts, failed_checks, opened, teach, with_settings
from trainer.due import Due, has_news
from trainer.examples import Approved, Champion
from trainer.serving import train_now
from trainer.snapshots import Conversation, DatasetSnapshot, SnapshotFolder
from trainer.world import TrainerWorld

OTHER = "4242"
"""A second server, that shares its model with the rest."""
ADMIN = "admin"
HOUR = 3600


async def say(world: TrainerWorld, server: str, said: str, answered: str) -> None:
    """An approved exchange of a server."""
    new = NewCandidate(
        messages=(Message(Role.USER, said), Message(Role.ASSISTANT, answered)),
        server=server,
        channel="general",
        source=Source.IMPORT,
        verdict=Verdict(Outcome.PASS, answered),
    )
    candidate = await world.store.candidates.add(new)
    await world.store.candidates.approve(candidate.id, "moderator")


async def words(world: TrainerWorld, line: str) -> set[str]:
    """All that a run of a line would read."""
    curated, _ = await Approved(world, line).curated(lambda: None)
    return {message.text for example in curated.examples for message in example.messages}


@pytest.fixture
async def own(world: TrainerWorld) -> TrainerWorld:
    """The world, where `SERVER` has a model of its own."""
    await world.store.server_settings.set(SERVER, "own_line", True, ADMIN)
    return world


async def test_no_line_reads_another_lines_words(own: TrainerWorld) -> None:
    await say(own, SERVER, "ours?", "ours.")
    await say(own, OTHER, "theirs?", "theirs.")
    assert await words(own, SERVER) == {"ours?", "ours."}
    assert await words(own, SHARED_LINE) == {"theirs?", "theirs."}


async def test_words_move_with_the_server_when_it_gives_its_own_line_up(own: TrainerWorld) -> None:
    await say(own, SERVER, "ours?", "ours.")
    await own.store.server_settings.set(SERVER, "own_line", False, ADMIN)
    assert await words(own, SHARED_LINE) == {"ours?", "ours."}
    assert await own.store.candidates.learnable(SERVER) == []


@pytest.mark.usefixtures("lenient_gate")
async def test_a_run_of_a_line_makes_that_lines_champion_and_leaves_the_shared_one(own: TrainerWorld) -> None:
    shared = await own.store.aliases.current(Alias.CHAMPION)
    await teach(own, facts())
    run = await train_now(own, by="command", line=SERVER)
    assert run.state is RunState.PROMOTED, failed_checks(run)
    assert run.line == SERVER
    assert await own.store.aliases.current(Alias.CHAMPION, SERVER) == run.version
    assert await own.store.aliases.current(Alias.CHAMPION) == shared
    change = await own.store.aliases.rollback(actor=ADMIN, reason="", line=SERVER)
    assert change.to_version == own.base_version


async def test_a_run_of_the_shared_line_has_nothing_where_all_words_are_a_servers_own(own: TrainerWorld) -> None:
    await say(own, SERVER, "ours?", "ours.")
    run = await train_now(own, by="command")
    assert run.state is RunState.REFUSED
    assert "nothing approved" in run.note


async def test_the_base_answers_on_a_line_that_has_no_champion(own: TrainerWorld) -> None:
    assert (await Champion.now(own, SERVER)).version.version == own.base_version


def _snapshot(line: str) -> DatasetSnapshot:
    one = Conversation((Message(Role.USER, "a"), Message(Role.ASSISTANT, "b")), "hash")
    return DatasetSnapshot("", (one,), (), line)


def test_the_same_words_on_two_lines_are_two_snapshots() -> None:
    hashes = {DatasetSnapshot.of([], (), line).content_hash for line in ("", "1", "2")}
    assert len(hashes) == 3


def test_a_line_is_kept_on_the_disk_and_purged_by_its_own_line_alone(tmp_path: Path) -> None:
    from trainer.curation import Example

    messages = (Message(Role.USER, "a"), Message(Role.ASSISTANT, "b"))
    example = Example(1, messages, "hash", Source.IMPORT, (), "place", 0)
    folder = SnapshotFolder(tmp_path)
    ours, theirs = (DatasetSnapshot.of([example], (), line) for line in ("1", "2"))
    for snapshot in (ours, theirs):
        folder.write(snapshot)
        assert folder.read(snapshot.content_hash) == snapshot
    assert folder.purge((), "1") == 1
    assert folder.read(ours.content_hash) is None
    assert folder.read(theirs.content_hash) == theirs


# --- when a line is due -------------------------------------------------------------------------------------------


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime(2026, 3, 1, 12, 0, tzinfo=UTC))


@pytest.fixture
async def timed(tmp_path: Path, clock: FakeClock) -> AsyncIterator[TrainerWorld]:
    """A world whose trainer sees a clock that stands still until it is moved."""
    async with opened(tmp_path) as world:
        await world.store.server_settings.set(SERVER, "own_line", True, ADMIN)
        yield replace(world, clock=clock)


async def test_a_lines_schedule_strikes_once(timed: TrainerWorld, clock: FakeClock) -> None:
    await timed.store.server_settings.set(SERVER, "schedule", "0 13 * * *", ADMIN)
    due = Due(timed)
    assert await due.by_clock() == []
    clock.advance(1 * HOUR)
    assert await due.by_clock() == [SERVER]
    assert await due.by_clock() == []
    clock.advance(24 * HOUR)
    assert await due.by_clock() == [SERVER]


async def test_a_stroke_in_quiet_hours_waits_for_their_end(timed: TrainerWorld, clock: FakeClock) -> None:
    await timed.store.server_settings.set(SERVER, "schedule", "0 13 * * *", ADMIN)
    await timed.store.server_settings.set(SERVER, "quiet_hours", "12:30-15:00", ADMIN)
    due = Due(timed)
    clock.advance(2 * HOUR)
    assert await due.by_clock() == []
    clock.advance(1 * HOUR)
    assert await due.by_clock() == [SERVER]


async def test_without_a_schedule_of_its_own_a_line_follows_the_process_and_an_empty_one_is_never_due(
    timed: TrainerWorld, clock: FakeClock
) -> None:
    nightly = with_settings(timed, cron="0 4 * * *")
    due, never = Due(nightly), Due(timed)
    clock.advance(17 * HOUR)
    assert await due.by_clock() == [SERVER]
    assert await never.by_clock() == []


async def test_approvals_ask_for_their_own_line_only(timed: TrainerWorld) -> None:
    due = Due(with_settings(timed, approvals=2))
    await say(timed, SERVER, "a?", "a.")
    await say(timed, OTHER, "b?", "b.")
    assert await due.by_approvals() == []
    await say(timed, SERVER, "c?", "c.")
    assert await due.by_approvals() == [SERVER]
    assert await due.by_approvals() == []
    assert await has_news(timed, SERVER)


async def test_approvals_wait_for_the_end_of_quiet_hours(timed: TrainerWorld, clock: FakeClock) -> None:
    await timed.store.server_settings.set(SERVER, "quiet_hours", "11:00-14:00", ADMIN)
    due = Due(with_settings(timed, approvals=1))
    await say(timed, SERVER, "a?", "a.")
    assert await due.by_approvals() == []
    clock.advance(3 * HOUR)
    assert await due.by_approvals() == [SERVER]


async def test_the_schedule_of_a_server_that_shares_its_model_strikes_for_all_who_share_it(
    timed: TrainerWorld, clock: FakeClock
) -> None:
    await timed.store.server_settings.set(OTHER, "schedule", "0 13 * * *", ADMIN)
    due = Due(timed)
    assert await due.by_clock() == []
    clock.advance(1 * HOUR)
    assert await due.by_clock() == [SHARED_LINE]
    assert await due.by_clock() == []
    clock.advance(24 * HOUR)
    assert await due.by_clock() == [SHARED_LINE]


async def test_two_schedules_on_the_shared_line_ask_once_and_neither_is_lost_to_the_others_quiet_hours(
    timed: TrainerWorld, clock: FakeClock
) -> None:
    choose = timed.store.server_settings.set
    await choose(OTHER, "schedule", "0 13 * * *", ADMIN)
    await choose(OTHER, "quiet_hours", "12:30-16:00", ADMIN)
    await choose("1717", "schedule", "0 14 * * *", ADMIN)
    due = Due(timed)
    clock.advance(2 * HOUR)
    assert await due.by_clock() == [SHARED_LINE]
    clock.advance(1 * HOUR)
    assert await due.by_clock() == []
    clock.advance(1 * HOUR)
    assert await due.by_clock() == [SHARED_LINE]


@pytest.mark.parametrize("choice", [{}, {"schedule": ""}, {"quorum": 2}], ids=["nothing", "never", "something else"])
async def test_a_server_that_shares_and_chose_no_schedule_asks_for_nothing(
    timed: TrainerWorld, clock: FakeClock, choice: dict[str, object]
) -> None:
    for name, value in choice.items():
        await timed.store.server_settings.set(OTHER, name, value, ADMIN)
    due = Due(with_settings(timed, cron="0 13 * * *"))
    clock.advance(2 * HOUR)
    assert SHARED_LINE not in await due.by_clock(), "the process's own clock is kept by its scheduler"


async def test_approvals_on_the_shared_line_wait_while_all_who_learn_there_are_quiet(
    timed: TrainerWorld, clock: FakeClock
) -> None:
    table = timed.store.server_settings
    await table.turn_learning_on(OTHER, ADMIN)
    await table.set(OTHER, "quiet_hours", "11:00-14:00", ADMIN)
    await table.set("1717", "quorum", 2, ADMIN)
    due = Due(with_settings(timed, approvals=1))
    await say(timed, OTHER, "a?", "a.")
    assert await due.by_approvals() == []
    await table.turn_learning_on("1717", ADMIN)
    assert await due.by_approvals() == [SHARED_LINE]
