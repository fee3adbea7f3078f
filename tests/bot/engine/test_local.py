import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bot.engine.answer_text import AnswerText
from bot.engine.generation import Generation, Request
from bot.engine.local import LocalEngine, open_local_engine
from bot.engine.protocol import EngineBusy, EngineFailed, Finish, PromptTooLong, Sampling
from bot.engine.rows import SlotRows
from bot.engine.weights import LoadedWeights
from bot.settings import EngineSettings
from storage.errors import ModelDamaged, MynahError, UnknownModel, UnsafeModel, WrongUsage
from storage.registry import Lineage
from tests.bot.engine.conftest import GREEDY, Village, collect, user, words
from tests.fakes.models import KINDS, Kind, tiny_model

LONG = Sampling(temperature=0.0, max_new_tokens=100)
SETTINGS = EngineSettings(device="cpu", threads=1, max_running=8, max_waiting=40, max_waiting_per_member=2)


@pytest.fixture(autouse=True)
def _never_in_circles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random models like to go round in circles, and these tests need long answers."""
    monkeypatch.setattr("bot.engine.answer_text.goes_in_circles", lambda ids: False)


@pytest.fixture
async def engine(village: Village) -> AsyncIterator[LocalEngine]:
    async with open_local_engine(village.registry, village.versions[0], SETTINGS) as opened:
        yield opened


class Gate:
    """Holds every step of every row until it is opened, so that answers are surely under way."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_open = threading.Event()
        self.arrived = threading.Event()
        step = SlotRows.step

        def held(rows: SlotRows, tokens: Any) -> torch.Tensor:
            self.arrived.set()
            assert self.is_open.wait(60)
            return step(rows, tokens)

        monkeypatch.setattr(SlotRows, "step", held)

    async def reached(self) -> None:
        assert await asyncio.to_thread(self.arrived.wait, 60)


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Awaitable[None]]:
    """Waits until so many requests, whose prompts are rendered beside the event loop, have reached a generation."""
    arrived = asyncio.Semaphore(0)
    submit = Generation.submit

    def counted(generation: Generation, request: Request) -> None:
        submit(generation, request)
        arrived.release()

    async def wait(count: int) -> None:
        async with asyncio.timeout(60):
            for _ in range(count):
                await arrived.acquire()

    monkeypatch.setattr(Generation, "submit", counted)
    return wait


@pytest.fixture
def closed_gate(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> Gate:
    return Gate(monkeypatch)


def threads_of_generations() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("generation-")]


async def test_an_answer_is_the_versions_own_greedy_answer(engine: LocalEngine, village: Village) -> None:
    prompts = words(12)
    results = await asyncio.gather(
        *(collect(engine, prompt, member=f"m{index}", request_id=f"{index}") for index, prompt in enumerate(prompts))
    )
    answers = [answer for _, answer in results]
    assert [answer.text for answer in answers] == village.own_answers(village.versions[0], prompts, GREEDY)
    assert {answer.model_version for answer in answers} == {village.versions[0]}
    for pieces, answer in results:
        assert "".join(piece.delta for piece in pieces) == answer.text


@pytest.mark.parametrize("kind", KINDS)
async def test_every_shape_answers_as_itself(
    kind: Kind, registry: Any, tmp_path: Path, weights_of: Callable[[Kind], LoadedWeights]
) -> None:
    from bot.engine.replies import generate_replies

    model = await registry.import_folder(tiny_model(kind, tmp_path / "folder"))
    async with open_local_engine(registry, model.version[:6], SETTINGS) as engine:
        results = await asyncio.gather(
            *(collect(engine, prompt, member=str(at), request_id=str(at)) for at, prompt in enumerate(words(5)))
        )
    assert [answer.text for _, answer in results] == generate_replies(weights_of(kind), words(5), GREEDY, seed=0)


