"""The engine that answers from servers: the same door, routes and limits as on this machine, and HTTP behind it.

Promises: an answer comes from one version; it is asked for again, once, only while nothing of it was told; a server
that fails is left alone for a while, and what it forgot in a restart is given back. Prompts are rendered by the
server's own chat template, which is the base's, as it is when an adapter over it is trained.
"""

import asyncio
import logging
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiohttp

from bot.engine.admission import Admission
from bot.engine.fleet import Fleet, SwapReport
from bot.engine.protocol import Answer, EngineBusy, EngineFailed, Finish, Piece, PromptTooLong, Sampling
from bot.engine.remote.replicas import Replica, choose
from bot.engine.remote.server import Chunk, ModelNotThere, ModelServer
from bot.engine.remote.versions import RemoteVersion, RemoteVersions
from bot.engine.routing import ANYWHERE, Place, Routes
from bot.settings import EngineSettings, RemoteSettings
from storage.errors import DatabaseBusy, MynahError, WrongUsage
from storage.registry import ModelRegistry
from storage.values import Message, Role

logger = logging.getLogger(__name__)

CHARACTERS_A_TOKEN = 3
"""Of English, rather too few than too many: the server counts exactly, and says so when it is too much."""
_LOOK_SECONDS = 10.0


@dataclass(slots=True)
class _Request:
    """One answer that is being made."""

    messages: list[Message]
    sampling: Sampling
    limit: asyncio.Timeout
    told: "asyncio.Queue[str | Exception | None]" = field(default_factory=asyncio.Queue)
    """New text; an error or None at the end."""
    is_stopped: bool = False
    text: str = ""
    chunks: int = 0
    prompt_tokens: int = 0
    new_tokens: int = 0
    finish: Finish = Finish.END

    def stop(self) -> None:
        """End it with what it has."""
        self.is_stopped = True
        if self.limit.when() is not None and not self.limit.expired():
            self.limit.reschedule(asyncio.get_running_loop().time())

    def take(self, chunk: Chunk) -> None:
        """Count a chunk in, and tell its text."""
        self.prompt_tokens = chunk.prompt_tokens or self.prompt_tokens
        self.new_tokens = chunk.new_tokens or self.new_tokens
        self.chunks += bool(chunk.text)
        if chunk.finish == "length":
            self.finish = Finish.LENGTH
        if delta := chunk.text if self.text else chunk.text.lstrip():
            self.text += delta
            self.told.put_nowait(delta)


