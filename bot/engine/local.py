"""The engine that answers on this machine: one generation serves, and a swap puts another in its place.

Promises: an answer comes from one version only, the one that served when its request began; a swap either succeeds or
changes nothing; closing leaves no thread and no task. How tokens are made is the generation's to know.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import torch

from bot.engine.admission import Admission
from bot.engine.generation import Generation, Request
from bot.engine.protocol import Answer, EngineFailed, Piece, Sampling
from bot.engine.threads import use_threads
from bot.engine.warming import prove
from bot.engine.weights import LoadedWeights, load_weights
from bot.settings import EngineSettings
from storage.errors import MynahError
from storage.registry import ModelRegistry
from storage.values import Message, ModelVersion

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SwapReport:
    """How long the newest swap took."""

    from_version: str
    to_version: str
    load_seconds: float
    """Verifying, loading and proving, while the old version served."""
    pointer_seconds: float
    """Moving new requests over."""


@dataclass(slots=True, eq=False)
class _Serving:
    """A generation, and how many requests hold on to it."""

    generation: Generation
    holders: int = 0
    is_retired: bool = False


class LocalEngine:
    """An `Engine` on this machine's own processor. Made by `open_local_engine`; belongs to one event loop."""

    def __init__(
        self, registry: ModelRegistry, settings: EngineSettings, first: Generation, *, monotonic: Callable[[], float]
    ) -> None:
        self._registry = registry
        self._settings = settings
        self._monotonic = monotonic
        self._serving = _Serving(first)
        self._admission = Admission(
            max_requests=settings.max_running + settings.max_waiting, max_per_member=settings.max_waiting_per_member
        )
        self._requests: dict[str, Request] = {}
        self._swapping = asyncio.Lock()
        self._retiring: set[asyncio.Task[None]] = set()
        self.last_swap: SwapReport | None = None

    @property
    def version(self) -> str:
        """The version that new requests get."""
        return self._serving.generation.version

    @property
    def weights(self) -> LoadedWeights:
        """The weights that new requests get; to look at, not to change."""
        return self._serving.generation.weights

    async def stream(
        self, messages: Sequence[Message], sampling: Sampling, *, member: str, request_id: str
    ) -> AsyncIterator[Piece]:
        """Answer the last message on the version that serves now; see `Engine.stream`.

        Raises:
            EngineBusy: not admitted.
            PromptTooLong: the last message alone does not fit.
            WrongUsage: there is nothing to answer, or a request of this id is being answered.
            EngineFailed: it could not be answered.
        """
        with self._admission.place(member, request_id), self._held_generation() as generation:
            told: asyncio.Queue[Piece | EngineFailed] = asyncio.Queue()
            now = self._monotonic()
            deadline = now + self._settings.deadline_seconds
            request = Request(sampling, now, deadline, _teller(asyncio.get_running_loop(), told))
            self._requests[request_id] = request
            try:
                weights = generation.weights
                room, request.max_new_tokens = weights.room(
                    sampling.max_new_tokens, context_tokens=self._settings.context_tokens
                )
                request.prompt = await asyncio.to_thread(weights.renderer.prompt, messages, max_tokens=room)
                generation.submit(request)
                answer: Answer | None = None
                while answer is None:
                    piece = await _next_piece(told)
                    answer = piece.answer
                    yield piece
            finally:
                request.is_abandoned = True
                del self._requests[request_id]

    def stop(self, request_id: str) -> bool:
        """End a request with what it has; False if it is not running."""
        request = self._requests.get(request_id)
        if request is None:
            return False
        request.is_stopped = True
        return True

    async def swap(self, version: str) -> None:
        """Serve another version to new requests; those in flight finish on the old one.

        Args:
            version: a version's name, the beginning of one, or an alias.

        Raises:
            ModelDamaged, UnsafeModel, UnknownModel, EngineFailed: the old one keeps serving.
        """
        async with self._swapping:
            row = await self._registry.resolve(version)
            if row.version == self.version:
                return
            begun = self._monotonic()
            generation = await _open_generation(self._registry, row, self._settings, self._monotonic)
            loaded = self._monotonic()
            fresh = _Serving(generation)
            before = time.perf_counter()
            old, self._serving = self._serving, fresh
            pointer_seconds = time.perf_counter() - before
            self.last_swap = SwapReport(old.generation.version, row.version, loaded - begun, pointer_seconds)
            logger.info("swapped", extra={"from": old.generation.version, "to": row.version})
            old.is_retired = True
            if not old.holders:
                self._retire(old)

    async def close(self) -> None:
        """End what is in flight with what it has, and wait for every thread."""
        for request in self._requests.values():
            request.is_stopped = True
        self._serving.is_retired = True
        await asyncio.to_thread(self._serving.generation.close)
        while self._retiring:
            await asyncio.gather(*self._retiring)

    @contextmanager
    def _held_generation(self) -> Iterator[Generation]:
        serving = self._serving
        serving.holders += 1
        try:
            yield serving.generation
        finally:
            serving.holders -= 1
            if serving.is_retired and not serving.holders:
                self._retire(serving)

    def _retire(self, serving: _Serving) -> None:
        """Free a generation that nobody holds: its thread ends, and with it the last reference to its weights."""
        task = asyncio.get_running_loop().create_task(asyncio.to_thread(serving.generation.close))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)


