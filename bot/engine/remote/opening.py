"""A remote engine from its settings to its end: which model, which version first, and the eye on the servers."""

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import aiohttp

from bot.engine.fleet import Fleet
from bot.engine.protocol import EngineAway, EngineFailed
from bot.engine.remote.adapters import Adapters, ServedVersion
from bot.engine.remote.engine import RemoteEngine
from bot.engine.remote.own_model import own_model_only
from bot.engine.remote.replicas import Replica
from bot.engine.remote.server import ListedModel, ModelServer
from bot.settings import EngineSettings, RemoteSettings
from bot.tracing import NO_TRACER, Tracer
from storage.errors import WrongUsage
from storage.registry import ModelRegistry

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
"""How often the servers are looked at."""


@asynccontextmanager
async def open_remote_engine(
    registry: ModelRegistry,
    champion: str | None,
    settings: EngineSettings,
    remote: RemoteSettings,
    *,
    base_version: str = "",
    monotonic: Callable[[], float] = time.monotonic,
    look_seconds: float = LOOK_SECONDS,
    tracer: Tracer = NO_TRACER,
) -> AsyncIterator[RemoteEngine]:
    """An engine on the servers of the settings, closed at the end.

    Servers that are not there yet are waited for in the background; until then people are told so.

    Args:
        registry: holds the versions, where adapters are loaded.
        champion: who answers at first, with adapters. None: the servers' own model.
        settings: limits.
        remote: the servers.
        base_version: what the registry calls the servers' model, with adapters.
        monotonic: seconds, for the circuit breakers.
        look_seconds: how often the servers are looked at.
        tracer: writes down how long answers take.

    Raises:
        WrongUsage: the servers list models, and not this one.
        Refused, UnknownModel, UnsafeModel, ModelDamaged, EngineFailed: the champion cannot be served.
    """
    model = remote.model
    async with AsyncExitStack() as stack:
        replicas = await stack.enter_async_context(_replicas(remote, monotonic, tracer))
        listed = await _listed(replicas)
        if listed and model not in listed:
            raise WrongUsage(
                f"The servers have no model {model!r}, but: {', '.join(sorted(listed))[:300]}.",
                advice="Set MYNAH_REMOTE__MODEL to one of these.",
            )
        adapters = None
        if champion is not None:
            adapters = Adapters(registry, replicas, model=model, base_version=base_version, folder=remote.models_folder)
            first = await adapters.expect(champion)
            try:
                await adapters.load(champion)
            except EngineAway:  # looking goes on, and loads it when a server is there
                logger.warning("no model server is there yet", extra={"servers": len(replicas)})
            except BaseException:
                await asyncio.to_thread(first.close)  # where it was loaded already
                raise
        else:
            first = ServedVersion(own_version(model), lambda _: None)
            for replica in replicas:
                replica.names[first.version] = model
        engine = RemoteEngine(
            registry,
            settings,
            replicas,
            Fleet(
                adapters.open if adapters is not None else _cannot_serve,
                first,
                max_versions=settings.max_versions,
                patience_seconds=settings.deadline_seconds,
                monotonic=monotonic,
            ),
            adapters,
            context_tokens=min([settings.context_tokens, *_contexts(listed, model)]),
            tracer=tracer,
        )
        stack.push_async_callback(engine.close)
        looking = asyncio.get_running_loop().create_task(_keep_looking(engine, look_seconds), name="remote-look")
        try:
            yield engine
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking


def own_version(model: str) -> str:
    """The name that stands for a server's own model where versions are told, such as under an answer."""
    plain = re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-")
    return f"remote-{plain}"[:64].rstrip("-")


async def ask_for_models(remote: RemoteSettings) -> dict[str, frozenset[str] | EngineFailed]:
    """What each server of the settings lists, or why it does not say."""
    async with _replicas(remote, time.monotonic) as replicas:
        told = await asyncio.gather(*(replica.look() for replica in replicas), return_exceptions=True)
    return {replica.server.url: _names(models) for replica, models in zip(replicas, told, strict=True)}


async def ask_for_adapters(remote: RemoteSettings) -> list[str]:
    """The servers of the settings that take no adapters while they run.

    Raises:
        EngineFailed: one does not say.
    """
    async with _replicas(remote, time.monotonic) as replicas:
        return [replica.server.url for replica in replicas if not await replica.server.takes_adapters()]


def _names(told: Mapping[str, ListedModel] | BaseException) -> frozenset[str] | EngineFailed:
    if isinstance(told, EngineFailed):
        return told
    if isinstance(told, BaseException):
        raise told
    return frozenset(told)


@asynccontextmanager
async def _replicas(
    remote: RemoteSettings, monotonic: Callable[[], float], tracer: Tracer = NO_TRACER
) -> AsyncIterator[list[Replica]]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield [Replica(ModelServer(session, url, remote, tracer), monotonic) for url in remote.urls]


async def _listed(replicas: Sequence[Replica]) -> dict[str, ListedModel]:
    results = await asyncio.gather(*(replica.look() for replica in replicas), return_exceptions=True)
    listed: dict[str, ListedModel] = {}
    for result in results:
        if isinstance(result, EngineFailed):
            logger.warning("model server not well", extra={"error": type(result).__name__})
        elif isinstance(result, BaseException):
            raise result
        else:
            listed |= result
    return listed


def _contexts(listed: Mapping[str, ListedModel], model: str) -> list[int]:
    told = listed[model].context_tokens if model in listed else None
    return [told] if told is not None else []


async def _cannot_serve(version: str) -> ServedVersion:
    raise own_model_only()


async def _keep_looking(engine: RemoteEngine, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        await engine.look()