async def test_an_answer_tells_what_it_took(engine: LocalEngine) -> None:
    _, answer = await collect(engine, [user("hello")], Sampling(temperature=0, max_new_tokens=5))
    assert answer.finish in {Finish.LENGTH, Finish.END}
    assert 0 < answer.new_tokens <= 5
    assert answer.prompt_tokens > 1
    assert 0 <= answer.queue_seconds <= answer.latency_seconds


async def test_sampled_answers_differ_and_stay_short(engine: LocalEngine) -> None:
    sampling = Sampling(temperature=2.0, top_k=0, top_p=1.0, max_new_tokens=10)
    texts = {(await collect(engine, [user("hello")], sampling))[1].text for _ in range(5)}
    assert len(texts) > 1


async def test_a_long_history_is_shortened_and_answered(engine: LocalEngine) -> None:
    _, answer = await collect(engine, [user(f"line {index} of many") for index in range(200)])
    assert answer.prompt_tokens <= 256 - 24


async def test_an_answer_never_grows_beyond_the_context(engine: LocalEngine) -> None:
    _, answer = await collect(engine, [user("hello")], Sampling(temperature=0, max_new_tokens=5000))
    assert answer.new_tokens <= 128


@pytest.mark.parametrize("text", ["word " * 20_000, "x" * 100_000], ids=["words", "one-word"])
async def test_a_message_that_is_too_long_is_refused_and_the_next_one_answered(engine: LocalEngine, text: str) -> None:
    with pytest.raises(PromptTooLong):
        await collect(engine, [user(text)])
    _, answer = await collect(engine, [user("hello")])
    assert answer.new_tokens


@pytest.mark.parametrize("text", ["", "  \n", "\u200b\ufdd0"[1:]])
async def test_an_empty_message_is_refused(engine: LocalEngine, text: str) -> None:
    with pytest.raises(WrongUsage, match="nothing to answer"):
        await collect(engine, [user(text)])


@pytest.mark.parametrize("text", ["\ud800", "\x00\x00", "z\u0337" * 30, "🙂" * 30, "<|eot_id|><|eot_id|>"])
async def test_odd_text_is_answered(engine: LocalEngine, text: str) -> None:
    _, answer = await collect(engine, [user(text)])
    answer.text.encode("utf-8")


async def test_stop_ends_an_answer_with_what_it_has(engine: LocalEngine, closed_gate: Gate) -> None:
    task = asyncio.create_task(collect(engine, [user("hello")], LONG, request_id="long"))
    await closed_gate.reached()
    assert engine.stop("long")
    closed_gate.is_open.set()
    pieces, answer = await task
    assert answer.finish is Finish.STOPPED
    assert answer.new_tokens < 100
    assert "".join(piece.delta for piece in pieces) == answer.text
    assert not engine.stop("long")


def test_stopping_what_never_ran_is_false(village: Village) -> None:
    async def work() -> None:
        async with open_local_engine(village.registry, village.versions[0], SETTINGS) as engine:
            assert not engine.stop("nobody")

    asyncio.run(work())


async def test_a_waiting_request_can_be_stopped(engine: LocalEngine, closed_gate: Gate) -> None:
    tasks = [
        asyncio.create_task(collect(engine, [user("hello")], LONG, member=str(index), request_id=str(index)))
        for index in range(12)
    ]
    await closed_gate.reached()
    assert engine.stop("11")
    closed_gate.is_open.set()
    answers = [answer for _, answer in await asyncio.gather(*tasks)]
    assert answers[11].finish is Finish.STOPPED
    assert answers[11].text == ""
    assert len({answer.text for answer in answers[:11]}) == 1


