import asyncio
from typing import Any

from bot.engine.protocol import EngineFailed
from bot.engine.watch import ChampionWatch
from storage.errors import DatabaseBusy, ModelDamaged
from storage.registry import ModelRegistry
from storage.store import Store
from tests.bot.engine.conftest import Village, user
from tests.fakes.engine import ScriptedEngine


class BrittleEngine(ScriptedEngine):
    """Cannot serve some versions."""

    def __init__(self, version: str, bad: set[str]) -> None:
        super().__init__(version=version)
        self.bad = bad
        self.tried: list[str] = []

    async def swap(self, version: str) -> None:
        self.tried.append(version)
        if version in self.bad:
            raise ModelDamaged(f"Version {version} is damaged.")
        await super().swap(version)


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
    engine = BrittleEngine(village.versions[0], set())
    await ChampionWatch(store, engine).look()
    assert engine.tried == []


async def test_the_champion_that_serves_already_is_left_alone(store: Store, village: Village) -> None:
    await promote(store, village.versions[0])
    engine = BrittleEngine(village.versions[0], set())
    await ChampionWatch(store, engine).look()
    assert engine.tried == []


async def test_a_champion_that_cannot_be_served_is_tried_and_audited_once(store: Store, village: Village) -> None:
    good, bad, better = village.versions
    engine = BrittleEngine(good, {bad})
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
    engine = BrittleEngine(good, {bad})
    watch = ChampionWatch(store, engine)
    for version in (bad, better, bad):
        await promote(store, version)
        engine.bad = {bad} if version == bad and len(engine.tried) == 0 else set()
        await watch.look()
    assert engine.tried == [bad, better, bad]
    assert engine.version == bad


async def test_a_busy_database_does_not_end_the_watch(store: Store, village: Village, monkeypatch: Any) -> None:
    engine = ScriptedEngine(version=village.versions[0])
    current = store.aliases.current
    busy = [DatabaseBusy("busy"), DatabaseBusy("busy")]

    async def sometimes_busy(alias: Any) -> str | None:
        if busy:
            raise busy.pop()
        return await current(alias)

    monkeypatch.setattr(store.aliases, "current", sometimes_busy)
    await promote(store, village.versions[1])
    swapped = asyncio.Event()
    async with ChampionWatch(store, engine, poll_seconds=0.01, on_swap=lambda old, new: swapped.set()):
        await swapped.wait()


async def test_a_swap_that_fails_leaves_the_engine_answering(store: Store, village: Village) -> None:
    class FailingEngine(ScriptedEngine):
        async def swap(self, version: str) -> None:
            raise EngineFailed("no")

    engine = FailingEngine(version=village.versions[0])
    await promote(store, village.versions[1])
    await ChampionWatch(store, engine).look()
    pieces = [piece async for piece in engine.stream([user("hi")], Any, member="a", request_id="1")]  # type: ignore[arg-type]
    assert pieces[-1].answer is not None


async def test_leaving_the_watch_leaves_no_task(store: Store, registry: ModelRegistry) -> None:
    before = asyncio.all_tasks()
    async with ChampionWatch(store, ScriptedEngine(), poll_seconds=0.01):
        assert len(asyncio.all_tasks()) == len(before) + 1
    assert asyncio.all_tasks() == before
