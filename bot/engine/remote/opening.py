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

    Raises:
        WrongUsage: no name of a model is set and the servers do not list exactly one.
        Refused, UnknownModel, UnsafeModel, ModelDamaged, EngineFailed: the champion cannot be served.
    """
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        replicas = [
            Replica(ModelServer(session, url, remote.key, timeout_seconds=remote.timeout_seconds), monotonic)
            for url in remote.urls
        ]
        listed = await _listed(replicas)
        model = remote.model or only_model(listed, remote.urls)
        adapters = None
        if champion is not None:
            adapters = Adapters(
                registry, replicas, model=model, base_version=base_version, folder=remote.adapter_folder
            )
            first = await adapters.expect(champion)
            with suppress(EngineAway):  # looking goes on, and loads it when a server is there
                await adapters.load(champion)
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


def only_model(listed: Mapping[str, ListedModel], urls: Sequence[str]) -> str:
    """The one model that the servers list.

    Raises:
        WrongUsage: they list several or none.
    """
    if len(listed) != 1:
        there = ", ".join(sorted(listed)[:5]) or "none, or cannot be reached"
        raise WrongUsage(
            f"Which model should answer? {', '.join(urls)}: {there}.", advice="Set MYNAH_REMOTE__MODEL to its name."
        )
    return next(iter(listed))


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
