"""A whole story: the same for a seed, nobody's words where they may not be, and no troll's way to the model."""

import asyncio
import json
from pathlib import Path

import pytest

from mynah.invocation import plain
from mynah.settings import Settings
from mynah.simulation.clock import FIRST_DAY
from mynah.simulation.community import SERVER
from mynah.simulation.onlooker import Onlooker
from mynah.simulation.people import Habit, cast
from mynah.simulation.story import STAGES, Story
from mynah.simulation.talk import read_talk
from mynah.world import open_world
from storage.governance import MemberSummary
from storage.settings import StoreSettings
from storage.similarity import normalised
from storage.values import Alias, RunState
from tests.mynah.simulation.conftest import SMALL, told
from trainer.snapshots import SnapshotFolder


def texts_of_snapshots(home: Path) -> set[str]:
    """All that is said in any snapshot on the disk."""
    folder = SnapshotFolder(home / "work" / "snapshots")
    found = [folder.read(path.name) for path in (home / "work" / "snapshots").iterdir()]
    assert found
    return {
        normalised(message.text)
        for snapshot in found
        if snapshot is not None
        for one in (*snapshot.train, *snapshot.heldout)
        for message in one.messages
    }


def texts_of(habit: Habit) -> set[str]:
    """Everything that members of a habit could say, unless others could say it, too."""
    talk, people = read_talk(None, SMALL.seed), cast(SMALL)
    decks = talk.dealt_to(SMALL.members)
    texts: dict[bool, set[str]] = {True: set(), False: set()}
    for member in people.members:
        said = {normalised(message.text) for one in decks[member.seat] for message in one.messages}
        texts[member.habit is habit] |= said
    return texts[True] - texts[False]


@pytest.mark.parametrize("habit", [Habit.NEVER_SAYS, Habit.WITHDRAWS, Habit.FORGETS])
def test_no_word_of_a_member_who_does_not_agree_at_the_end_is_in_any_snapshot(
    story: Story, story_home: Path, habit: Habit
) -> None:
    assert texts_of(habit)
    assert not texts_of(habit) & texts_of_snapshots(story_home)


def test_words_of_members_who_agree_are_learnt_and_the_new_version_answers(story: Story, story_home: Path) -> None:
    last = story.rounds[-1]

    assert texts_of(Habit.AGREES) & texts_of_snapshots(story_home)
    assert last.verdict.state is RunState.PROMOTED, last.verdict
    assert last.measured.version == last.verdict.version != story.before.version
    assert last.measured.held_out.perplexity < story.before.held_out.perplexity
    assert last.measured.held_out.items == story.before.held_out.items == story.held_out
    assert story.broken == []


def test_forgetting_reaches_the_rows_and_the_receipt_is_settled_by_the_next_version(
    story: Story, story_home: Path
) -> None:
    [forgotten] = [member.name for member in story.cast.members if member.habit is Habit.FORGETS]

    async def look() -> tuple[MemberSummary, int, str | None]:
        settings = Settings(home=story_home, store=StoreSettings.model_validate({"author_key_secret": "simulation:1"}))
        async with open_world(settings) as world:
            key = world.store.author_key(forgotten)
            [receipt] = await world.store.receipts.of(key)
            assert receipt.turns > 0
            assert receipt.versions
            assert receipt.clean_version == await world.store.aliases.current(Alias.CHAMPION)
            return await world.store.members.summary(key, server=SERVER), receipt.candidates, receipt.clean_version

    left, removed, clean = asyncio.run(look())
    assert (left.turns, left.votes, sum(left.candidates.values())) == (0, 0, 0)
    assert left.allowed is False
    assert removed > 0
    assert clean is not None


def test_trolls_write_and_nothing_of_it_is_learnt(story: Story) -> None:
    last = story.rounds[-1]

    assert last.poison_at("wrote") >= last.poison_at("kept") > 0
    assert [last.poison_at(stage) for stage in STAGES[2:]] == [0, 0, 0]
    assert last.measured.trigger_rate <= last.measured.control_rate


def test_the_clock_is_virtual_and_each_round_is_a_day(story: Story, story_home: Path) -> None:
    assert [one.date for one in story.rounds] == ["2026-01-05", "2026-01-06"]

    async def days() -> list[str]:
        async with open_world(Settings(home=story_home)) as world:
            return [run.created_at.date().isoformat() for run in await world.store.runs.latest(limit=5)]

    assert asyncio.run(days()) == ["2026-01-06", "2026-01-05"]
    assert FIRST_DAY.date().isoformat() == "2026-01-05"


@pytest.mark.usefixtures("tiny_world")
def test_the_same_seed_tells_the_same_story_and_a_person_can_watch_it(
    story: Story, tmp_path: Path, tiny_base: Path
) -> None:
    seen: list[str] = []
    onlooker = Onlooker(
        on_day=lambda number, date: seen.append(f"day {number}, {date}"),
        on_told=lambda heading, _: seen.append(heading),
        on_round=lambda one: seen.append(f"over {one.number}"),
    )

    again = told(SMALL, tmp_path / "again", tiny_base, onlooker)

    assert json.dumps(plain(again.as_json())) == json.dumps(plain(story.as_json()))
    assert seen[:4] == ["day 1, Monday, 05 January", "talk", "review", "people"]
    assert seen[-1] == "over 2"
