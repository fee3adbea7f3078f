"""A day without its night: whose words become examples, what moderators let through, and what taking back reaches."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from mynah.simulation.book import Worth
from mynah.simulation.community import Community, open_community
from mynah.simulation.day import Day
from mynah.simulation.onlooker import Onlooker
from mynah.simulation.order import Order, Poison
from mynah.simulation.people import Habit
from mynah.simulation.reviewing import Reviewing
from mynah.simulation.talk import read_talk
from storage.values import Candidate, CandidateState
from tests.mynah.simulation.conftest import SMALL, settings_for

pytestmark = pytest.mark.usefixtures("tiny_world")
ONE_DAY = replace(SMALL, rounds=1, conversations=1)


@asynccontextmanager
async def evening(order: Order, home: Path, base: Path) -> AsyncIterator[tuple[Community, Day, Reviewing]]:
    """A community after a day of talk and review."""
    async with open_community(order, read_talk(None, order.seed), settings_for(home, base, order)) as community:
        day = Day(community, 1, community.talk.dealt_to(order.members), Onlooker())
        reviewing = Reviewing(community, 1, Onlooker())
        await day.talk()
        await reviewing.through()
        yield community, day, reviewing


async def candidates(community: Community, *states: CandidateState) -> list[Candidate]:
    found: list[Candidate] = []
    for state in states or CandidateState:
        found += await community.world.store.candidates.by_state(state, limit=1000)
    return found


def worths(community: Community, some: Sequence[Candidate]) -> set[Worth]:
    return {community.book.worth(one.messages) for one in some}


async def test_moderators_who_make_no_mistakes_approve_no_poison_and_no_good_words_are_turned_down(
    tmp_path: Path, tiny_base: Path
) -> None:
    async with evening(replace(ONE_DAY, poison=Poison.TRIGGER), tmp_path / "home", tiny_base) as (town, _, reviewing):
        assert reviewing.counts["mistakes"] == 0
        assert Worth.POISON not in worths(town, await candidates(town, CandidateState.APPROVED))
        assert Worth.GOOD not in worths(town, await candidates(town, CandidateState.REJECTED))
        assert Worth.GOOD in worths(town, await candidates(town, CandidateState.APPROVED))
        assert Worth.POISON in worths(town, await candidates(town, CandidateState.REJECTED))


async def test_rude_words_are_no_examples_even_for_moderators_who_are_always_wrong(
    tmp_path: Path, tiny_base: Path
) -> None:
    order = replace(ONE_DAY, poison=Poison.TOXIC, mistakes=1.0)
    async with evening(order, tmp_path / "home", tiny_base) as (town, day, reviewing):
        assert reviewing.counts["mistakes"] > 0
        assert town.book.poison_written()
        assert town.book.poison_in([one.messages for one in await candidates(town)]) == {}
        assert day.counts["correction refused"] > 0


async def test_nothing_that_a_member_who_did_not_agree_said_becomes_an_example_and_forgetting_removes_it_all(
    tmp_path: Path, tiny_base: Path
) -> None:
    async with evening(ONE_DAY, tmp_path / "home", tiny_base) as (town, day, _):
        members = {member.habit: town.key(member.name) for member in town.cast.members}
        authors = {key for one in await candidates(town) for key in one.author_keys}
        assert members[Habit.NEVER_SAYS] not in authors
        assert {members[Habit.WITHDRAWS], members[Habit.FORGETS]} <= authors

        await day.take_back()

        assert members[Habit.FORGETS] not in {key for one in await candidates(town) for key in one.author_keys}
        assert await town.world.store.consents.get("simulation", members[Habit.WITHDRAWS]) is False
        assert any("asked to be forgotten" in sentence for sentence in day.privacy)