class RemoteEngine:
    """An `Engine` over servers. Made by `open_remote_engine`; belongs to one event loop."""

    def __init__(
        self,
        registry: ModelRegistry,
        settings: EngineSettings,
        remote: RemoteSettings,
        replicas: Sequence[Replica],
        versions: RemoteVersions,
        *,
        monotonic: Callable[[], float],
    ) -> None:
        self._registry = registry
        self._settings = settings
        self._remote = remote
        self._replicas = replicas
        self._versions = versions
        self._monotonic = monotonic
        self._fleet: Fleet[RemoteVersion] = Fleet(
            versions.open,
            versions.base(),
            max_versions=settings.max_versions,
            patience_seconds=settings.deadline_seconds,
            monotonic=monotonic,
        )
        self._admission = Admission(
            max_requests=settings.max_running + settings.max_waiting, max_per_member=settings.max_waiting_per_member
        )
        self._requests: dict[str, _Request] = {}

    @property
    def version(self) -> str:
        """The shared champion."""
        return self._fleet.shared.version

    @property
    def routes(self) -> Routes:
        """Who answers now."""
        return self._fleet.routes

    @property
    def refused(self) -> Mapping[str, MynahError]:
        """The wanted versions that cannot be served, and why."""
        return self._fleet.refused

    @property
    def last_swap(self) -> SwapReport | None:
        """The newest change of the shared champion; None before the first."""
        return self._fleet.last_swap

    async def stream(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        *,
        member: str,
        request_id: str,
        place: Place = ANYWHERE,
    ) -> AsyncIterator[Piece]:
        """Answer the last message on the version that answers now at a place; see `Engine.stream`.

        Raises:
            EngineBusy: not admitted, here or by every server.
            PromptTooLong: the last message alone does not fit.
            WrongUsage: there is nothing to answer, or a request of this id is being answered.
            EngineFailed: it could not be answered.
        """
        if not messages or not messages[-1].text.strip():
            raise WrongUsage("There is nothing to answer.", advice="Write a message first.")
        with self._admission.place(member, request_id), self._fleet.held(place) as serving:
            told_as = serving.version if self._remote.adapters else told_name(self._remote.model)
            room = (self._settings.context_tokens - sampling.max_new_tokens) * CHARACTERS_A_TOKEN
            limit = asyncio.timeout(self._settings.deadline_seconds)
            request = _Request(fitting(messages, room), sampling, limit)
            began = self._monotonic()
            self._requests[request_id] = request
            reading = asyncio.create_task(self._read(request, serving.name), name="remote-answer")
            try:
                while (delta := await _next_text(request.told)) is not None:
                    yield Piece(delta, model_version=told_as)
                yield Piece("", self._answer(request, told_as, self._monotonic() - began), told_as)
            finally:
                del self._requests[request_id]
                reading.cancel()
                with suppress(asyncio.CancelledError):
                    await reading

    def stop(self, request_id: str) -> bool:
        """End a request with what it has; False if it is not running."""
        request = self._requests.get(request_id)
        if request is None:
            return False
        request.stop()
        return True

    async def set_routes(self, routes: Routes) -> None:
        """Let these versions answer new requests, see `Engine.set_routes`.

        Raises:
            DatabaseBusy: a version could not be looked up. Try again.
        """
        await self._fleet.set_routes(routes)

    async def swap(self, version: str) -> None:
        """Make a version the shared champion; those in flight finish on the old one.

        Raises:
            ModelDamaged, UnsafeModel, UnknownModel, EngineFailed: the old one keeps serving.
        """
        row = await self._registry.resolve(version)
        await self._fleet.swap(row.version)

    async def look_at_servers(self) -> None:
        """See what each server has, and give back what it forgot. Called every few seconds by whoever opened this."""
        for replica in self._replicas:
            try:
                await self._versions.refresh(replica)
            except MynahError as error:
                logger.warning(
                    "server cannot be asked", extra={"server": replica.server.url, "error": type(error).__name__}
                )

    async def close(self) -> None:
        """End what is in flight with what it has, and let the servers forget our adapters."""
        for request in self._requests.values():
            request.stop()
        await self._fleet.close()

    async def _read(self, request: _Request, name: str) -> None:
        """Tell the text as it comes, until it ends, is stopped, or the time is over."""
        end: Exception | None = None
        try:
            async with request.limit, aclosing(self._chunks(request, name)) as chunks:
                async for chunk in chunks:
                    request.take(chunk)
        except TimeoutError:
            request.finish = Finish.STOPPED if request.is_stopped else Finish.DEADLINE
        except Exception as error:  # noqa: BLE001 - whoever listens must hear of it, whatever it is
            end = error
        request.told.put_nowait(end)

    async def _chunks(self, request: _Request, name: str) -> AsyncGenerator[Chunk, None]:
        """An answer of one server; of a second one, or of the same once more, if nothing was said and that may help."""
        tried: list[Replica] = []
        while True:
            replica = choose(self._replicas, name, tried=tried) or choose(tried, name)
            if replica is None:
                raise EngineFailed("The model's server does not answer.", advice="Please try again in a minute.")
            tried.append(replica)
            try:
                with replica.asked():
                    async with aclosing(self._ask(replica, request, name)) as chunks:
                        async for chunk in chunks:
                            yield chunk
            except MynahError as error:
                may_help = await self._may_help_again(replica, request, name, error)
                if len(tried) > 1 or request.text or not may_help:
                    raise
            else:
                replica.succeeded()
                return

    async def _may_help_again(self, replica: Replica, request: _Request, name: str, error: MynahError) -> bool:
        """Learn from a failure; whether a second try may go better."""
        if isinstance(error, EngineFailed) and not isinstance(error, ModelNotThere):
            replica.failed()
            return True
        replica.succeeded()  # it is there, and said no
        if isinstance(error, ModelNotThere):
            replica.names.discard(name)
            with suppress(MynahError):
                await self._versions.refresh(replica)
            return True
        if isinstance(error, PromptTooLong):
            shorter = request.messages[(len(request.messages) + 1) // 2 :]
            request.messages = shorter or request.messages
            return bool(shorter)
        return isinstance(error, EngineBusy) and len(self._replicas) > 1

    def _ask(self, replica: Replica, request: _Request, name: str) -> AsyncGenerator[Chunk, None]:
        return replica.server.chat(
            name,
            request.messages,
            request.sampling,
            first_seconds=self._remote.first_token_seconds,
            has_top_k=self._remote.adapters,
        )

    @staticmethod
    def _answer(request: _Request, told_as: str, seconds: float) -> Answer:
        return Answer(
            text=request.text.rstrip(),
            model_version=told_as,
            finish=request.finish,
            prompt_tokens=request.prompt_tokens,
            new_tokens=request.new_tokens or request.chunks,
            queue_seconds=0.0,  # the server's queue is not told apart from its thinking
            latency_seconds=seconds,
        )


def fitting(messages: Sequence[Message], characters: int) -> list[Message]:
    """The newest messages that are about so long; a leading system message and the last message always.

    Raises:
        PromptTooLong: the last message alone is longer.
    """
    *earlier, last = messages
    left = characters - len(last.text)
    if left < 0:
        raise PromptTooLong("That is more than I can read at once.", advice="Please say it in fewer words.")
    system = earlier[:1] if earlier and earlier[0].role is Role.SYSTEM else []
    left -= sum(len(message.text) for message in system)
    kept: list[Message] = []
    for message in reversed(earlier[len(system) :]):
        left -= len(message.text)
        if left < 0:
            break
        kept.append(message)
    return [*system, *reversed(kept), last]


def told_name(model: str) -> str:
    """What stands for a server's own model where versions are named."""
    return ("remote-" + re.sub(r"[^a-z0-9]+", "-", model.casefold()).strip("-"))[:64]


@asynccontextmanager
async def open_remote_engine(
    registry: ModelRegistry,
    champion: str,
    settings: EngineSettings,
    remote: RemoteSettings,
    *,
    base_version: str,
    monotonic: Callable[[], float] = time.monotonic,
) -> AsyncIterator[RemoteEngine]:
    """An engine over the servers of the settings, on a version; with their own model where they do not take it.

    A server that is away is no reason not to begin: whoever speaks meanwhile gets an apology.

    Raises:
        WrongUsage: no server has the model, or one does not accept the key.
    """
    async with _opened(remote, monotonic) as replicas:
        versions = RemoteVersions(registry, replicas, remote, base_version)
        await _look_for_model(replicas, remote.model)
        engine = RemoteEngine(registry, settings, remote, replicas, versions, monotonic=monotonic)
        try:
            await engine.swap(champion)
        except MynahError as error:
            logger.warning("the servers' own model answers", extra={"version": champion, "error": type(error).__name__})
        watching = asyncio.create_task(_look_now_and_then(engine), name="remote-servers")
        try:
            yield engine
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            await engine.close()


async def _next_text(told: "asyncio.Queue[str | Exception | None]") -> str | None:
    """New text; what has gathered meanwhile comes as one, for a slow reader. None: that was all."""
    said = await told.get()
    if isinstance(said, Exception):
        raise said
    while said is not None and not told.empty():
        more = told.get_nowait()
        if not isinstance(more, str):
            told.put_nowait(more)
            break
        said += more
    return said


async def ask_for_models(remote: RemoteSettings) -> dict[str, frozenset[str] | None]:
    """What each server of the settings has; None where it cannot be asked.

    Raises:
        WrongUsage: one does not accept the key.
    """
    async with _opened(remote, time.monotonic) as replicas:
        return {replica.server.url: await _models(replica) for replica in replicas}


@asynccontextmanager
async def _opened(remote: RemoteSettings, monotonic: Callable[[], float]) -> AsyncIterator[list[Replica]]:
    timeout = aiohttp.ClientTimeout(connect=remote.connect_seconds)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
        key = None if remote.key is None else remote.key.get_secret_value()
        yield [Replica(ModelServer(session, url, key=key), monotonic) for url in remote.urls]


async def _models(replica: Replica) -> frozenset[str] | None:
    try:
        return await replica.server.models()
    except EngineFailed as error:
        logger.warning("server is away", extra={"server": replica.server.url, "error": type(error).__name__})
        return None


async def _look_for_model(replicas: Sequence[Replica], model: str) -> None:
    for replica in replicas:
        replica.names = set(await _models(replica) or ())
    known = {name for replica in replicas for name in replica.names}
    if known and model not in known:
        raise WrongUsage(
            f"The servers have no model {model!r}, but: {', '.join(sorted(known))[:300]}.",
            advice="Set MYNAH_REMOTE__MODEL to one of these.",
        )


async def _look_now_and_then(engine: RemoteEngine) -> None:
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        try:
            await engine.look_at_servers()
        except DatabaseBusy:
            continue
