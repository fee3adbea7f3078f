"""Bot and trainer over a real socket: when each is ready, and what it tells."""

import socket
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest

from bot.chat.values import Incoming
from bot.cogs.client import Link
from bot.settings import EngineSettings
from mynah.settings import Settings
from mynah.telemetry.figures import Figures
from mynah.telemetry.opening import bot_telemetry, figures_of, trainer_telemetry
from mynah.telemetry.settings import TelemetrySettings
from mynah.world import ChatWorld, World, open_chat, open_world
from storage.processes import own_name
from tests.fakes.engine import ScriptedEngine
from tests.fakes.models import tiny_model
from tests.fakes.screening import WordScreening
from trainer.holder import LEASE


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
async def world(home: Path, port: int) -> AsyncIterator[World]:
    settings = Settings(home=home, telemetry=TelemetrySettings(bot_port=port, trainer_port=port))
    async with open_world(settings) as opened:
        yield opened


async def asked(port: int, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as response:
        return response.status, await response.text()


async def test_a_bot_is_ready_while_discord_hears_it(world: World, port: int) -> None:
    link = Link()
    chat = cast("ChatWorld", SimpleNamespace(world=world, engine=ScriptedEngine()))
    async with bot_telemetry(world.settings, chat, Figures(), link):
        assert (await asked(port, "/healthz"))[0] == 200
        assert (await asked(port, "/readyz"))[0] == 503
        link.is_up = True
        assert (await asked(port, "/readyz"))[0] == 200
        _, told = await asked(port, "/metrics")
    assert "mynah_discord_connected 1.0" in told
    assert 'mynah_serving{version="aaaaaaaaaaaaaaaa"} 1.0' in told
    with pytest.raises(aiohttp.ClientConnectorError):  # nothing listens any more
        await asked(port, "/healthz")


async def test_a_trainer_is_ready_while_it_holds_the_lease(world: World, port: int) -> None:
    leases = world.store.leases
    async with trainer_telemetry(world.settings, world.store):
        assert (await asked(port, "/readyz"))[0] == 503
        async with leases.held(LEASE, own_name(), ttl_seconds=60):
            assert (await asked(port, "/readyz"))[0] == 200
        async with leases.held(LEASE, "elsewhere/boot:1:aa", ttl_seconds=60):  # another machine's
            assert (await asked(port, "/readyz"))[0] == 503


async def test_nothing_listens_where_no_port_is_set(world: World, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*_: Any, **__: Any) -> None:
        raise AssertionError("an address was opened")

    monkeypatch.setattr("mynah.telemetry.opening.answering", opened)
    settings = world.settings.model_copy(update={"telemetry": TelemetrySettings()})
    assert figures_of(settings.telemetry.bot_port) is None
    async with trainer_telemetry(settings, world.store):
        with pytest.raises(aiohttp.ClientConnectorError):
            await asked(port, "/healthz")


def test_only_this_machine_may_ask_unless_somebody_says_so() -> None:
    assert TelemetrySettings().host == "127.0.0.1"


async def test_a_chat_that_is_opened_with_figures_counts_in_them(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mynah.world.open_screening", lambda _: WordScreening(refused=()))
    base = tiny_model("llama", tmp_path / "base")
    settings = Settings(home=home, engine=EngineSettings(base=str(base), max_new_tokens=4))
    figures = Figures()
    async with open_chat(settings, follows=False, figures=figures) as chat:
        updates = [one async for one in chat.service.answer(Incoming("terminal", "c", "member", "hello"))]
    assert updates[-1].reply is not None
    told = figures.text().decode()
    assert f'mynah_replies_total{{kind="{updates[-1].reply.kind.value}"}} 1.0' in told
    assert "mynah_engine_wait_seconds_count 1.0" in told
    assert 'mynah_verdicts_total{outcome="pass",screen="none"}' in told
