"""The engine against one `generate` call after another, and against the library's continuous batching.

Each of 1, 8 and 32 people sends a message, waits for the whole answer, and sends the next. All contenders answer the
same messages greedily with the same model in the same process; what they answer is compared too.

Run: python -m benchmarks.serving [--threads 1] [--rounds 6] [--model embedded]
"""

import argparse
import asyncio
import statistics
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.conversation_openers import opener
from bot.engine.answer_text import AnswerText
from bot.engine.local import open_local_engine
from bot.engine.protocol import Sampling
from bot.engine.weights import LoadedWeights, fetch_base, load_weights
from bot.settings import EngineSettings
from storage.registry import ModelRegistry
from storage.settings import StoreSettings
from storage.store import open_store
from storage.values import Message, Role

PEOPLE = (1, 8, 32)
SAMPLING = Sampling(temperature=0.0, max_new_tokens=64)


@dataclass
class Told:
    """What one request got."""

    text: str
    tokens: int
    first_token_seconds: float


@dataclass
class Measured:
    """One contender under one load."""

    tokens: int = 0
    seconds: float = 0.0
    firsts: list[float] = field(default_factory=list)
    texts: dict[int, str] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Tokens a second, of everybody together."""
        return self.tokens / self.seconds


Ask = Callable[[int], Awaitable[Told]]


async def _load(ask: Ask, people: int, rounds: int) -> Measured:
    measured = Measured()

    async def person(number: int) -> None:
        for turn in range(rounds):
            message = number * rounds + turn
            told = await ask(message)
            measured.tokens += told.tokens
            measured.firsts.append(told.first_token_seconds)
            measured.texts[message] = told.text

    begun = time.perf_counter()
    await asyncio.gather(*(person(number) for number in range(people)))
    measured.seconds = time.perf_counter() - begun
    return measured


def _messages(number: int) -> list[Message]:
    return [Message(Role.USER, opener(number))]


@asynccontextmanager
async def _one_after_another(weights: LoadedWeights) -> AsyncIterator[Ask]:
    import torch

    turn = asyncio.Lock()
    model: Any = weights.model

    class FirstToken:
        """Notes when the first token came; the prompt is put before it."""

        def __init__(self) -> None:
            self.puts = 0
            self.at = 0.0

        def put(self, tokens: Any) -> None:
            self.puts += 1
            if self.puts == 2:
                self.at = time.perf_counter()

        def end(self) -> None:
            """Nothing to do."""

    def generate(number: int) -> tuple[str, int, float]:
        prompt = weights.renderer.prompt(_messages(number), max_tokens=weights.context_tokens - SAMPLING.max_new_tokens)
        first = FirstToken()
        ids = torch.tensor([prompt], device=weights.device)
        mask = torch.ones_like(ids)
        with torch.inference_mode():
            out = model.generate(
                ids, attention_mask=mask, do_sample=False, max_new_tokens=SAMPLING.max_new_tokens, streamer=first
            )
        tokens = out[0, len(prompt) :].tolist()
        return _text(weights, tokens), len(tokens), first.at

    async def ask(number: int) -> Told:
        asked = time.perf_counter()
        async with turn:
            text, tokens, first = await asyncio.to_thread(generate, number)
        return Told(text, tokens, first - asked)

    yield ask


@asynccontextmanager
async def _library_batching(weights: LoadedWeights) -> AsyncIterator[Ask]:
    from transformers import GenerationConfig
    from transformers.generation.configuration_utils import ContinuousBatchingConfig

    batching = ContinuousBatchingConfig(
        page_size=16, num_blocks=1024, max_batch_tokens=512, max_requests_per_batch=32, allow_block_sharing=False
    )
    greedy: dict[str, Any] = {"do_sample": False, "max_new_tokens": SAMPLING.max_new_tokens}
    greedy |= {"eos_token_id": sorted(weights.renderer.stop_ids), "pad_token_id": weights.renderer.pad_id}
    model: Any = weights.model
    batcher = model.init_continuous_batching(
        generation_config=GenerationConfig(**greedy),  # type: ignore[no-untyped-call]
        continuous_batching_config=batching,
    )
    batcher.start()
    loop = asyncio.get_running_loop()
    waiting: dict[str, asyncio.Future[tuple[list[int], float]]] = {}
    firsts: dict[str, float] = {}
    is_over = threading.Event()

    def listen() -> None:
        while not is_over.is_set():
            result = batcher.get_result(timeout=0.2)
            if result is None:
                continue
            firsts.setdefault(result.request_id, time.perf_counter())
            if result.is_finished():
                outcome = list(result.generated_tokens), firsts[result.request_id]
                loop.call_soon_threadsafe(waiting[result.request_id].set_result, outcome)

    listener = threading.Thread(target=listen)
    listener.start()

    async def ask(number: int) -> Told:
        asked = time.perf_counter()
        prompt = weights.renderer.prompt(_messages(number), max_tokens=weights.context_tokens - SAMPLING.max_new_tokens)
        request_id = f"{number}-{asked}"
        waiting[request_id] = loop.create_future()
        batcher.add_request(prompt, request_id=request_id, max_new_tokens=SAMPLING.max_new_tokens, streaming=True)
        tokens, first = await waiting[request_id]
        return Told(_text(weights, tokens), len(tokens), first - asked)

    try:
        yield ask
    finally:
        is_over.set()
        await asyncio.to_thread(listener.join)
        await asyncio.to_thread(batcher.stop, block=True)


@asynccontextmanager
async def _engine(base: Path, settings: EngineSettings) -> AsyncIterator[Ask]:
    with tempfile.TemporaryDirectory() as home:
        async with open_store(StoreSettings(), Path(home), clock=lambda: datetime.now(UTC)) as store:
            registry = ModelRegistry(Path(home) / "models", store)
            version = (await registry.import_folder(base)).version
            async with open_local_engine(registry, version, settings) as engine:

                async def ask(number: int) -> Told:
                    asked, first = time.perf_counter(), 0.0
                    messages, request = _messages(number), f"{number}-{asked}"
                    async for piece in engine.stream(messages, SAMPLING, member=str(number), request_id=request):
                        first = first or time.perf_counter()
                        if piece.answer is not None:
                            # The end token is a step too, and `generate` counts it.
                            steps = piece.answer.new_tokens
                            return Told(piece.answer.text, steps, first - asked)
                    raise AssertionError("an answer ends with an answer")

                yield ask


def _text(weights: LoadedWeights, tokens: list[int]) -> str:
    answer = AnswerText(weights.renderer)
    for token in tokens:
        answer.add(token)
    answer.finish()
    return answer.text


def _line(people: int, name: str, runs: list[Measured], base: float, truth: dict[int, str]) -> str:
    rate = statistics.median(run.rate for run in runs)
    firsts = sorted(first for run in runs for first in run.firsts)
    p50, p99 = firsts[len(firsts) // 2], firsts[min(len(firsts) - 1, len(firsts) * 99 // 100)]
    same = sum(run.texts[number] == truth[number] for run in runs for number in run.texts)
    total = sum(len(run.texts) for run in runs)
    return (
        f"| {people} | {name} | {rate:.0f} | {rate / base:.2f} | {p50 * 1000:.0f} | {p99 * 1000:.0f} | {same}/{total} |"
    )


async def _measure(base: Path, threads: int, rounds: int, repeats: int) -> None:
    import torch

    weights = load_weights(base, device="cpu")
    torch.set_num_threads(threads)
    settings = EngineSettings(device="cpu", threads=threads, max_running=32)
    contenders: dict[str, AbstractAsyncContextManager[Ask]] = {
        "generate, one after another": _one_after_another(weights),
        "continuous batching of the library": _library_batching(weights),
        "Mynah's engine": _engine(base, settings),
    }
    print(f"threads {threads}, rounds {rounds}, median of {repeats}")
    print("| people | contender | tokens/s | ratio | first token p50 ms | p99 ms | same text as generate |")
    print("|---|---|---|---|---|---|---|")
    runs: dict[tuple[int, str], list[Measured]] = {}
    for name, contender in contenders.items():
        async with contender as ask:
            await _load(ask, 2, 1)
            for people in PEOPLE:
                runs[people, name] = [await _load(ask, people, rounds) for _ in range(repeats)]
    first_name = next(iter(contenders))
    for people in PEOPLE:
        own = runs[people, first_name]
        rate = statistics.median(run.rate for run in own)
        for name in contenders:
            print(_line(people, name, runs[people, name], rate, own[0].texts))


def main() -> None:
    """Measure and print a table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--rounds", type=int, default=4)
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--model", default="embedded")
    options = arguments.parse_args()
    asyncio.run(_measure(fetch_base(options.model), options.threads, options.rounds, options.repeats))


if __name__ == "__main__":
    main()
