"""The engine that answers through model servers: the same door, the same routes, the tokens made elsewhere.

Promises: a request is tried again at most once, and only before its first word was given, so that nobody gets two
answers or halves of two; whoever goes away or says stop ends the work on the server; whatever fails is an `EngineFailed`
that the person is told of. It needs no torch and no tokenizer.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from bot.engine.door import FleetEngine
from bot.engine.fleet import Fleet
from bot.engine.protocol import Answer, EngineAway, EngineBusy, EngineFailed, Piece, Sampling
from bot.engine.remote.adapters import Adapters, ServedVersion
from bot.engine.remote.errors import NotServed, ServerFull, ServerRefused, ServerTrouble, TooMuchContext
from bot.engine.remote.patience import Patience
from bot.engine.remote.replicas import Replica, least_busy
from bot.engine.remote.speech import Speech
from bot.engine.remote.turns import estimated_tokens, fewer, fitting, sayable
from bot.settings import EngineSettings
from bot.tracing import NO_TRACER, Tracer
from storage.registry import ModelRegistry
from storage.values import Message

logger = logging.getLogger(__name__)


class RemoteEngine(FleetEngine[ServedVersion]):
    """An `Engine` on model servers. Made by `opening.open_remote_engine`; belongs to one event loop."""

    def __init__(
        self,
        registry: ModelRegistry,
        settings: EngineSettings,
        replicas: Sequence[Replica],
        fleet: Fleet[ServedVersion],
        adapters: Adapters | None,
        *,
        context_tokens: int,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        """Put together what `open_remote_engine` opened.

        Args:
            registry: knows the versions.
            settings: limits.
            replicas: the servers.
            fleet: the versions that they answer with.
            adapters: loads them; None where the servers have a model of their own alone.
            context_tokens: prompt and answer together are never longer.
            tracer: writes down how long answers take.
        """
        super().__init__(registry, settings, fleet, tracer)
        self._replicas = replicas
        self._adapters = adapters
        self._context_tokens = context_tokens

    async def _answered(
        self, served: ServedVersion, messages: Sequence[Message], sampling: Sampling, request_id: str
    ) -> AsyncGenerator[Piece, None]:
        """The pieces of one answer, of whichever replica gives it."""
        version, begun = served.version, asyncio.get_running_loop().time()
        patience = self._requests[request_id] = Patience(begun + self._settings.deadline_seconds)
        answer_tokens = max(1, min(sampling.max_new_tokens, self._context_tokens // 2))
        room = self._context_tokens - answer_tokens
        turns = fitting(sayable(messages), room)
        tried: list[Replica] = []
        while True:
            replica = least_busy(self._replicas, version, tried)
            name = replica.names[version]
            speech = Speech()
            try:
                body = self._body(name, turns, sampling, answer_tokens)
                with replica.asked():
                    async with aclosing(replica.server.chat(body, patience)) as chunks:
                        async for chunk in chunks:
                            if self._adapters is not None and chunk.model not in {None, name}:
                                raise ServerTrouble("The model server answered with another model.")
                            delta = speech.add(chunk)
                            if delta:
                                yield Piece(delta, model_version=version)
                            if speech.goes_in_circles:
                                break
                    if not speech.has_ended:
                        raise EngineAway("The model server broke off in the middle.")
                    replica.breaker.succeeded()
                break
            except TimeoutError:  # the deadline, or a stop: it ends with what it has
                break
            except TooMuchContext:
                turns = fewer(turns, room)
            except EngineFailed as error:
                await self._failed(replica, version, name, error, may_try_again=not tried and not speech.has_begun)
                tried.append(replica)
        now = asyncio.get_running_loop().time()
        answer = Answer(
            text=speech.text,
            model_version=version,
            finish=patience.finish or speech.finish,
            prompt_tokens=speech.prompt_tokens or estimated_tokens(turns),
            new_tokens=speech.new_tokens,
            queue_seconds=0.0,  # queues are the server's, and it does not tell
            latency_seconds=now - begun,
        )
        yield Piece("", answer, version)

    async def _failed(
        self, replica: Replica, version: str, name: str, error: EngineFailed, *, may_try_again: bool
    ) -> None:
        """Note what failed, and return if another try may do better.

        Raises:
            EngineBusy: the servers have too much to do.
            EngineFailed: the person is to be told.
        """
        extra = {"server": replica.server.url, "error": type(error).__name__, "model_version": version}
        logger.warning("model server failed", extra={**extra, "tries_again": may_try_again})
        if isinstance(error, EngineAway | ServerTrouble):
            replica.breaker.failed()
        if may_try_again and not isinstance(error, ServerRefused):
            if isinstance(error, NotServed) and self._adapters is not None:
                await self._adapters.reload(replica, version, name)
            return
        if isinstance(error, ServerFull):
            raise EngineBusy(
                "I'm talking to a lot of people right now.", advice="Please try again in a moment."
            ) from error
        raise error

    def _body(self, name: str, turns: Sequence[Message], sampling: Sampling, answer_tokens: int) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": name,
            "messages": [{"role": turn.role.value, "content": turn.text} for turn in turns],
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": answer_tokens,
        }
        if self._adapters is not None:  # vLLM knows these, other servers refuse what they do not know
            body |= {"top_k": sampling.top_k or -1, "chat_template_kwargs": {"enable_thinking": False}}
        return body

    async def look(self) -> None:
        """See how the servers are; called every few seconds by whoever opened the engine."""
        if self._adapters is not None:
            await self._adapters.look()
            return
        for result in await asyncio.gather(*(replica.look() for replica in self._replicas), return_exceptions=True):
            if isinstance(result, EngineFailed):
                logger.warning("model server not well", extra={"error": type(result).__name__})
