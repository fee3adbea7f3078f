"""Conversations that go on while the champion changes: is anybody lost, and does each answer come from one version?

32 people talk to the embedded model, each saying the next thing as soon as they are answered, while the champion
moves ten times among three versions: the base and two copies with disturbed weights. Afterwards every answer is
compared with the greedy answer that its version gives alone, in a batch of one.

Run: python -m benchmarks.swap [--people 32] [--changes 10] [--model embedded]
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.conversation_openers import opener
from bot.engine.fleet import SwapReport
from bot.engine.local import LocalEngine, open_local_engine
from bot.engine.protocol import Answer, Sampling
from bot.engine.replies import generate_replies
from bot.engine.watch import ChampionWatch
from bot.engine.weights import fetch_base, load_weights
from bot.settings import EngineSettings
from storage.registry import ModelRegistry
from storage.settings import StoreSettings
from storage.store import Store, open_store
from storage.values import Message, Role

SAMPLING = Sampling(temperature=0.0, max_new_tokens=48)
OPENERS = 48


def _messages(number: int) -> list[Message]:
    return [Message(Role.USER, opener(number % OPENERS))]


def _disturbed(base: Path, folder: Path, seed: int) -> Path:
    """A copy of a model whose weights were shaken a little: it still talks, and says other things."""
    import torch

    weights = load_weights(base, device="cpu")
    torch.manual_seed(seed)
    for parameter in weights.model.parameters():
        parameter.data += torch.randn_like(parameter) * parameter.data.std() * 0.15
    model: Any = weights.model
    model.save_pretrained(folder)
    weights.tokenizer.save_pretrained(str(folder))
    return folder


class _Crowd:
    """People who talk until they are told that it is over."""

    def __init__(self, engine: LocalEngine) -> None:
        self._engine = engine
        self.is_over = False
        self.asked = 0
        self.answers: list[tuple[int, Answer]] = []
        self.gaps: list[float] = []
        self.arrivals: list[float] = []

    async def person(self, member: int) -> None:
        turn = 0
        while not self.is_over:
            number = (member * 7 + turn) % OPENERS
            self.asked += 1
            last = time.perf_counter()
            messages, request = _messages(number), f"{member}-{turn}"
            async for piece in self._engine.stream(messages, SAMPLING, member=str(member), request_id=request):
                now = time.perf_counter()
                self.gaps.append(now - last)
                self.arrivals.append(now)
                last = now
                if piece.answer is not None:
                    self.answers.append((number, piece.answer))
            turn += 1


async def _measure(base: Path, people: int, changes: int) -> None:
    with tempfile.TemporaryDirectory() as home:
        async with open_store(StoreSettings(), Path(home), clock=lambda: datetime.now(UTC)) as store:
            registry = ModelRegistry(Path(home) / "models", store)
            folders = [base, *(_disturbed(base, Path(home) / f"copy-{seed}", seed) for seed in (1, 2))]
            versions = [(await registry.import_folder(folder)).version for folder in folders]
            await store.aliases.promote(versions[0], actor="benchmark", reason="start")
            settings = EngineSettings(device="cpu", max_running=people)
            reports: list[SwapReport] = []
            async with open_local_engine(registry, "champion", settings) as engine:
                crowd = _Crowd(engine)
                seconds = await _talk(store, engine, crowd, versions, people, changes, reports)
            _tell(crowd, reports, seconds, dict(zip(versions, folders, strict=True)))


async def _talk(
    store: Store,
    engine: LocalEngine,
    crowd: _Crowd,
    versions: list[str],
    people: int,
    changes: int,
    reports: list[SwapReport],
) -> float:
    swapped = asyncio.Event()

    def on_swap(old: str, new: str) -> None:
        assert engine.last_swap is not None
        reports.append(engine.last_swap)
        swapped.set()

    begun = time.perf_counter()
    async with ChampionWatch(store, engine, poll_seconds=0.2, on_swap=on_swap):
        talks = [asyncio.create_task(crowd.person(member)) for member in range(people)]
        for change in range(1, changes + 1):
            swapped.clear()
            await store.aliases.promote(versions[change % len(versions)], actor="benchmark", reason="next")
            await swapped.wait()
            await asyncio.sleep(0.5)
        crowd.is_over = True
        await asyncio.gather(*talks)
    return time.perf_counter() - begun


def _tell(crowd: _Crowd, reports: list[SwapReport], seconds: float, folders: dict[str, Path]) -> None:
    matching = 0
    for version, folder in folders.items():
        weights = load_weights(folder, device="cpu")
        numbers = sorted({number for number, answer in crowd.answers if answer.model_version == version})
        alone = generate_replies(weights, [_messages(number) for number in numbers], SAMPLING, seed=0, batch_size=1)
        own = dict(zip(numbers, alone, strict=True))
        matching += sum(
            answer.text == own[number] for number, answer in crowd.answers if answer.model_version == version
        )
    pointers = [report.pointer_seconds * 1e6 for report in reports]
    arrivals = sorted(crowd.arrivals)
    silence = max(later - earlier for earlier, later in pairwise(arrivals))
    print("| what | figure |")
    print("|---|---|")
    print(f"| champion changes | {len(reports)} in {seconds:.1f} s |")
    print(f"| requests, answered | {crowd.asked}, {len(crowd.answers)} |")
    print(f"| versions that answered | {len({answer.model_version for _, answer in crowd.answers})} |")
    print(f"| equal to their version's own greedy answer, alone | {matching} |")
    print(f"| pointer move, median and longest | {statistics.median(pointers):.1f} µs, {max(pointers):.1f} µs |")
    print(f"| verify, load and prove, median | {statistics.median(r.load_seconds for r in reports):.2f} s |")
    print(f"| longest time in which nobody got a token | {silence * 1000:.0f} ms |")
    print(f"| longest wait of one person between two pieces | {max(crowd.gaps) * 1000:.0f} ms |")


def main() -> None:
    """Measure and print a table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--people", type=int, default=32)
    arguments.add_argument("--changes", type=int, default=10)
    arguments.add_argument("--model", default="embedded")
    options = arguments.parse_args()
    asyncio.run(_measure(fetch_base(options.model), options.people, options.changes))


if __name__ == "__main__":
    main()
