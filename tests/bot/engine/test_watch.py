import asyncio
from dataclasses import replace
from typing import Any

from bot.engine.routing import SHARED, Canary, Place, Routes
from bot.engine.watch import ChampionWatch, stored_routes
from storage.errors import DatabaseBusy
from storage.registry import ModelRegistry
from storage.store import Store
from tests.bot.engine.conftest import Village, user
from tests.fakes.engine import ScriptedEngine


def brittle(version: str, bad: set[str]) -> ScriptedEngine:
    """An engine that cannot serve some versions."""
    engine = ScriptedEngine(version=version)
    engine.bad = bad
    return engine


async def promote(store: Store, version: str) -> None:
    await store.aliases.promote(version, actor="ann", reason="test")


async def test_a_moved_champion_is_served_and_told(store: Store, village: Village) -> None:
    told: list[tuple[str, str]] = []
    engine = ScriptedEngine(version=village.versions[0])
    swapped = asyncio.Event()

    def on_swap(old: str, new: str) -> None:
        told.append((old, new))
        swapped.set()

    async with ChampionWatch(store, engine, poll_seconds=0.01, on_swap=on_swap):
        for version in (village.versions[1], village.versions[2]):
            swapped.clear()
            await promote(store, version)
            await swapped.wait()
    assert told == [village.versions[:2], village.versions[1:]]
    assert engine.version == village.versions[2]


async def test_without_a_champion_nothing_is_done(store: Store, village: Village) -> None:
    engine = brittle(village.versions[0], set())
    await ChampionWatch(store, engine).look()
    assert engine.tried == []


async def test_the_champion_that_serves_already_is_left_alone(store: Store, village: Village) -> None:
    await promote(store, village.versions[0])
    engine = brittle(village.versions[0], set())
    await ChampionWatch(store, engine).look()
    assert engine.tried == []


async def test_a_champion_that_cannot_be_served_is_tried_and_audited_once(store: Store, village: Village) -> None:
    good, bad, better = village.versions
    engine = brittle(good, {bad})
    refused: list[tuple[str, str]] = []
    watch = ChampionWatch(store, engine, on_refused=lambda version, reason: refused.append((version, reason)))
    await promote(store, bad)
    for _ in range(3):
        await watch.look()
    assert engine.tried == [bad]
    assert engine.version == good
    assert [version for version, _ in refused] == [bad]
    entries = [entry for entry in await store.audit.latest() if entry.action == "swap-refused"]
    assert [entry.subject for entry in entries] == [bad]
    await promote(store, better)
    await watch.look()
    assert engine.version == better


async def test_a_refused_champion_that_comes_back_later_is_tried_again(store: Store, village: Village) -> None:
    good, bad, better = village.versions
    engine = brittle(good, {bad})
    watch = ChampionWatch(store, engine)
    for version in (bad, better, bad):
        await promote(store, version)
        engine.bad = {bad} if version == bad and len(engine.tried) == 0 else set()
        await watch.look()
    assert engine.tried == [bad, better, bad]
    assert engine.version == bad


async def test_a_busy_database_does_not_end_the_watch(store: Store, village: Village) -> None:
    engine = ScriptedEngine(version=village.versions[0])
    busy = [DatabaseBusy("busy"), DatabaseBusy("busy")]

    async def sometimes_busy() -> Routes:
        if busy:
            raise busy.pop()
        return await stored_routes(store)

    await promote(store, village.versions[1])
    swapped = asyncio.Event()
    async with ChampionWatch(
        store, engine, routes=sometimes_busy, poll_seconds=0.01, on_swap=lambda old, new: swapped.set()
    ):
        await swapped.wait()
    assert engine.version == village.versions[1]


async def test_a_champion_that_fails_leaves_the_engine_answering(store: Store, village: Village) -> None:
    engine = brittle(village.versions[0], {village.versions[1]})
    await promote(store, village.versions[1])
    await ChampionWatch(store, engine).look()
    pieces = [piece async for piece in engine.stream([user("hi")], Any, member="a", request_id="1")]  # type: ignore[arg-type]
    assert pieces[-1].answer is not None


async def test_whoever_speaks_first_is_answered_by_the_right_version(store: Store, village: Village) -> None:
    await promote(store, village.versions[1])
    engine = ScriptedEngine(version=village.versions[0])
    async with ChampionWatch(store, engine, poll_seconds=3600):
        assert engine.version == village.versions[1]


class Wishes:
    """Routes that a test may change."""

    def __init__(self, routes: Routes) -> None:
        self.routes = routes

    async def __call__(self) -> Routes:
        return self.routes


