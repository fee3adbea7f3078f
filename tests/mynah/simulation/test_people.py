"""People are the same for a seed, and also a small community has somebody who does not agree."""

from collections import Counter
from dataclasses import replace

import pytest

from mynah.simulation.order import Order, Poison
from mynah.simulation.people import Habit, cast
from storage.errors import WrongUsage


def test_the_same_seed_makes_the_same_people_and_another_others() -> None:
    assert cast(Order()) == cast(Order())
    assert cast(Order()) != cast(Order(seed=2))


def test_everybody_has_a_name_of_their_own_also_in_a_crowd() -> None:
    people = cast(Order(members=100, trolls=20))
    names = [*(one.name for one in people.members), *(one.name for one in people.trolls), *people.moderators]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("members", [2, 4, 10])
def test_also_a_small_community_has_somebody_who_does_not_agree(members: int) -> None:
    habits = Counter(member.habit for member in cast(Order(members=members)).members)
    assert habits[Habit.AGREES] == members / 2
    assert sum(habits.values()) == members


def test_people_come_and_act_on_days_that_there_are() -> None:
    for rounds in (1, 2, 5):
        people = cast(Order(rounds=rounds, members=20, trolls=4))
        days = [*(member.arrives for member in people.members), *(troll.arrives for troll in people.trolls)]
        assert all(1 <= day <= rounds for day in days)
        assert all(member.arrives <= member.acts <= rounds for member in people.members)


def test_trolls_share_one_poison_or_bring_one_each() -> None:
    assert {troll.poison for troll in cast(Order(trolls=4)).trolls} == set(Poison) - {Poison.MIXED}
    assert {troll.poison for troll in cast(replace(Order(trolls=4), poison=Poison.TRIGGER)).trolls} == {Poison.TRIGGER}


@pytest.mark.parametrize(
    "wrong", [{"rounds": 0}, {"members": 1}, {"trolls": -1}, {"moderators": 0}, {"mistakes": 1.5}, {"conversations": 0}]
)
def test_a_community_that_cannot_be_is_refused_by_the_options_name(wrong: dict[str, float]) -> None:
    [name] = wrong
    with pytest.raises(WrongUsage, match=f"--{name}"):
        replace(Order(), **wrong)  # type: ignore[arg-type]
