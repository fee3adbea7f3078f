"""Several versions at once with real weights: whose words are whose, whatever the routes do meanwhile."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.engine.local import LocalEngine, open_local_engine
from bot.engine.protocol import EngineBusy, EngineFailed, Finish, Sampling
from bot.engine.routing import SHARED, Canary, Place, Routes, version_for
from bot.settings import EngineSettings
from storage.errors import ModelDamaged, UnknownModel
from storage.registry import Lineage
from tests.bot.engine.conftest import GREEDY, Village, collect, user, words
from tests.bot.engine.test_local import SETTINGS, Gate, threads_of_generations
from tests.bot.engine.test_weights import save_adapter

LONG = Sampling(temperature=0.0, max_new_tokens=100)
HELLO = [user("hello")]
ELSEWHERE = Place("999", "1")


@pytest.fixture(autouse=True)
def _never_in_circles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random models like to go round in circles, and these tests need long answers."""
    monkeypatch.setattr("bot.engine.answer_text.goes_in_circles", lambda ids: False)


@pytest.fixture
async def engine(village: Village) -> AsyncIterator[LocalEngine]:
    async with open_local_engine(village.registry, village.versions[0], SETTINGS) as opened:
        yield opened
    assert threads_of_generations() == []


def at(server: str, channel: str = "1") -> Place:
    return Place(server, channel)


async def test_every_answer_is_of_the_version_chosen_when_it_began_while_routes_change(
    engine: LocalEngine, village: Village
) -> None:
    one, two, three = village.versions
    prompts = words(6)
    own = {version: village.own_answers(version, prompts, GREEDY) for version in village.versions}
    assert len({tuple(answers) for answers in own.values()}) == 3, "the versions must differ to prove anything"
    is_over = asyncio.Event()
    checked: set[tuple[str, str]] = set()

    async def ask(member: str, turn: int, place: Place) -> None:
        number = (len(checked) + turn) % 6
        expected = version_for(engine.routes, place)
        _, answer = await collect(engine, prompts[number], member=member, request_id=f"{member}-{turn}", place=place)
        assert answer.model_version == expected
        assert answer.text == own[answer.model_version][number]
        checked.add((place.server, answer.model_version))

    async def converse(member: int) -> None:
        turn, place = 0, at(("100", "200", "300")[member % 3], str(member))
        while not is_over.is_set() or turn < 2:
            await ask(str(member), turn, place)
            turn += 1

    talks = [asyncio.create_task(converse(member)) for member in range(18)]
    for routes in [
        Routes({SHARED: one, "100": two}, {SHARED: Canary(three, 0.5)}),
        Routes({SHARED: one, "100": two}, {SHARED: Canary(three, 1.0)}),
        Routes({SHARED: three, "100": one}, {"100": Canary(two, 0.5)}),
        Routes({SHARED: two}, {SHARED: Canary(one, 0.3)}),
        Routes({SHARED: two, "100": three, "200": one}),
        Routes({SHARED: one}),
    ]:
        await engine.set_routes(routes)
        assert (engine.routes.champions, engine.routes.canaries) == (routes.champions, routes.canaries)
        assert engine.version == routes.champions[SHARED]
        await asyncio.gather(*(ask(f"newcomer {server}", 0, at(server, "7")) for server in ("100", "200", "300")))
    is_over.set()
    await asyncio.gather(*talks)
    assert {version for _, version in checked} == set(village.versions)
    assert {version for server, version in checked if server == "100"} >= {two, three}


async def test_versions_side_by_side_answer_with_their_own_words(engine: LocalEngine, village: Village) -> None:
    one, two, three = village.versions
    await engine.set_routes(Routes({SHARED: one, "100": two}, {"100": Canary(three, 1.0)}))
    places = {one: ELSEWHERE, two: at("100", ""), three: at("100")}
    results = await asyncio.gather(
        *(collect(engine, HELLO, LONG, member=name, request_id=name, place=place) for name, place in places.items())
    )
    assert [answer.model_version for _, answer in results] == [one, two, three]
    for name, (_, answer) in zip(places, results, strict=True):
        assert [answer.text] == village.own_answers(name, [HELLO], LONG)


async def test_an_answer_under_way_in_a_canary_finishes_there_when_the_canary_is_ended(
    engine: LocalEngine, village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, _ = village.versions
    await engine.set_routes(Routes({SHARED: one}, {SHARED: Canary(two, 1.0)}))
    gate = Gate(monkeypatch)
    early = asyncio.create_task(collect(engine, HELLO, LONG, request_id="early", place=ELSEWHERE))
    await gate.reached()
    await engine.set_routes(Routes({SHARED: one}))
    assert engine.in_memory == 2
    late = asyncio.create_task(collect(engine, HELLO, LONG, member="bob", request_id="late", place=ELSEWHERE))
    gate.is_open.set()
    answers = [(await early)[1], (await late)[1]]
    assert [answer.model_version for answer in answers] == [two, one]
    for answer in answers:
        assert [answer.text] == village.own_answers(answer.model_version, [HELLO], LONG)


async def test_what_the_routes_have_left_is_freed(engine: LocalEngine, village: Village) -> None:
    one, two, three = village.versions
    await engine.set_routes(Routes({SHARED: one, "100": two}, {SHARED: Canary(three, 1.0)}))
    for server in ("100", "200"):
        await collect(engine, HELLO, place=at(server))
    versions = engine._fleet._versions
    gone = [weakref.ref(versions.generation(name).weights.model) for name in (one, two)]
    stays = weakref.ref(versions.generation(three).weights.model)
    await engine.set_routes(Routes({SHARED: three}))
    await asyncio.gather(*versions._closing)
    gc.collect()
    assert [model() for model in gone] == [None, None]
    assert stays() is not None
    assert engine.in_memory == 1
    assert len(threads_of_generations()) <= 1


def _damage(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-1] + b"\x00")