async def test_lines_and_canaries_are_followed(store: Store) -> None:
    wishes = Wishes(Routes({SHARED: "a", "100": "b"}, {"100": Canary("c", 1.0)}))
    engine = ScriptedEngine(version="a")
    watch = ChampionWatch(store, engine, routes=wishes)
    await watch.look()
    assert (engine.routes.champions, engine.routes.canaries) == (wishes.routes.champions, wishes.routes.canaries)
    wishes.routes = Routes({SHARED: "a", "100": "c"})
    await watch.look()
    assert (engine.routes.champions, engine.routes.canaries) == (wishes.routes.champions, {})


async def test_routes_that_did_not_move_are_not_set_again(store: Store) -> None:
    class CountingEngine(ScriptedEngine):
        times = 0

        async def set_routes(self, routes: Routes) -> None:
            self.times += 1
            await super().set_routes(routes)

    engine = CountingEngine(version="a")
    wishes = Wishes(Routes({SHARED: "b"}, {SHARED: Canary("c", 0.2)}))
    watch = ChampionWatch(store, engine, routes=wishes)
    for _ in range(3):
        await watch.look()
    wishes.routes = replace(wishes.routes, canaries={SHARED: Canary("c", 0.4)})
    await watch.look()
    assert engine.times == 2


async def test_the_store_says_who_answers_where(store: Store, village: Village) -> None:
    one, two, three = village.versions
    await promote(store, one)
    for server in ("100", "200", "300"):
        await store.server_settings.set(server, "own_line", True, "ann")
    await store.aliases.promote(two, actor="ann", reason="test", line="100")
    await store.aliases.promote(two, actor="ann", reason="test", line="300")
    await store.canaries.start(three, 0.2, line="100", actor="ann")
    await store.canaries.start(two, 0.5, actor="ann")
    await store.server_settings.set("300", "own_line", False, "ann")
    routes = await stored_routes(store, base=one)
    assert routes == Routes(
        {SHARED: one, "100": two},
        {SHARED: Canary(two, 0.5), "100": Canary(three, 0.2)},
        base=one,
        own=frozenset({"100", "200"}),
    )


async def test_only_a_move_from_one_champion_to_another_is_audited(store: Store) -> None:
    told: list[tuple[str, str]] = []
    wishes = Wishes(Routes({SHARED: "a", "100": "b"}))
    watch = ChampionWatch(
        store, ScriptedEngine(version="a"), routes=wishes, on_swap=lambda old, new: told.append((old, new))
    )
    await watch.look()
    assert await store.audit.latest() == []
    wishes.routes = Routes({SHARED: "a", "100": "c"})
    await watch.look()
    wishes.routes = Routes({SHARED: "d", "100": "c"}, {SHARED: Canary("e", 0.5)})
    await watch.look()
    moves = [(entry.subject, entry.details) for entry in reversed(await store.audit.latest())]
    assert moves == [("c", {"from": "b", "line": "100"}), ("d", {"from": "a"})]
    assert told == [("a", "d")]


async def test_a_canary_that_cannot_be_served_is_told_once_with_its_line(store: Store) -> None:
    refused: list[str] = []
    wishes = Wishes(Routes({SHARED: "a", "100": "b"}, {"100": Canary("bad", 0.5)}))
    engine = brittle("a", {"bad"})
    watch = ChampionWatch(store, engine, routes=wishes, on_refused=lambda version, reason: refused.append(version))
    await watch.look()
    wishes.routes = Routes({SHARED: "c", "100": "b"}, {"100": Canary("bad", 0.6)})
    await watch.look()
    assert refused == ["bad"]
    [entry] = [entry for entry in await store.audit.latest() if entry.action == "swap-refused"]
    assert (entry.subject, entry.details["line"], entry.details["serving"]) == ("bad", "100", "b")


async def test_a_person_in_a_canary_channel_keeps_getting_the_same_version(store: Store) -> None:
    wishes = Wishes(Routes({SHARED: "a"}, {SHARED: Canary("b", 0.5)}))
    engine = ScriptedEngine(version="a")
    async with ChampionWatch(store, engine, routes=wishes, poll_seconds=0.01):
        first = [await who_answers(engine, channel) for channel in range(20)]
        assert [await who_answers(engine, channel) for channel in range(20)] == first
        assert set(first) == {"a", "b"}


async def who_answers(engine: ScriptedEngine, channel: int) -> str:
    place = Place("100", str(channel))
    stream = engine.stream([user("hi")], Any, member="ann", request_id="1", place=place)  # type: ignore[arg-type]
    versions = {piece.model_version async for piece in stream}
    assert len(versions) == 1
    return versions.pop()


async def test_leaving_the_watch_leaves_no_task(store: Store, registry: ModelRegistry) -> None:
    before = asyncio.all_tasks()
    async with ChampionWatch(store, ScriptedEngine(), poll_seconds=0.01):
        assert len(asyncio.all_tasks()) == len(before) + 1
    assert asyncio.all_tasks() == before