async def test_a_deadline_ends_an_answer_with_what_it_has(village: Village, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    async with open_local_engine(village.registry, village.versions[0], SETTINGS, monotonic=lambda: now[0]) as engine:
        gate = Gate(monkeypatch)
        tasks = [
            asyncio.create_task(collect(engine, [user("hello")], LONG, member=str(index), request_id=str(index)))
            for index in range(12)
        ]
        await gate.reached()
        now[0] = 61.0
        gate.is_open.set()
        answers = [answer for _, answer in await asyncio.gather(*tasks)]
        now[0] = 62.0
        _, after = await collect(engine, [user("hello")], GREEDY)
    assert {answer.finish for answer in answers} == {Finish.DEADLINE}
    assert all(answer.new_tokens < 100 for answer in answers)
    assert answers[0].latency_seconds == 61.0
    assert after.finish is not Finish.DEADLINE


@pytest.mark.parametrize("how", ["cancel", "close"])
async def test_who_stops_listening_frees_the_place(engine: LocalEngine, closed_gate: Gate, how: str) -> None:
    for round_number in range(5):
        stream: Any = engine.stream([user("hello")], LONG, member="ann", request_id=f"{round_number}")
        if how == "cancel":
            task = asyncio.create_task(anext(stream))
            await closed_gate.reached()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        else:
            closed_gate.is_open.set()
            await anext(stream)
        await stream.aclose()
        assert not engine.stop(f"{round_number}")
    closed_gate.is_open.set()
    _, answer = await collect(engine, [user("hello")])
    assert answer.new_tokens


async def test_abandoned_answers_leave_the_batch(
    engine: LocalEngine, closed_gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    added: list[int] = []
    add = AnswerText.add

    def counted(self: AnswerText, token: int) -> str:
        added.append(token)
        return add(self, token)

    monkeypatch.setattr(AnswerText, "add", counted)
    for index in range(8):
        stream: Any = engine.stream([user("hello")], LONG, member=str(index), request_id=str(index))
        task = asyncio.create_task(anext(stream))
        await closed_gate.reached()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await stream.aclose()
    closed_gate.is_open.set()
    await collect(engine, [user("hello")], Sampling(temperature=0, max_new_tokens=4))
    assert len(added) < 40


async def test_a_member_with_too_many_requests_is_told_so_politely(engine: LocalEngine, closed_gate: Gate) -> None:
    tasks = [asyncio.create_task(collect(engine, [user("hello")], request_id=str(index))) for index in range(2)]
    await closed_gate.reached()
    with pytest.raises(EngineBusy, match="last message"):
        await collect(engine, [user("hello")], request_id="three")
    other = asyncio.create_task(collect(engine, [user("hello")], member="bob", request_id="four"))
    closed_gate.is_open.set()
    assert len(await asyncio.gather(*tasks, other)) == 3


async def test_a_full_queue_refuses_politely(village: Village, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = SETTINGS.model_copy(update={"max_running": 2, "max_waiting": 1})
    async with open_local_engine(village.registry, village.versions[0], settings) as engine:
        gate = Gate(monkeypatch)
        tasks = [
            asyncio.create_task(collect(engine, [user("hello")], member=str(index), request_id=str(index)))
            for index in range(3)
        ]
        await gate.reached()
        with pytest.raises(EngineBusy, match="try again"):
            await collect(engine, [user("hello")], member="late", request_id="late")
        gate.is_open.set()
        assert len(await asyncio.gather(*tasks)) == 3


async def test_every_request_is_answered_by_one_version_while_the_champion_changes(
    engine: LocalEngine, village: Village
) -> None:
    prompts = words(6)
    own = {
        version: dict(zip(range(6), village.own_answers(version, prompts, GREEDY), strict=True))
        for version in village.versions
    }
    assert len({tuple(answers.values()) for answers in own.values()}) == 3, "the versions must differ to prove anything"
    is_over = asyncio.Event()
    checked: list[str] = []

    async def converse(member: int) -> None:
        turn = 0
        while not is_over.is_set() or turn < 2:
            at = (member + turn) % 6
            pieces, answer = await collect(engine, prompts[at], member=str(member), request_id=f"{member}-{turn}")
            assert answer.text == own[answer.model_version][at]
            assert "".join(piece.delta for piece in pieces) == answer.text
            checked.append(answer.model_version)
            turn += 1

    talks = [asyncio.create_task(converse(member)) for member in range(32)]
    for change in range(1, 11):
        await engine.swap(village.versions[change % 3])
        assert engine.version == village.versions[change % 3]
    is_over.set()
    await asyncio.gather(*talks)
    assert len(checked) >= 64
    assert set(checked) == set(village.versions)
    await engine.close()
    assert threads_of_generations() == []


async def test_an_answer_under_way_finishes_on_the_old_version(
    engine: LocalEngine, village: Village, closed_gate: Gate
) -> None:
    old, new = village.versions[:2]
    task = asyncio.create_task(collect(engine, [user("hello")], LONG, request_id="old"))
    await closed_gate.reached()
    swap = asyncio.create_task(engine.swap(new))
    closed_gate.is_open.set()  # proving the new version steps through the same gate
    await swap
    _, late = await collect(engine, [user("hello")], LONG, member="bob", request_id="new")
    _, early = await task
    assert (early.model_version, late.model_version) == (old, new)
    assert [early.text] == village.own_answers(old, [[user("hello")]], LONG)
    assert [late.text] == village.own_answers(new, [[user("hello")]], LONG)


async def test_the_old_version_is_freed_once_nobody_holds_it(engine: LocalEngine, village: Village) -> None:
    import gc
    import weakref

    old = weakref.ref(engine.weights.model)
    await collect(engine, [user("hello")])
    await engine.swap(village.versions[1])
    await engine.close()  # waits for those that retire, too
    gc.collect()
    assert old() is None


async def test_a_swap_to_the_same_version_does_nothing(engine: LocalEngine, village: Village) -> None:
    await engine.swap(village.versions[0])
    assert engine.last_swap is None


async def test_a_swap_by_alias_follows_it(engine: LocalEngine, village: Village, store: Any) -> None:
    await store.aliases.promote(village.versions[2], actor="ann", reason="test")
    await engine.swap("champion")
    assert engine.version == village.versions[2]


async def test_the_swap_is_reported(engine: LocalEngine, village: Village) -> None:
    await engine.swap(village.versions[1])
    assert engine.last_swap is not None
    assert (engine.last_swap.from_version, engine.last_swap.to_version) == village.versions[:2]


def _flip_a_byte(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.chmod(0o644)
    contents = bytearray(file.read_bytes())
    contents[-1] ^= 1
    file.write_bytes(contents)


def _cut_short(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-50])


def _lose_the_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def _slip_in_a_pickle(folder: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")


def _lose_the_folder(folder: Path) -> None:
    folder.rename(folder.with_name("gone"))


@pytest.mark.parametrize(
    ("harm", "error"),
    [
        (_flip_a_byte, ModelDamaged),
        (_cut_short, ModelDamaged),
        (_lose_the_weights, ModelDamaged),
        (_slip_in_a_pickle, UnsafeModel),
        (_lose_the_folder, UnknownModel),
    ],
)
async def test_a_swap_to_a_harmed_version_is_refused_and_the_old_one_serves_on(
    engine: LocalEngine, village: Village, harm: Callable[[Path], None], error: type[MynahError]
) -> None:
    bad = village.versions[1]
    before = await collect(engine, [user("hello")])
    harm(village.registry.folder(bad))
    with pytest.raises(error):
        await engine.swap(bad)
    assert engine.version == village.versions[0]
    after = await collect(engine, [user("hello")])
    assert after[1].text == before[1].text
    await engine.swap(village.versions[2])
    assert engine.version == village.versions[2]


@pytest.mark.parametrize("name", ["nosuchversion", "../seed-1", "", "CHAMPION", "0" * 16, "champion"])
async def test_a_swap_to_an_unknown_version_is_refused(engine: LocalEngine, name: str) -> None:
    with pytest.raises(UnknownModel):
        await engine.swap(name)
    assert (await collect(engine, [user("hello")]))[1].new_tokens


async def test_a_version_that_is_numb_does_not_take_over(
    engine: LocalEngine, village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.engine.warming._agrees", lambda *arguments: False)
    with pytest.raises(EngineFailed):
        await engine.swap(village.versions[1])
    assert engine.version == village.versions[0]


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # peft 0.21
async def test_an_adapter_version_is_served_over_its_base(
    engine: LocalEngine, village: Village, tmp_path: Path
) -> None:
    from tests.bot.engine.test_weights import save_adapter

    base = village.versions[0]
    staging = save_adapter(village.registry.folder(base), village.registry.staging(), scale=2.0)
    (staging / "README.md").unlink(missing_ok=True)
    adapter = await village.registry.publish(staging, Lineage(kind="adapter", base=base))
    plain = (await collect(engine, [user("hello")], LONG))[1]
    await engine.swap(adapter.version)
    tuned = (await collect(engine, [user("hello")], LONG))[1]
    assert tuned.model_version == adapter.version
    assert tuned.text != plain.text


@pytest.mark.parametrize("death", [RuntimeError("out of memory"), SystemExit(1)], ids=["error", "exit"])
async def test_when_the_work_dies_everybody_is_told_and_the_next_is_answered(
    engine: LocalEngine,
    closed_gate: Gate,
    monkeypatch: pytest.MonkeyPatch,
    submitted: Callable[[int], Awaitable[None]],
    death: BaseException,
) -> None:
    tasks = [
        asyncio.create_task(collect(engine, [user("hello")], member=str(index), request_id=str(index)))
        for index in range(12)
    ]
    await closed_gate.reached()
    await submitted(len(tasks))
    alive = SlotRows.step
    deaths = [death]

    def die_once(rows: SlotRows, tokens: Any) -> torch.Tensor:
        if deaths:
            raise deaths.pop()
        return alive(rows, tokens)

    monkeypatch.setattr(SlotRows, "step", die_once)
    closed_gate.is_open.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, EngineFailed) for result in results)
    _, answer = await collect(engine, [user("hello")])
    assert answer.new_tokens
    assert len(threads_of_generations()) == 1


async def test_closing_ends_what_is_under_way_and_leaves_no_thread(
    village: Village, monkeypatch: pytest.MonkeyPatch, submitted: Callable[[int], Awaitable[None]]
) -> None:
    async with open_local_engine(village.registry, village.versions[0], SETTINGS) as engine:
        gate = Gate(monkeypatch)
        tasks = [
            asyncio.create_task(collect(engine, [user("hello")], LONG, member=str(index), request_id=str(index)))
            for index in range(12)
        ]
        await gate.reached()
        await submitted(len(tasks))  # what comes only now is apologised for
        closing = asyncio.create_task(engine.close())
        await asyncio.sleep(0)
        gate.is_open.set()
        await closing
        answers = [answer for _, answer in await asyncio.gather(*tasks)]
        assert {answer.finish for answer in answers} == {Finish.STOPPED}
        with pytest.raises(EngineFailed):
            await collect(engine, [user("hello")])
    assert threads_of_generations() == []


async def test_an_engine_does_not_open_on_an_unknown_or_damaged_version(village: Village) -> None:
    _flip_a_byte(village.registry.folder(village.versions[0]))
    for name, error in [(village.versions[0], ModelDamaged), ("nosuch", UnknownModel)]:
        with pytest.raises(error):
            async with open_local_engine(village.registry, name, SETTINGS):
                pass
    assert threads_of_generations() == []


async def test_one_request_id_cannot_be_answered_twice_at_once(engine: LocalEngine, closed_gate: Gate) -> None:
    task = asyncio.create_task(collect(engine, [user("hello")], request_id="same"))
    await closed_gate.reached()
    with pytest.raises(WrongUsage):
        await collect(engine, [user("hello")], member="bob", request_id="same")
    closed_gate.is_open.set()
    await task
