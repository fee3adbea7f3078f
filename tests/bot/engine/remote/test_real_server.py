"""The remote engine against a server of another project: `transformers serve`, with the model that ships."""

import asyncio
import importlib.util
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

import bot.engine
from bot.engine.protocol import Finish, Sampling
from bot.engine.remote.opening import open_remote_engine
from bot.engine.replies import generate_replies
from bot.engine.weights import load_weights
from bot.settings import EngineSettings, RemoteSettings
from storage.registry import ModelRegistry
from tests.bot.engine.conftest import collect, user

EMBEDDED = Path(bot.engine.__file__).parent / "embedded"
PATIENCE_SECONDS = 240.0

pytestmark = [
    pytest.mark.real_server,
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in ("fastapi", "uvicorn", "openai")),
        reason="`transformers serve` needs the serving extra, which is in the dev extra",
    ),
]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[str]:
    """Its address, once it listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["serve", "--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--dtype", "float32"]
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    with (tmp_path / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("transformers")), *command, env=env, stdout=log, stderr=log
        )
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), aiohttp.ClientSession() as session:
                while not await _is_healthy(session, f"http://127.0.0.1:{port}/health"):
                    assert process.returncode is None, (tmp_path / "log").read_text()
                    await asyncio.sleep(0.2)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.kill()
            await process.wait()


async def _is_healthy(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


@pytest.mark.timeout(2 * PATIENCE_SECONDS)
async def test_it_says_what_the_model_says_here(server: str, registry: ModelRegistry) -> None:
    greedy = Sampling(temperature=0.0, top_p=1.0, max_new_tokens=24)
    talk = [user("hello there")]
    remote = RemoteSettings(urls=(server,), model=str(EMBEDDED), first_token_seconds=PATIENCE_SECONDS)
    settings = EngineSettings(device="cpu", threads=1, deadline_seconds=PATIENCE_SECONDS)
    async with open_remote_engine(registry, None, settings, remote) as engine:
        pieces, answer = await collect(engine, talk, greedy)
    weights = await asyncio.to_thread(load_weights, EMBEDDED, device="cpu")
    [here] = await asyncio.to_thread(generate_replies, weights, [talk], greedy, seed=0)
    assert answer.text == here
    assert len(pieces) > 2
    assert answer.finish is Finish.END
    assert answer.new_tokens > 2
