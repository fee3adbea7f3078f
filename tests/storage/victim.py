"""A process that writes turns and publishes models, and says so on its output, until somebody kills it.

Run as `python -m tests.storage.victim HOME ROUND`. Each line is an acknowledgement: what it names must outlive the process.
"""

import asyncio
import itertools
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from storage.registry import Lineage, ModelRegistry
from storage.settings import StoreSettings
from storage.store import open_store
from tests.fakes.weights import write_model
from tests.storage.talk import say


def acknowledge(kind: str, name: str) -> None:
    os.write(1, f"{kind} {name}\n".encode())


async def main(home: Path, round_name: str) -> None:
    async with open_store(StoreSettings(), home, clock=lambda: datetime.now(UTC)) as store:
        registry = ModelRegistry(home / "models", store)

        async def talk(who: int) -> None:
            for number in itertools.count():
                turn = await say(store, "hello " * 200, external_id=f"{round_name}-{who}-{number}")
                acknowledge("turn", turn.external_id or "")

        async def publish() -> None:
            for number in itertools.count():
                staging = write_model(registry.staging(), f"{round_name} {number} ".encode() * 20_000)
                model = await registry.publish(staging, Lineage("full"))
                await store.aliases.promote(model.version, actor="victim", reason="new")
                acknowledge("model", model.version)

        await asyncio.gather(publish(), *(talk(who) for who in range(3)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
