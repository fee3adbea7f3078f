"""The HTTP endpoints of one process: `/healthz` (it runs), `/readyz` (it can do its work) and `/metrics`."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from mynah.telemetry.figures import Figures
from storage.errors import MynahError, WrongUsage

logger = logging.getLogger(__name__)

CHECK_SECONDS = 3.0
"""A check that takes longer has failed: whoever probes does not wait for ever."""
_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"

Check = Callable[[], Awaitable[bool]]


@dataclass(frozen=True)
class Telemetry:
    """What a process lets be seen."""

    figures: Figures
    checks: Mapping[str, Check]
    """Name to whether that part can do its work; all must hold for the process to be ready."""
    refresh: Callable[[], Awaitable[None]]
    """Called before the figures are told."""


@asynccontextmanager
async def answering(telemetry: Telemetry, *, host: str, port: int) -> AsyncIterator[None]:
    """Answer at an address for as long as this is open.

    Raises:
        WrongUsage: the address cannot be had.
    """
    runner = web.AppRunner(application(telemetry), access_log=None, handle_signals=False)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise WrongUsage(
                f"Nobody can look at {host}:{port}: {error.strerror or type(error).__name__}.",
                advice="Choose another MYNAH_TELEMETRY__HOST, BOT_PORT or TRAINER_PORT.",
            ) from None
        logger.info("telemetry", extra={"host": host, "port": port})
        yield
    finally:
        await runner.cleanup()


def application(telemetry: Telemetry) -> web.Application:
    """The endpoints, without a socket."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        names = list(telemetry.checks)
        held = await asyncio.gather(*(_holds(telemetry.checks[name]) for name in names))
        is_ready = all(held)
        body = {"ready": is_ready, "checks": dict(zip(names, held, strict=True))}
        return web.json_response(body, status=200 if is_ready else 503, dumps=json.dumps)

    async def metrics(_: web.Request) -> web.Response:
        await telemetry.refresh()
        return web.Response(body=telemetry.figures.text(), headers={"Content-Type": _PROMETHEUS})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    return app


async def _holds(check: Check) -> bool:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check()
    except (MynahError, TimeoutError):
        return False
