"""What our layer over a model server costs: the remote engine against calling the same server directly.

The server is the tests' stand-in in a process of its own, which gives a token every few milliseconds as a busy GPU
does. People ask, wait for the whole answer and ask again; half of them through the engine, half with a bare aiohttp
call that reads the same stream, in turns of the same length, so that a machine that is busy for a while is so for both.
Told are the tokens a second of both, their ratio, and how much later the answers' first and last words come.

Run: python -m benchmarks.remote [--people 16] [--seconds 20] [--token-ms 10]
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from bot.engine.protocol import Sampling
from bot.engine.remote.opening import open_remote_engine
from bot.settings import EngineSettings, RemoteSettings
from storage.registry import ModelRegistry
from storage.settings import StoreSettings
from storage.store import open_store
from storage.values import Message, Role
from tests.fakes.model_server import MODEL, ModelServer

WORDS = 64
SAMPLING = Sampling(max_new_tokens=WORDS)
SAID = " ".join(f"word{number}" for number in range(WORDS))
ROUND_SECONDS = 2.0


@dataclass
class Measured:
    """One contender."""

    tokens: int = 0
    seconds: float = 0.0
    processor_seconds: float = 0.0
    """Of this process, the server's not counted: what the layer itself costs, also on a machine that is busy."""
    firsts: list[float] = field(default_factory=list)
    wholes: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Tokens a second, of everybody together."""
        return self.tokens / self.seconds


Ask = Callable[[int], Awaitable[float]]
"""Asks for one whole answer; gives the time of its first word."""


async def _turn(ask: Ask, measured: Measured, people: int, seconds: float) -> None:
    begun, busy = time.perf_counter(), time.process_time()

    async def person(number: int) -> None:
        while time.perf_counter() - begun < seconds:
            asked = time.perf_counter()
            first = await ask(number)
            measured.firsts.append(first - asked)
            measured.wholes.append(time.perf_counter() - asked)
            measured.tokens += WORDS

    await asyncio.gather(*(person(number) for number in range(people)))
    measured.seconds += time.perf_counter() - begun
    measured.processor_seconds += time.process_time() - busy


@asynccontextmanager
async def _direct(url: str) -> AsyncIterator[Ask]:
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": "hello"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": SAMPLING.temperature,
        "top_p": SAMPLING.top_p,
        "max_tokens": WORDS,
    }
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask(_: int) -> float:
            first, said = 0.0, ""
            async with session.post(f"{url}/chat/completions", json=body) as response:
                async for line in response.content:
                    if line.startswith(b"data: {"):
                        choices = json.loads(line[6:])["choices"]
                        delta = choices[0]["delta"].get("content", "") if choices else ""
                        first = first or (time.perf_counter() if delta else 0.0)
                        said += delta
            assert said == SAID
            return first

        yield ask


@asynccontextmanager
async def _through_the_engine(url: str, folder: Path, people: int) -> AsyncIterator[Ask]:
    settings = EngineSettings(max_running=people)
    remote = RemoteSettings(urls=(url,), model=MODEL)
    async with (
        open_store(StoreSettings(), folder, clock=lambda: datetime.now(UTC)) as store,
        open_remote_engine(ModelRegistry(folder / "models", store), None, settings, remote) as engine,
    ):
        numbers = iter(range(sys.maxsize))

        async def ask(person: int) -> float:
            first, said = 0.0, ""
            talk = [Message(Role.USER, "hello")]
            async for piece in engine.stream(talk, SAMPLING, member=str(person), request_id=str(next(numbers))):
                first = first or (time.perf_counter() if piece.delta else 0.0)
                said += piece.delta
            assert said == SAID
            return first

        yield ask


async def _measure(people: int, seconds: float, url: str) -> dict[str, Measured]:
    told = {"direct": Measured(), "engine": Measured()}
    with tempfile.TemporaryDirectory() as folder:
        async with _direct(url) as direct, _through_the_engine(url, Path(folder), people) as engine:
            asks = {"direct": direct, "engine": engine}
            for ask in asks.values():
                await _turn(ask, Measured(), people, 0.1)  # connections are made, code is warm
            for number in range(max(1, round(seconds / ROUND_SECONDS / 2))):
                for name in sorted(asks, reverse=bool(number % 2)):
                    await _turn(asks[name], told[name], people, ROUND_SECONDS)
    return told


async def _serve(token_seconds: float) -> None:
    server = ModelServer(takes_adapters=False, context=None)
    server.says, server.token_seconds = SAID, token_seconds
    await server.start()
    print(server.url, flush=True)
    await asyncio.Event().wait()


def _percentile(values: list[float], share: float) -> float:
    return statistics.quantiles(values, n=1000, method="inclusive")[round(share * 1000) - 1] * 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=20.0, help="in all")
    parser.add_argument("--token-ms", type=float, default=10.0, help="between two tokens of one answer")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(_serve(arguments.token_ms / 1000))
        return
    command = [sys.executable, "-m", "benchmarks.remote", "--serve", "--token-ms", str(arguments.token_ms)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            told = asyncio.run(_measure(arguments.people, arguments.seconds, server.stdout.readline().strip()))
        finally:
            server.kill()
    print(f"{arguments.people} people, {WORDS} tokens an answer, {arguments.token_ms:g} ms a token at the server")
    for name, one in told.items():
        print(
            f"{name:<8} {one.rate:8.0f} tokens/s   {len(one.wholes):5} answers   "
            f"first word p50 {_percentile(one.firsts, 0.5):6.1f} ms, p99 {_percentile(one.firsts, 0.99):6.1f} ms   "
            f"whole p50 {_percentile(one.wholes, 0.5):6.1f} ms, p99 {_percentile(one.wholes, 0.99):6.1f} ms"
        )
    direct, engine = told["direct"], told["engine"]
    later = {
        "first word": _percentile(engine.firsts, 0.99) - _percentile(direct.firsts, 0.99),
        "whole": _percentile(engine.wholes, 0.99) - _percentile(direct.wholes, 0.99),
    }
    cost = [one.processor_seconds / one.tokens * 1e6 for one in (direct, engine)]
    print(f"work     {cost[0]:.0f} µs of this process a token directly, {cost[1]:.0f} µs through the engine")
    print(f"cost     {1 - engine.rate / direct.rate:+.1%} of the throughput (wanted: at most 2 %)")
    print(
        "         " + ", ".join(f"{what} {ms:+.1f} ms at p99" for what, ms in later.items()) + " (wanted: at most 5 ms)"
    )


if __name__ == "__main__":
    main()