async def test_a_damaged_version_of_one_line_keeps_its_champion_and_the_others_move(
    engine: LocalEngine, village: Village
) -> None:
    one, two, bad = village.versions
    await engine.set_routes(Routes({SHARED: one, "100": one}))
    _damage(village.registry.folder(bad))
    await engine.set_routes(Routes({SHARED: two, "100": bad}, {SHARED: Canary("nosuchversion", 1.0)}))
    assert isinstance(engine.refused[bad], ModelDamaged)
    assert isinstance(engine.refused["nosuchversion"], UnknownModel)
    answers = [(await collect(engine, HELLO, place=place))[1] for place in (ELSEWHERE, at("100"))]
    assert [answer.model_version for answer in answers] == [two, one]


@pytest.mark.parametrize("name", ["champion", "../seed-1", "", "0" * 16])
async def test_routes_name_whole_versions_only(engine: LocalEngine, village: Village, name: str) -> None:
    await village.registry._store.aliases.promote(village.versions[1], actor="ann", reason="test")
    await engine.set_routes(Routes({SHARED: village.versions[0], "100": name, "200": village.versions[1][:8]}))
    assert engine.refused.keys() == {name, village.versions[1][:8]}
    assert (await collect(engine, HELLO, place=at("100")))[1].model_version == village.versions[0]


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # peft 0.21
async def test_two_adapters_over_one_base_are_two_voices(engine: LocalEngine, village: Village) -> None:
    base, registry = village.versions[0], village.registry
    adapters = []
    for scale in (2.0, 3.0):
        staging = save_adapter(registry.folder(base), registry.staging(), scale=scale)
        (staging / "README.md").unlink(missing_ok=True)
        adapters.append((await registry.publish(staging, Lineage(kind="adapter", base=base))).version)
    assert adapters[0] != adapters[1]
    plain = (await collect(engine, HELLO, LONG))[1].text
    await engine.set_routes(Routes({SHARED: base, "100": adapters[0], "200": adapters[1]}))
    asked = [
        collect(engine, HELLO, LONG, member=server, request_id=server, place=at(server))
        for server in ("100", "200", "300")
    ]
    answers = [answer for _, answer in await asyncio.gather(*asked)]
    assert [answer.model_version for answer in answers] == [*adapters, base]
    assert len({answer.text for answer in answers}) == 3
    assert answers[2].text == plain


async def test_one_admission_counts_the_requests_of_all_versions(
    village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, three = village.versions
    settings = EngineSettings(device="cpu", threads=1, max_running=2, max_waiting=1, max_waiting_per_member=1)
    async with open_local_engine(village.registry, one, settings) as engine:
        await engine.set_routes(Routes({SHARED: one, "100": two, "200": three}))
        gate = Gate(monkeypatch)
        talks = [
            asyncio.create_task(collect(engine, HELLO, member=server, request_id=server, place=at(server)))
            for server in ("100", "200", "300")
        ]
        await gate.reached()
        with pytest.raises(EngineBusy, match="last message"):
            await collect(engine, HELLO, member="100", request_id="again", place=at("200"))
        with pytest.raises(EngineBusy, match="try again"):
            await collect(engine, HELLO, member="late", request_id="late", place=at("100"))
        assert engine.stop("200")
        gate.is_open.set()
        finishes = {answer.model_version: answer.finish for _, answer in await asyncio.gather(*talks)}
        assert finishes[three] is Finish.STOPPED
        assert len(finishes) == 3


async def test_closing_ends_what_every_version_has_under_way(village: Village, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, three = village.versions
    async with open_local_engine(village.registry, one, SETTINGS) as engine:
        await engine.set_routes(Routes({SHARED: one, "100": two, "200": three}))
        gate = Gate(monkeypatch)
        talks = [
            asyncio.create_task(collect(engine, HELLO, LONG, member=server, request_id=server, place=at(server)))
            for server in ("100", "200", "300")
        ]
        await gate.reached()
        await engine.set_routes(Routes({SHARED: one}))  # two of them drain
        closing = asyncio.create_task(engine.close())
        await asyncio.sleep(0)
        gate.is_open.set()
        await closing
        assert {answer.finish for _, answer in await asyncio.gather(*talks)} == {Finish.STOPPED}
        with pytest.raises(EngineFailed):
            await collect(engine, HELLO, place=at("100"))
    assert threads_of_generations() == []