@asynccontextmanager
async def open_local_engine(
    registry: ModelRegistry,
    version: str,
    settings: EngineSettings,
    *,
    monotonic: Callable[[], float] = time.monotonic,
) -> AsyncIterator[LocalEngine]:
    """An engine that serves a version (or what an alias points to), closed at the end.

    Sets the process's number of torch threads.

    Raises:
        ModelDamaged, UnsafeModel, UnknownModel: the version cannot be served.
        WrongUsage: the device is not there.
        EngineFailed: it does not answer.
    """
    row = await registry.resolve(version)
    first = [await _open_generation(registry, row, settings, monotonic)]
    engine = LocalEngine(registry, settings, first.pop(), monotonic=monotonic)  # no name here keeps it alive
    try:
        yield engine
    finally:
        await engine.close()


async def _open_generation(
    registry: ModelRegistry, row: ModelVersion, settings: EngineSettings, monotonic: Callable[[], float]
) -> Generation:
    """Verify, load and prove a version, in a thread of its own."""

    def work() -> Generation:
        registry.verify(row.version)
        base = None
        if row.kind == "adapter" and row.base is not None:
            registry.verify(row.base)
            base = registry.folder(row.base)
        weights = load_weights(registry.folder(row.version), base_folder=base, device=settings.device)
        use_threads(settings.threads, weights)
        make_rows = prove(weights, capacity=settings.max_running, context_tokens=settings.context_tokens)
        return Generation(
            row.version,
            weights,
            make_rows,
            max_running=settings.max_running,
            monotonic=monotonic,
            seed=torch.seed() % 2**63,
        )

    try:
        return await asyncio.to_thread(work)
    except MynahError:
        raise
    except Exception as error:
        raise EngineFailed(
            f"The model {row.version} could not be started ({type(error).__name__}).",
            advice="Roll back to another version, or look into the log.",
        ) from error


def _teller(
    loop: asyncio.AbstractEventLoop, told: "asyncio.Queue[Piece | EngineFailed]"
) -> Callable[[Piece | EngineFailed], None]:
    def tell(piece: Piece | EngineFailed) -> None:
        if not loop.is_closed():  # a program that was torn down listens no more
            loop.call_soon_threadsafe(told.put_nowait, piece)

    return tell


async def _next_piece(told: "asyncio.Queue[Piece | EngineFailed]") -> Piece:
    """The next piece; what has gathered meanwhile comes as one, for a slow reader."""
    delta = ""
    while True:
        piece = await told.get()
        if isinstance(piece, EngineFailed):
            raise piece
        delta += piece.delta
        if piece.answer is not None or told.empty():
            return Piece(delta, piece.answer)
