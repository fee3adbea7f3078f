"""The stand-in Discord as a whole: one server on the loopback address, made here and nowhere else."""

import asyncio
import logging
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import discord
from aiohttp import web

from playground.acting import Acting
from playground.api import PREFIX, Api
from playground.asking import Asking
from playground.attachments import Attachments
from playground.bodies import MAX_BODY_BYTES
from playground.events import EventLog
from playground.faults import Faults
from playground.gateway import Gateway
from playground.guard import Guard
from playground.limits import Limits
from playground.loop import Look, LoopWatch, see_nothing
from playground.page_files import PageFiles
from playground.play import Play
from playground.scenes import Scenes
from playground.seeding import BOT_ID, BOT_NAME, Seeded, seed
from playground.sessions import Sessions
from playground.views import Views
from playground.world import World

logger = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
PORTS = (8424, 0)
"""Tried in order; 0 is any that is free."""
ALL_PRIVILEGED = discord.Intents(members=True, presences=True, message_content=True)


@dataclass(frozen=True, kw_only=True)
class Options:
    """How the stand-in behaves."""

    ports: Sequence[int] = PORTS
    """Tried in order; 0 is any that is free."""
    heartbeat_seconds: float = 41.25
    """How often the bot is to show that it lives."""
    approved_intents: discord.Intents = field(default_factory=lambda: ALL_PRIVILEGED)
    """Privileged intents that are switched on for the bot."""
    limits_are_enforced: bool = True
    """Off for load tests that measure the bot and not Discord's rate limits."""
    look: Look = see_nothing
    """How to look at Mynah's loop."""
    monotonic: Callable[[], float] = time.monotonic


@dataclass(frozen=True)
class Playground:
    """A stand-in that listens."""

    port: int
    bot_token: str
    """What the bot logs in with."""
    page_token: str
    """What the person at the page shows."""
    world: World
    seeded: Seeded
    play: Play
    api: Api

    @property
    def base(self) -> str:
        """Where everything is."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def page_url(self) -> str:
        """Where a person begins."""
        return f"{self.base}/?token={self.page_token}"

    @property
    def api_url(self) -> str:
        """For the bot's settings."""
        return self.base + PREFIX

    @property
    def gateway_url(self) -> str:
        """For the bot's settings."""
        return _gateway_url(self.port)


@asynccontextmanager
async def open_playground(options: Options) -> AsyncIterator[Playground]:
    """A seeded stand-in that listens until the block ends.

    Raises:
        OSError: none of the ports can be listened on.
    """
    application = web.Application(client_max_size=MAX_BODY_BYTES)
    runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    listening = _listen(options.ports)
    port = int(listening.getsockname()[1])
    playground, asking, gateway, loop = _put_together(options, port, application)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    watching = asyncio.create_task(loop.watch())
    logger.info("the stand-in listens", extra={"port": port})
    try:
        yield playground
    finally:
        await playground.play.scenes.stop()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        asking.close()
        await gateway.close()
        await runner.cleanup()


def _put_together(
    options: Options, port: int, application: web.Application
) -> tuple[Playground, Asking, Gateway, LoopWatch]:
    page_token, bot_token = secrets.token_urlsafe(24), _bot_token()
    base = f"http://{LOOPBACK}:{port}"
    guard = Guard(page_token, port)
    world = World(Attachments(base), bot_id=BOT_ID, bot_name=BOT_NAME)
    seeded = seed(world)
    log, asking, faults = EventLog(world), Asking(world), Faults(options.monotonic)
    sessions = Sessions(world, faults, gateway_url=_gateway_url(port), clock=options.monotonic)
    gateway = Gateway(
        sessions,
        faults,
        token=bot_token,
        approved=options.approved_intents,
        clock=options.monotonic,
        heartbeat_seconds=options.heartbeat_seconds,
        on_change=lambda: log.add("PLAY_BOT", play.bot()),
    )
    limits = Limits(options.monotonic, are_enforced=options.limits_are_enforced)
    api = Api(world, log, asking, faults, limits, token=bot_token, gateway_url=_gateway_url(port))
    loop = LoopWatch(options.look, log)
    views = Views(world, seeded.people, seeded.guild_id)
    scenes = Scenes(
        Acting(world, seeded.people, asking, log),
        seeded,
        is_bot_there=lambda: bool(sessions.connected),
        on_change=lambda: log.add("PLAY_SCENE", scenes.as_json()),
    )
    play = Play(world, seeded.people, views, log, asking, faults, gateway, loop, scenes, guard)
    faults.on_change.append(lambda: log.add("PLAY_FAULTS", {"faults": faults.as_json()}))
    application.middlewares.append(guard.check_host)
    application.add_routes(play.routes())
    application.add_routes(PageFiles(guard, world.attachments, f"{LOOPBACK}:{port}").routes())
    application.router.add_get("/gateway", gateway.serve)
    application.router.add_get("/gateway/", gateway.serve)
    application.router.add_route("*", PREFIX + "/{path:.*}", api.serve)
    return Playground(port, bot_token, page_token, world, seeded, play, api), asking, gateway, loop


def _listen(ports: Sequence[int]) -> socket.socket:
    """A socket on the first port that is free."""
    for index, port in enumerate(ports):
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((LOOPBACK, port))
        except OSError:
            listening.close()
            if index == len(ports) - 1:
                raise
        else:
            return listening
    raise ValueError("no port was given")


def _gateway_url(port: int) -> str:
    return f"ws://{LOOPBACK}:{port}/gateway"


def _bot_token() -> str:
    """Made up; has a bot token's form, because programs check it."""
    return f"{secrets.token_urlsafe(18)}.{secrets.token_urlsafe(4)}.{secrets.token_urlsafe(24)}"
