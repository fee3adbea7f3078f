"""All of Mynah on this machine: bots and a trainer as processes of their own, PostgreSQL, and a model server.

PostgreSQL is started in a folder of its own; the model server is the tests' stand-in for vLLM and its adapters.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.kept import Kept, kept
from bot.settings import EngineSettings, RemoteSettings
from mynah.commands.playground import settings_for
from mynah.settings import Settings
from mynah.terminal.trainer_beside import child_command
from mynah.world import World, ensure_champion, open_world
from playground.server import Playground
from storage.registry import Lineage
from storage.settings import StoreSettings
from storage.store import Store
from storage.values import Message, NewCandidate, Outcome, Role, Source, Verdict
from tests.fakes.model_server import MODEL, ModelServer, model_server
from tests.fakes.models import tiny_model
from tests.fakes.postgres import PostgresServer, restartable_postgres

AWAY_SECONDS = 2.0
"""A server that is restarted is gone for so long, besides what stopping and starting takes."""
TOKEN_SECONDS = 0.05
FACTS = Path(__file__).parent / "data" / "facts.jsonl"


@dataclass
class Service:
    """All that runs."""

    world: World
    postgres: PostgresServer
    engine: ModelServer
    bots: Sequence[Kept]
    trainer: Kept
    discord: Playground
    next_champion: str
    """A published version that does not answer yet."""

    @property
    def bots_connected(self) -> int:
        """How many bots Discord hears."""
        return len(self.discord.play.gateway.sessions.connected)


@asynccontextmanager
async def open_service(discord: Playground, bots: int, folder: Path) -> AsyncIterator[Service]:
    """Everything, with some approved facts to learn from and a run that is asked for."""
    async with AsyncExitStack() as stack:
        postgres = await asyncio.to_thread(stack.enter_context, restartable_postgres())
        engine = await stack.enter_async_context(model_server())
        engine.token_seconds = TOKEN_SECONDS
        home, base = folder / "home", tiny_model("qwen2", folder / "base")
        variables = {
            "MYNAH_STORE__URL": postgres.url,
            "MYNAH_ENGINE__BASE": str(base),
            "MYNAH_REMOTE__URLS": engine.url,
            "MYNAH_REMOTE__MODEL": MODEL,
            "MYNAH_REMOTE__ADAPTERS": "true",
            "MYNAH_TRAINER__CRON": "",
            "MYNAH_TRAINER__APPROVALS": "0",
        }
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("MYNAH_")}
        environment = {**inherited, **settings_for(discord), **variables, "OMP_NUM_THREADS": "1"}
        settings = Settings(
            home=home,
            store=StoreSettings(url=postgres.url),
            engine=EngineSettings(base=str(base)),
            remote=RemoteSettings(urls=(engine.url,), model=MODEL, adapters=True),
        )
        world = await stack.enter_async_context(open_world(settings))
        await ensure_champion(world)
        await _approve_facts(world.store)
        next_champion = await _adapter(world)
        await world.store.runs.request("drill")

        def process(name: str, number: int = 0) -> Kept:
            return Kept(child_command(name, home), environment, folder / f"{name}-{number}.out")

        serving = [process("bot", number) for number in range(bots)]
        trainer = process("trainer")
        await stack.enter_async_context(kept([*serving, trainer]))
        yield Service(world, postgres, engine, serving, trainer, discord, next_champion)


async def restart_postgres(server: PostgresServer) -> None:
    """Stop it as `pg_ctl restart` does, and start it a little later."""
    await asyncio.to_thread(server.stop)
    await asyncio.sleep(AWAY_SECONDS)
    await asyncio.to_thread(server.start)


async def restart_engine(server: ModelServer) -> None:
    """Stop it, and start it a little later, without the adapters that it had."""
    await server.stop()
    await asyncio.sleep(AWAY_SECONDS)
    await server.start()


async def _approve_facts(store: Store) -> None:
    """Something to learn from, as an operator imports it."""
    for line in FACTS.read_text("utf-8").splitlines():
        messages = tuple(Message(Role(one["role"]), one["content"]) for one in json.loads(line)["messages"])
        new = NewCandidate(
            messages, "import", "facts", Source.IMPORT, Verdict(Outcome.PASS, "", screen_version="drill"), ()
        )
        await store.candidates.approve((await store.candidates.add(new)).id, "drill")


async def _adapter(world: World) -> str:
    """A published version that changes nothing of the base: what is tried is the swap."""
    base = await world.registry.resolve("champion")

    def write(staging: Path) -> None:
        from peft import LoraConfig, get_peft_model

        from bot.engine.weights import load_weights

        weights = load_weights(world.registry.folder(base.version), device="cpu")
        model: Any = get_peft_model(weights.model, LoraConfig(r=2, target_modules=["q_proj"]))
        model.save_pretrained(staging)
        (staging / "README.md").unlink()

    staging = world.registry.staging()
    await asyncio.to_thread(write, staging)
    return (await world.registry.publish(staging, Lineage("adapter", base=base.version))).version
