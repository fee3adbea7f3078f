from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.engine.remote.engine import RemoteEngine
from bot.engine.remote.opening import open_remote_engine
from bot.settings import EngineSettings, RemoteSettings
from storage.registry import Lineage, ModelRegistry
from tests.fakes.model_server import MODEL, ModelServer, model_server
from tests.fakes.weights import safetensors_bytes, write_model


@dataclass
class Fleetyard:
    """A registry with a base and two adapters over it, two servers, and engines on them."""

    registry: ModelRegistry
    base: str
    first: str
    second: str
    servers: list[ModelServer]
    now: float = 100.0
    limits: EngineSettings = field(default_factory=EngineSettings)

    def engine(
        self, champion: str | None = None, *, servers: list[ModelServer] | None = None, **how: Any
    ) -> AbstractAsyncContextManager[RemoteEngine]:
        """An engine on the servers (by default the first), which is looked at by hand."""
        urls = tuple(server.url for server in servers or self.servers[:1])
        remote = RemoteSettings.model_validate({"urls": urls, "model": MODEL, "adapters": champion is not None, **how})
        return open_remote_engine(
            self.registry,
            champion,
            self.limits,
            remote,
            base_version=self.base,
            monotonic=lambda: self.now,
            look_seconds=3600,
        )

    async def adapter(self, values: bytes, *, base: str | None = None) -> str:
        """A published adapter."""
        staging = self.registry.staging()
        (staging / "adapter_config.json").write_text("{}", encoding="utf-8")
        (staging / "adapter_model.safetensors").write_bytes(safetensors_bytes(values))
        return (await self.registry.publish(staging, Lineage("adapter", base=base or self.base))).version

    async def whole(self, values: bytes) -> str:
        """A published model with all weights of its own."""
        return (await self.registry.publish(write_model(self.registry.staging(), values), Lineage("full"))).version


@pytest.fixture
async def yard(registry: ModelRegistry, tmp_path: Path) -> AsyncIterator[Fleetyard]:
    async with model_server() as one, model_server() as two:
        made = Fleetyard(registry, "", "", "", [one, two])
        made.base = await made.whole(b"base")
        made.first, made.second = await made.adapter(b"first"), await made.adapter(b"second")
        yield made
