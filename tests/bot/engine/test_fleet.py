"""Routes and memory, with generations that have no weights: what is loaded when, who answers, what is freed."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from bot.engine.fleet import KEEPS_PLACE_SECONDS, Fleet
from bot.engine.generation import Generation
from bot.engine.protocol import EngineFailed
from bot.engine.routing import SHARED, Canary, Place, Routes, version_for
from storage.errors import DatabaseBusy, ModelDamaged, MynahError

ELSEWHERE = Place("999", "1")


class EmptyGeneration(Generation):
    """A generation that is never asked anything."""

    def __init__(self, version: str) -> None:
        weights: Any = SimpleNamespace(device="cpu")
        super().__init__(version, weights, lambda: None, max_running=1, monotonic=lambda: 0.0, seed=0)  # type: ignore[arg-type, return-value]
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True
        super().close()


class Yard:
    """Where generations come from: remembers all, may refuse some, and may be slow."""

    def __init__(self, first: str, *, max_versions: int = 3, patience_seconds: float = 60.0) -> None:
        self.now = 1000.0
        self.failing: dict[str, MynahError] = {}
        self.tried: list[str] = []
        self.most_in_memory = 1
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.made = [EmptyGeneration(first)]
        self.fleet: Fleet[Generation] = Fleet(
            self._open,
            self.made[0],
            max_versions=max_versions,
            patience_seconds=patience_seconds,
            monotonic=lambda: self.now,
        )

    @property
    def alive(self) -> list[str]:
        return sorted(generation.version for generation in self.made if not generation.is_closed)

    def asked(self, place: Place) -> str:
        """Who answers one request at a place."""
        with self.fleet.held(place) as generation:
            return generation.version

    async def settled(self) -> None:
        """Wait until what requests have set off is done."""
        if self.fleet._settling is not None:
            await self.fleet._settling
        await self.freed()

    async def freed(self) -> None:
        """Wait until what nobody holds is freed."""
        await asyncio.gather(*self.fleet._versions._closing)

    async def _open(self, version: str) -> Generation:
        self.tried.append(version)
        self.most_in_memory = max(self.most_in_memory, len(self.alive) + 1)
        await asyncio.sleep(0)
        await self.is_open.wait()
        if version in self.failing:
            raise self.failing[version]
        generation = EmptyGeneration(version)
        self.made.append(generation)
        return generation


@pytest.fixture
async def yard() -> AsyncIterator[Yard]:
    made = Yard("a")
    yield made
    await made.fleet.close()
    assert made.alive == []


def at(server: str, channel: str = "1") -> Place:
    return Place(server, channel)


def own_lines(*servers: str) -> Routes:
    """A shared champion `a`, and a version of its own for each server, named after it."""
    return Routes({SHARED: "a", **{server: f"v{server}" for server in servers}})


async def test_each_line_is_answered_by_its_own_version(yard: Yard) -> None:
    await yard.fleet.set_routes(Routes({SHARED: "a", "1": "b", "2": "c"}))
    assert [yard.asked(at(server)) for server in ("1", "2", "3", "")] == ["b", "c", "a", "a"]
    assert yard.alive == ["a", "b", "c"]


async def test_what_no_route_needs_is_freed(yard: Yard) -> None:
    await yard.fleet.set_routes(Routes({SHARED: "a", "1": "b"}, {SHARED: Canary("c", 0.5)}))
    await yard.fleet.set_routes(Routes({SHARED: "d"}))
    await yard.freed()
    assert yard.alive == ["d"]
    assert yard.asked(at("1")) == "d"


async def test_what_several_lines_share_is_in_memory_once_and_stays_for_the_last(yard: Yard) -> None:
    await yard.fleet.set_routes(Routes({SHARED: "a", "1": "b", "2": "b"}, {SHARED: Canary("b", 0.5)}))
    assert yard.tried == ["b"]
    await yard.fleet.set_routes(Routes({SHARED: "a", "2": "b"}))
    assert yard.asked(at("2")) == "b"
    assert yard.alive == ["a", "b"]


async def test_a_canary_that_wins_becomes_the_champion_without_being_loaded_again(yard: Yard) -> None:
    await yard.fleet.set_routes(Routes({SHARED: "a"}, {SHARED: Canary("b", 0.2)}))
    await yard.fleet.set_routes(Routes({SHARED: "b"}))
    assert yard.tried == ["b"]
    assert yard.asked(ELSEWHERE) == "b"


async def test_a_request_keeps_its_generation_whatever_changes(yard: Yard) -> None:
    await yard.fleet.set_routes(Routes({SHARED: "a", "1": "b"}))
    with yard.fleet.held(at("1")) as generation:
        await yard.fleet.set_routes(Routes({SHARED: "c"}))
        await yard.freed()
        assert yard.asked(at("1")) == "c"
        assert yard.alive == ["b", "c"]
        assert generation.version == "b"
    await yard.freed()
    assert yard.alive == ["c"]


async def test_the_old_champion_answers_while_the_new_one_is_loaded(yard: Yard) -> None:
    yard.is_open.clear()
    change = asyncio.create_task(yard.fleet.set_routes(Routes({SHARED: "b"})))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert yard.asked(ELSEWHERE) == "a"
    yard.is_open.set()
    await change
    assert yard.asked(ELSEWHERE) == "b"


async def test_an_ended_canary_answers_no_more_though_something_is_still_being_loaded(yard: Yard) -> None:
    everything = {SHARED: Canary("bad", 1.0)}
    await yard.fleet.set_routes(Routes({SHARED: "a"}, everything))
    assert yard.asked(ELSEWHERE) == "bad"
    yard.is_open.clear()
    slow = asyncio.create_task(yard.fleet.set_routes(Routes({SHARED: "a", "1": "b"}, everything)))
    await asyncio.sleep(0)
    reverting = asyncio.create_task(yard.fleet.set_routes(Routes({SHARED: "a", "1": "b"})))
    await asyncio.sleep(0)
    assert yard.asked(ELSEWHERE) == "a"
    yard.is_open.set()
    await asyncio.gather(slow, reverting)
    assert yard.asked(at("1")) == "b"


async def test_a_version_that_is_not_wanted_any_more_when_it_is_loaded_does_not_answer(yard: Yard) -> None:
    yard.is_open.clear()
    first = asyncio.create_task(yard.fleet.set_routes(Routes({SHARED: "b"})))
    await asyncio.sleep(0)
    second = asyncio.create_task(yard.fleet.set_routes(Routes({SHARED: "a"})))
    await asyncio.sleep(0)
    yard.is_open.set()
    await asyncio.gather(first, second)
    await yard.freed()
    assert yard.asked(ELSEWHERE) == "a"
    assert yard.alive == ["a"]


async def test_a_changed_share_moves_at_once_and_loads_nothing(yard: Yard) -> None:
    await yard.fleet.set_routes(Routes({SHARED: "a"}, {SHARED: Canary("b", 0.0)}))
    assert yard.asked(ELSEWHERE) == "a"
    await yard.fleet.set_routes(Routes({SHARED: "a"}, {SHARED: Canary("b", 1.0)}))
    assert yard.asked(ELSEWHERE) == "b"
    assert yard.tried == ["b"]


async def test_routes_without_a_shared_champion_leave_the_one_there_is(yard: Yard) -> None:
    await yard.fleet.set_routes(Routes({"1": "b"}))
    assert (yard.asked(ELSEWHERE), yard.asked(at("1"))) == ("a", "b")
    await yard.fleet.set_routes(Routes())
    assert (yard.asked(ELSEWHERE), yard.asked(at("1"))) == ("a", "a")


async def test_a_version_that_fails_keeps_the_old_route_and_the_others_move(yard: Yard) -> None:
    await yard.fleet.set_routes(Routes({SHARED: "a", "1": "b"}))
    yard.failing["bad"] = ModelDamaged("bad")
    await yard.fleet.set_routes(Routes({SHARED: "d", "1": "bad"}))
    assert (yard.asked(ELSEWHERE), yard.asked(at("1"))) == ("d", "b")
    assert [*yard.fleet.refused] == ["bad"]


async def test_a_shared_champion_that_fails_holds_up_no_line(yard: Yard) -> None:
    yard.failing["bad"] = ModelDamaged("bad")
    await yard.fleet.set_routes(Routes({SHARED: "bad", "1": "b", "2": "c"}))
    assert [yard.asked(at(server)) for server in ("1", "2", "3")] == ["b", "c", "a"]


async def test_a_canary_that_fails_leaves_its_channels_to_the_champion(yard: Yard) -> None:
    await yard.fleet.set_routes(Routes({SHARED: "a"}, {SHARED: Canary("b", 1.0)}))
    yard.failing["bad"] = ModelDamaged("bad")
    await yard.fleet.set_routes(Routes({SHARED: "a"}, {SHARED: Canary("bad", 1.0)}))
    assert yard.asked(ELSEWHERE) == "a"
    assert [*yard.fleet.refused] == ["bad"]


async def test_a_line_whose_first_version_fails_is_answered_by_the_shared_champion(yard: Yard) -> None:
    yard.failing["bad"] = ModelDamaged("bad")
    await yard.fleet.set_routes(Routes({SHARED: "a", "1": "bad"}))
    assert yard.asked(at("1")) == "a"


async def test_a_refused_version_is_tried_again_only_after_the_routes_have_left_it(yard: Yard) -> None:
    yard.failing["bad"] = ModelDamaged("bad")
    for _ in range(3):
        await yard.fleet.set_routes(Routes({SHARED: "bad"}))
        yard.asked(ELSEWHERE)
    assert yard.tried == ["bad"]
    await yard.fleet.set_routes(Routes({SHARED: "b"}))
    assert not yard.fleet.refused
    del yard.failing["bad"]
    await yard.fleet.set_routes(Routes({SHARED: "bad"}))
    assert yard.asked(ELSEWHERE) == "bad"


async def test_a_busy_database_is_not_held_against_a_version(yard: Yard) -> None:
    yard.failing["b"] = DatabaseBusy("busy")
    with pytest.raises(DatabaseBusy):
        await yard.fleet.set_routes(Routes({SHARED: "b"}))
    assert yard.asked(ELSEWHERE) == "a"
    await yard.settled()
    assert not yard.fleet.refused
    del yard.failing["b"]
    await yard.fleet.set_routes(Routes({SHARED: "b"}))
    assert yard.asked(ELSEWHERE) == "b"


async def test_a_swap_moves_the_shared_line_only(yard: Yard) -> None:
    await yard.fleet.set_routes(Routes({SHARED: "a", "1": "b"}, {"1": Canary("c", 1.0)}))
    await yard.fleet.swap("d")
    assert (yard.asked(ELSEWHERE), yard.asked(at("1")), yard.asked(at("1", ""))) == ("d", "c", "b")


async def test_a_swap_that_fails_changes_nothing_and_may_be_tried_again(yard: Yard) -> None:
    yard.failing["b"] = EngineFailed("no")
    for _ in range(2):
        with pytest.raises(EngineFailed):
            await yard.fleet.swap("b")
    assert yard.asked(ELSEWHERE) == "a"
    await yard.settled()
    assert yard.tried == ["b", "b"]
    assert not yard.fleet.refused


async def test_no_more_versions_than_fit_are_in_memory_and_everybody_is_answered(yard: Yard) -> None:
    await yard.fleet.set_routes(own_lines("1", "2", "3", "4", "5"))
    answers = [yard.asked(at(server)) for server in ("1", "2", "3", "4", "5")]
    assert answers == ["v1", "v2", "a", "a", "a"]
    await yard.settled()
    assert yard.alive == ["a", "v1", "v2"]
    assert yard.most_in_memory <= 4


async def test_a_line_that_is_spoken_in_takes_the_place_of_one_that_has_been_silent(yard: Yard) -> None:
    await yard.fleet.set_routes(own_lines("1", "2", "3"))
    yard.asked(at("2"))
    yard.asked(at("1"))
    yard.now += KEEPS_PLACE_SECONDS + 1
    yard.asked(at("1"))
    assert yard.asked(at("3")) == "a"
    await yard.settled()
    assert yard.alive == ["a", "v1", "v3"]
    assert [yard.asked(at(server)) for server in ("1", "2", "3")] == ["v1", "a", "v3"]


async def test_lines_that_are_spoken_in_do_not_push_each_other_out(yard: Yard) -> None:
    await yard.fleet.set_routes(own_lines("1", "2", "3"))
    for _ in range(20):
        for server in ("1", "2", "3"):
            yard.now += 10
            yard.asked(at(server))
            await yard.settled()
    assert yard.tried == ["v1", "v2"]


async def test_a_line_that_came_later_than_its_first_request_is_answered_by_its_own_version(yard: Yard) -> None:
    await yard.fleet.set_routes(own_lines("1", "2", "3"))
    yard.is_open.clear()
    assert [yard.asked(at("3")) for _ in range(5)] == ["a"] * 5
    yard.is_open.set()
    await yard.settled()
    assert yard.asked(at("3")) == "v3"
    assert yard.tried.count("v3") == 1


async def test_a_line_that_does_not_fit_is_answered_by_the_base_where_there_is_one(yard: Yard) -> None:
    await yard.fleet.set_routes(replace(own_lines("1", "2"), base="base", own=frozenset({"3"})))
    assert [yard.asked(at(server)) for server in ("1", "2", "3", "4")] == ["v1", "base", "base", "a"]
    await yard.settled()
    assert yard.alive == ["a", "base", "v1"]


async def test_where_the_base_should_answer_and_cannot_be_loaded_nobody_elses_words_are_said(yard: Yard) -> None:
    yard.failing["base"] = ModelDamaged("bad")
    await yard.fleet.set_routes(Routes({SHARED: "a", "1": "b"}, base="base", own=frozenset({"2"})))
    assert (yard.asked(at("1")), yard.asked(ELSEWHERE)) == ("b", "a")
    with pytest.raises(EngineFailed, match="try again"):
        yard.asked(at("2"))
    assert [*yard.fleet.refused] == ["base"]
    assert yard.tried.count("base") == 1


async def test_another_base_is_loaded_before_the_old_one_goes(yard: Yard) -> None:
    await yard.fleet.set_routes(Routes({SHARED: "a"}, base="base", own=frozenset({"1"})))
    yard.failing["bad"] = ModelDamaged("bad")
    await yard.fleet.set_routes(Routes({SHARED: "a"}, base="bad", own=frozenset({"1"})))
    assert yard.asked(at("1")) == "base"
    await yard.fleet.set_routes(Routes({SHARED: "a"}, base="other", own=frozenset({"1"})))
    await yard.freed()
    assert yard.asked(at("1")) == "other"
    assert yard.alive == ["a", "other"]


async def test_when_a_first_own_version_fails_the_base_answers(yard: Yard) -> None:
    await yard.fleet.set_routes(Routes({SHARED: "a"}, base="base", own=frozenset({"1"})))
    yard.failing["bad"] = ModelDamaged("bad")
    await yard.fleet.set_routes(Routes({SHARED: "a", "1": "bad"}, base="base"))
    assert (yard.asked(at("1")), yard.asked(ELSEWHERE)) == ("base", "a")


async def test_a_version_that_fails_on_demand_is_refused_once(yard: Yard) -> None:
    await yard.fleet.set_routes(own_lines("1", "2", "3"))
    yard.failing["v3"] = ModelDamaged("bad")
    for _ in range(4):
        assert yard.asked(at("3")) == "a"
        await yard.settled()
    assert yard.tried.count("v3") == 1
    assert [*yard.fleet.refused] == ["v3"]
    assert yard.alive == ["a", "v1", "v2"]


async def test_where_only_one_version_fits_a_canary_is_refused_and_a_champion_can_still_move() -> None:
    yard = Yard("a", max_versions=1)
    await yard.fleet.set_routes(Routes({SHARED: "a"}, {SHARED: Canary("b", 0.5)}))
    assert "MAX_VERSIONS" in str(yard.fleet.refused["b"])
    assert yard.tried == []
    await yard.fleet.set_routes(Routes({SHARED: "b"}))
    await yard.freed()
    assert yard.alive == ["b"]
    assert not yard.fleet.refused
    await yard.fleet.close()


async def test_the_next_version_is_loaded_only_when_an_old_one_has_drained() -> None:
    yard = Yard("a", max_versions=1)
    with ExitStack() as talks:
        talks.enter_context(yard.fleet.held(ELSEWHERE))
        await yard.fleet.swap("b")
        waiting = asyncio.create_task(yard.fleet.swap("c"))
        for _ in range(5):
            await asyncio.sleep(0)
        assert yard.tried == ["b"]
        assert yard.asked(ELSEWHERE) == "b"
    await waiting
    assert yard.asked(ELSEWHERE) == "c"
    assert yard.most_in_memory == 2
    await yard.fleet.close()


async def test_who_never_lets_go_does_not_keep_a_new_version_out_for_ever() -> None:
    yard = Yard("a", max_versions=1, patience_seconds=0.01)
    with yard.fleet.held(ELSEWHERE):
        await yard.fleet.swap("b")
        await yard.fleet.swap("c")
        assert yard.asked(ELSEWHERE) == "c"
    await yard.fleet.close()
    assert yard.alive == []


async def test_closing_while_something_is_loaded_leaves_no_task_and_nothing_new(yard: Yard) -> None:
    before = asyncio.all_tasks()
    yard.is_open.clear()
    change = asyncio.create_task(yard.fleet.set_routes(Routes({SHARED: "b"})))
    await asyncio.sleep(0)
    closing = asyncio.create_task(yard.fleet.close())
    await asyncio.sleep(0)
    yard.is_open.set()
    await asyncio.gather(change, closing)
    assert asyncio.all_tasks() == before
    assert yard.fleet.routes.champions == {SHARED: "a"}
    assert not yard.fleet.refused


@pytest.mark.parametrize("seed", range(8))
async def test_random_routes_never_leave_anybody_without_the_right_answer(seed: int) -> None:
    chance = random.Random(seed)
    yard = Yard("v0", max_versions=chance.choice([1, 2, 3, 5]))
    limit = yard.fleet._max_versions
    names, servers = [f"v{index}" for index in range(8)], ["1", "2", "3", "4"]
    yard.failing = {"v6": ModelDamaged("bad"), "v7": EngineFailed("bad")}
    wanted, is_over = Routes({SHARED: "v0"}), False

    def some_routes() -> Routes:
        lines = chance.sample([SHARED, *servers], chance.randint(0, 5))
        canaries = chance.sample([SHARED, *servers], chance.randint(0, 2))
        return Routes(
            {line: chance.choice(names) for line in lines},
            {line: Canary(chance.choice(names), chance.random()) for line in canaries},
            chance.choice([None, "base", "v6"]),
        )

    async def talk(number: int) -> None:
        while not is_over:
            place = at(chance.choice([*servers, "5"]), str(number))
            expected = version_for(yard.fleet.routes, place)
            if expected not in yard.fleet._versions.loaded:
                assert expected in {"base", "v6"}
                with pytest.raises(EngineFailed):
                    yard.asked(place)
                await asyncio.sleep(0)
                continue
            with yard.fleet.held(place) as generation:
                assert isinstance(generation, EmptyGeneration)
                assert generation.version == expected
                for _ in range(chance.randint(1, 5)):
                    await asyncio.sleep(0)
                    assert not generation.is_closed
            yard.now += chance.random() * 30

    talks = [asyncio.create_task(talk(number)) for number in range(6)]
    for _ in range(40):
        wanted = some_routes()
        await yard.fleet.set_routes(wanted)
        assert len(yard.fleet.routes.versions & set(yard.alive)) <= limit
        assert not yard.fleet.refused.keys() - wanted.versions
        fits = len(wanted.versions | {yard.fleet.shared.version}) <= limit and not wanted.versions & yard.failing.keys()
        if fits and SHARED in wanted.champions:
            assert (yard.fleet.routes.champions, yard.fleet.routes.canaries) == (wanted.champions, wanted.canaries)
    is_over = True
    await asyncio.gather(*talks)
    assert yard.most_in_memory <= limit + 1
    await yard.fleet.close()
    assert yard.alive == []
