"""The endpoints: alive, ready or not and why, and figures."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from mynah.telemetry import server
from mynah.telemetry.figures import Figures
from mynah.telemetry.problems import problems_counted
from mynah.telemetry.server import Check, Telemetry, answering, application
from mynah.telemetry.stored import StoredFigures
from storage.errors import DatabaseBusy, WrongUsage
from storage.store import Store
from storage.values import Alias, RunState

Client = TestClient[web.Request, web.Application]
Ask = Callable[[Telemetry], Awaitable[Client]]


@pytest.fixture
async def ask() -> AsyncIterator[Ask]:
    async with AsyncExitStack() as stack:

        async def open_client(telemetry: Telemetry) -> Client:
            return await stack.enter_async_context(TestClient(TestServer(application(telemetry))))

        yield open_client


async def nothing() -> None:
    """Refreshes nothing."""


def checked(**checks: Check) -> Telemetry:
    return Telemetry(Figures(), checks, nothing)


async def yes() -> bool:
    return True


async def no() -> bool:
    return False


async def is_busy() -> bool:
    raise DatabaseBusy("busy")


async def hangs() -> bool:
    return await asyncio.Event().wait()


async def test_a_process_that_runs_is_alive_whatever_it_lacks(ask: Ask) -> None:
    client = await ask(checked(discord=no))
    async with client.get("/healthz") as response:
        assert (response.status, await response.text()) == (200, "ok\n")


async def test_ready_when_every_check_holds(ask: Ask) -> None:
    client = await ask(checked(database=yes, discord=yes))
    async with client.get("/readyz") as response:
        assert response.status == 200
        assert await response.json() == {"ready": True, "checks": {"database": True, "discord": True}}


@pytest.mark.parametrize("bad", [no, is_busy, hangs])
async def test_not_ready_when_one_check_fails_raises_or_hangs(
    bad: Check, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "CHECK_SECONDS", 0.01)
    client = await ask(checked(database=yes, other=bad))
    async with client.get("/readyz") as response:
        assert response.status == 503
        assert await response.json() == {"ready": False, "checks": {"database": True, "other": False}}


async def test_metrics_are_refreshed_first_and_told_as_text(ask: Ask) -> None:
    figures = Figures()

    async def refresh() -> None:
        figures.connected.set(1)

    client = await ask(Telemetry(figures, {}, refresh))
    async with client.get("/metrics") as response:
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert "mynah_discord_connected 1.0" in await response.text()


async def test_an_address_that_is_taken_is_wrong_usage() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(WrongUsage, match="MYNAH_TELEMETRY__HOST"):
            async with answering(checked(), host="127.0.0.1", port=taken.getsockname()[1]):
                pass


async def test_the_database_tells_runs_examples_and_the_champion(store: Store, tmp_path: Path) -> None:
    run = await store.runs.request("command")
    await store.runs.advance(run.id, RunState.REFUSED, report={"snapshot": {"dropped": {"cycle-full": 3}}})
    figures = Figures()
    seconds = [0.0]
    stored = StoredFigures(store, tmp_path, figures, lambda: seconds[0])
    await stored.refresh()
    told = figures.text().decode()
    assert 'mynah_runs{state="refused"} 1.0' in told
    assert 'mynah_curation_dropped{reason="cycle-full"} 3.0' in told
    assert "mynah_database_up 1.0" in told
    assert "mynah_trainer_alive 0.0" in told
    await store.runs.request("command")
    seconds[0] = 5.0
    await stored.refresh()
    assert 'mynah_runs{state="requested"} 0.0' in figures.text().decode()
    seconds[0] = 15.0
    await stored.refresh()
    assert 'mynah_runs{state="requested"} 1.0' in figures.text().decode()


async def test_a_database_that_does_not_answer_is_told_and_not_raised(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(_: Alias) -> None:
        raise DatabaseBusy("busy")

    monkeypatch.setattr(store.aliases, "current", busy)
    figures = Figures()
    await StoredFigures(store, tmp_path, figures).refresh()
    assert "mynah_database_up 0.0" in figures.text().decode()


def test_problems_are_counted_by_event_and_never_by_what_others_wrote() -> None:
    figures = Figures()
    with problems_counted(figures):
        logging.getLogger("storage.database").warning("database error", extra={"error": "OperationalError"})
        logging.getLogger("discord.gateway").warning("somebody's words: %s", "hush")
        logging.getLogger("storage.database").info("all is well")
    logging.getLogger("storage.database").warning("database error")
    told = figures.text().decode()
    assert 'mynah_problems_total{event="database error",level="warning"} 1.0' in told
    assert 'mynah_problems_total{event="from discord",level="warning"} 1.0' in told
    assert "hush" not in told
    assert "somebody" not in told
    assert "all is well" not in told
