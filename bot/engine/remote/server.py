"""One model server, over HTTP: chat completions that stream, the list of models, and vLLM's routes for adapters.

Promises: leaving a stream early closes its connection, which is how these servers are told to stop; a stream that was
cut off is an error and never taken for a whole answer; the key goes to this server only, and neither it nor words of a
conversation are in an error or a log.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from bot.engine.protocol import EngineAway, EngineFailed
from bot.engine.remote.errors import NotServed, ServerFull, ServerRefused, ServerTrouble, TooMuchContext, TooSlow
from bot.engine.remote.patience import Patience
from bot.settings import RemoteSettings
from bot.tracing import NO_TRACER, Tracer

_LONGEST_EVENT = 1_000_000
_LONGEST_ERROR = 20_000
_LISTING_SECONDS = 10.0
_END_SECONDS = 0.05
_TOO_LONG_WORDS = (b"context_length", b"context length", b"maximum model length", b"max_model_len", b"too long")


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one event, or some that came together, say."""

    delta: str = ""
    finish: str | None = None
    model: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model that a server has."""

    name: str
    context_tokens: int | None
    """What it reads at once; few servers tell."""


class ModelServer:
    """A server that speaks OpenAI's protocol. The session is the caller's to close."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, settings: RemoteSettings, tracer: Tracer = NO_TRACER
    ) -> None:
        """Ask nothing yet.

        Args:
            session: makes the connections.
            url: up to and with `/v1`.
            settings: the key, and how long it may be silent.
            tracer: writes down how long answers take; its headers go with each question.
        """
        self.url = url.rstrip("/")
        self._session = session
        self._tracer = tracer
        key, silence = settings.key, settings.first_token_seconds
        self._headers = {} if key is None else {"Authorization": f"Bearer {key.get_secret_value()}"}
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=settings.connect_seconds, sock_read=silence)
        self._short = aiohttp.ClientTimeout(total=min(_LISTING_SECONDS, silence), sock_connect=settings.connect_seconds)

    def chat(self, body: Mapping[str, Any], patience: Patience) -> AsyncGenerator[Chunk, None]:
        """The answer's chunks as they come; close the iterator to stop the server's work.

        Raises:
            EngineFailed: one of those in `errors`.
            TimeoutError: patience was lost.
        """
        return self._tracer.streamed("model server", self._chat(body, patience), server=urlsplit(self.url).hostname)

    async def _chat(self, body: Mapping[str, Any], patience: Patience) -> AsyncGenerator[Chunk, None]:
        headers = {**self._headers, **self._tracer.headers()}
        with self._told():
            async with patience.waiting():
                response = await self._session.post(
                    f"{self.url}/chat/completions", json=body, headers=headers, timeout=self._timeout
                )
            try:
                if response.status != 200:
                    async with patience.waiting():
                        raise await self._refusal(response)
                async for chunk in _chunks(response, patience):
                    yield chunk
            finally:
                response.release()  # closes the connection unless all of the answer was read

    async def models(self) -> dict[str, ListedModel]:
        """What the server has, by name.

        Raises:
            EngineFailed: one of those in `errors`.
        """
        async with self._asked("GET", "/models") as response:
            told = await response.json(content_type=None)
        try:
            return {
                str(one["id"]): ListedModel(str(one["id"]), _tokens(one.get("max_model_len"))) for one in told["data"]
            }
        except (TypeError, KeyError, AttributeError) as error:
            raise ServerTrouble(
                f"{self.url} sent no list of models.", advice="Is it an OpenAI-compatible server?"
            ) from error

    async def load_adapter(self, name: str, folder: str) -> None:
        """Have a LoRA adapter read from a folder that the server sees.

        Raises:
            EngineFailed: one of those in `errors`, with the server's words.
        """
        await self._adapter_route("load_lora_adapter", {"lora_name": name, "lora_path": folder})

    async def unload_adapter(self, name: str) -> None:
        """Let a LoRA adapter go.

        Raises:
            EngineFailed: one of those in `errors`, such as `NotServed`.
        """
        await self._adapter_route("unload_lora_adapter", {"lora_name": name})

    async def takes_adapters(self) -> bool:
        """Whether the routes for adapters are there; asks for nothing to be loaded.

        Raises:
            EngineAway: the server is not there.
        """
        try:
            await self._adapter_route("load_lora_adapter", {})
        except NotServed:
            return False
        except ServerRefused as error:
            return "405" not in error.what
        except ServerTrouble:
            return True
        return True

    async def _adapter_route(self, route: str, body: Mapping[str, str]) -> None:
        async with self._asked("POST", f"/{route}", body, tells_words=True):
            pass

    @asynccontextmanager
    async def _asked(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, tells_words: bool = False
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        timeout = self._timeout if body is not None else self._short  # an adapter may take a while to load
        with self._told(), _late_is_slow(self.url):
            async with self._session.request(
                method, f"{self.url}{path}", json=body, headers=self._headers, timeout=timeout
            ) as response:
                if response.status != 200:
                    raise await self._refusal(response, tells_words=tells_words)
                yield response

    async def _refusal(self, response: aiohttp.ClientResponse, *, tells_words: bool = False) -> EngineFailed:
        told = await response.content.read(_LONGEST_ERROR)
        words = f" It says: {_message(told)}" if tells_words else ""
        status, what = response.status, f"{self.url} answered with status {response.status}.{words}"
        if status in (401, 403):
            return ServerRefused(what, advice="Check MYNAH_REMOTE__KEY.")
        if status == 404:
            return NotServed(
                what, advice="Check MYNAH_REMOTE__URLS (an address ends with /v1) and MYNAH_REMOTE__MODEL."
            )
        if status in (429, 503):
            return ServerFull(what, advice="Please try again in a moment.")
        if status in (400, 413, 422) and any(words in told.lower() for words in _TOO_LONG_WORDS):
            return TooMuchContext(what, advice="Lower MYNAH_ENGINE__CONTEXT_TOKENS.")
        if status < 500:
            return ServerRefused(what, advice="Look into the server's log; `mynah doctor` checks the settings.")
        return ServerTrouble(what, advice="Look into the server's log.")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What aiohttp and sockets raise, as ours."""
        try:
            yield
        except (aiohttp.ServerTimeoutError, aiohttp.ClientConnectionError, aiohttp.ClientPayloadError) as error:
            raise EngineAway(
                f"The model server {self.url} is not there, or broke off ({type(error).__name__}).",
                advice="Start it, or check MYNAH_REMOTE__URLS.",
            ) from error
        except (aiohttp.ClientError, json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ServerTrouble(
                f"The model server {self.url} sent what makes no sense ({type(error).__name__}).",
                advice="Is it an OpenAI-compatible server?",
            ) from error


@contextmanager
def _late_is_slow(url: str) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise TooSlow(f"The model server {url} did not answer in time.", advice="Look into its log.") from error


async def _chunks(response: aiohttp.ClientResponse, patience: Patience) -> AsyncIterator[Chunk]:
    """The events of a stream, to its end; those that came together are one chunk."""
    rest, has_finished, is_over = b"", False, False
    while not is_over:
        async with patience.waiting():
            block = await response.content.readany()
        if not block:
            return
        *lines, rest = (rest + block).split(b"\n")
        if len(rest) > _LONGEST_EVENT:
            raise ServerTrouble("The model server sent an event without an end.", advice="Look into its log.")
        told = []
        for line in lines:
            if line.startswith(b"data:"):
                is_over = line[5:].strip() == b"[DONE]"
                told.append(Chunk(finish=None if has_finished else "stop") if is_over else _chunk(line[5:]))
                has_finished = has_finished or told[-1].finish is not None
        if told:
            yield _joined(told)
    with suppress(TimeoutError):  # the end of the body follows at once, and the connection can be used again
        async with asyncio.timeout(_END_SECONDS):
            await response.content.read()


def _chunk(data: bytes) -> Chunk:
    try:
        event = json.loads(data)
        if "error" in event:
            raise ServerTrouble("The model server failed in the middle of an answer.", advice="Look into its log.")
        usage = event.get("usage") or {}
        choice = (event.get("choices") or [{}])[0]
        return Chunk(
            delta=(choice.get("delta") or {}).get("content") or "",
            finish=choice.get("finish_reason"),
            model=event.get("model"),
            prompt_tokens=usage.get("prompt_tokens"),
            completion_tokens=usage.get("completion_tokens"),
        )
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise ServerTrouble(
            "The model server sent an event that makes no sense.", advice="Look into its log."
        ) from error


def _joined(chunks: Sequence[Chunk]) -> Chunk:
    if len(chunks) == 1:
        return chunks[0]

    def last(field: str) -> Any:
        return next((value for chunk in reversed(chunks) if (value := getattr(chunk, field)) is not None), None)

    return Chunk(
        "".join(chunk.delta for chunk in chunks),
        last("finish"),
        last("model"),
        last("prompt_tokens"),
        last("completion_tokens"),
    )


def _message(told: bytes) -> str:
    """The server's own sentence, shortened: OpenAI's and vLLM's form, or FastAPI's."""
    try:
        document = json.loads(told)
        words = document.get("error", document)
        words = words.get("message") or words.get("detail") if isinstance(words, dict) else words
        return str(words)[:200]
    except (ValueError, AttributeError):
        return told.decode("utf-8", "replace").strip()[:200]


def _tokens(told: object) -> int | None:
    return told if isinstance(told, int) and told > 0 else None
