"""One server that speaks OpenAI's HTTP API: its models, its adapters, and an answer as it comes. It knows no versions.

The adapters' routes are vLLM's: `POST /v1/load_lora_adapter` and `POST /v1/unload_lora_adapter`.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp

from bot.engine.protocol import EngineBusy, EngineFailed, PromptTooLong, Sampling
from storage.errors import WrongUsage
from storage.values import Message

_ADMIN_SECONDS = 60.0
"""For looking at models and loading an adapter, which reads it from a disk."""
_LONGEST_LINE = 2**20


class ServerUnreachable(EngineFailed):
    """No connection, or it broke."""


class ServerFailed(EngineFailed):
    """It answered with an error of its own, or with something that is no answer."""


class ModelNotThere(EngineFailed):
    """The server has no model of that name: it never had, or forgot it in a restart."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of an answer."""

    text: str = ""
    finish: str | None = None
    """Why it ended: `stop` or `length`; None: it goes on."""
    prompt_tokens: int | None = None
    new_tokens: int | None = None
    """Both where the server counts, with the last chunk."""


class ModelServer:
    """One server at one address. Closed with the session it was given."""

    def __init__(self, session: aiohttp.ClientSession, url: str, *, key: str | None = None) -> None:
        """Connect to nothing yet.

        Args:
            session: with the time-outs for connecting.
            url: up to and with `/v1`.
            key: what it wants to see; None: nothing.
        """
        self._session = session
        self.url = url.rstrip("/")
        self._headers = {} if key is None else {"Authorization": f"Bearer {key}"}

    async def models(self) -> frozenset[str]:
        """The names that can be asked for, adapters included.

        Raises:
            EngineFailed: it cannot be asked.
            WrongUsage: it does not accept the key.
        """
        told = await self._json("GET", "/models")
        try:
            return frozenset(str(model["id"]) for model in told["data"])
        except (KeyError, TypeError):
            raise ServerFailed(f"What {self.url} answers is no list of models.", advice=_ADDRESS) from None

    async def load_adapter(self, name: str, folder: str) -> None:
        """Let the server read an adapter; one that it has under this name already is left as it is.

        Args:
            name: never used for another adapter before: servers keep what they computed for a name.
            folder: as the server sees it.
        """
        if name not in await self.models():
            await self._json("POST", "/load_lora_adapter", {"lora_name": name, "lora_path": folder})
            if name not in await self.models():  # it says yes to what it cannot serve (vllm#33791)
                raise ServerFailed(f"{self.url} said it loaded {name}, and does not list it.")

    async def unload_adapter(self, name: str) -> None:
        """Let the server forget an adapter."""
        await self._json("POST", "/unload_lora_adapter", {"lora_name": name})

    async def chat(
        self, model: str, messages: Sequence[Message], sampling: Sampling, *, first_seconds: float, has_top_k: bool
    ) -> AsyncGenerator[Chunk, None]:
        """Stream an answer; closing the iterator ends it at the server too.

        Args:
            model: a name out of `models`.
            messages: ends with what is to be answered.
            sampling: how to choose tokens.
            first_seconds: for the first sign of an answer, and between one and the next.
            has_top_k: whether the server knows `top_k`, which OpenAI's own API does not.

        Raises:
            ModelNotThere: no such model.
            PromptTooLong: it is more than the model reads.
            EngineBusy: it takes no more requests.
            ServerUnreachable, ServerFailed: no answer, or a broken one.
            WrongUsage: it does not accept the key.
        """
        body: dict[str, Any] = {
            "model": model,
            "messages": [{"role": message.role.value, "content": message.text} for message in messages],
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_new_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if has_top_k and sampling.top_k:
            body["top_k"] = sampling.top_k
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=first_seconds, sock_read=first_seconds)
        try:
            async with self._session.post(
                f"{self.url}/chat/completions", json=body, headers=self._headers, timeout=timeout
            ) as response:
                if response.status != HTTPStatus.OK:
                    raise self._error(response.status, await response.text())
                is_whole = False
                async for data in _events(response.content):
                    if data == "[DONE]":
                        break
                    chunk = self._chunk(data)
                    is_whole = is_whole or chunk.finish is not None
                    yield chunk
                if not is_whole:
                    raise ServerUnreachable("The model's server broke off in the middle.", advice=_AGAIN)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(error) from error

    async def _json(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
        timeout = aiohttp.ClientTimeout(total=_ADMIN_SECONDS)
        try:
            async with self._session.request(
                method, f"{self.url}{path}", json=body, headers=self._headers, timeout=timeout
            ) as response:
                text = await response.text()
                if response.status != HTTPStatus.OK:
                    raise self._error(response.status, text)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(error) from error
        try:
            return json.loads(text)
        except ValueError:
            return text  # vLLM answers its adapter routes with a plain sentence

    def _chunk(self, data: str) -> Chunk:
        try:
            told = json.loads(data)
            if "error" in told:
                raise self._error(int(told["error"].get("code") or 500), str(told["error"].get("message", "")))
            usage = told.get("usage") or {}
            choice = (told.get("choices") or [{}])[0]
            return Chunk(
                text=(choice.get("delta") or {}).get("content") or "",
                finish=choice.get("finish_reason"),
                prompt_tokens=usage.get("prompt_tokens"),
                new_tokens=usage.get("completion_tokens"),
            )
        except (ValueError, TypeError, AttributeError, KeyError, IndexError):
            raise ServerFailed("The model's server answered with something that is no answer.", advice=_AGAIN) from None

    def _error(self, status: int, text: str) -> Exception:
        """What an HTTP status means here. The server's own words may hold a person's, so they are not repeated."""
        said = text.casefold()
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            return WrongUsage(
                f"{self.url} does not accept the key.", advice="Set MYNAH_REMOTE__KEY to the one it wants."
            )
        if status == HTTPStatus.NOT_FOUND:
            return ModelNotThere(f"{self.url} has no such model, or is no such server.", advice=_ADDRESS)
        if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
            return EngineBusy("I'm talking to a lot of people right now.", advice="Please try again in a moment.")
        if status == HTTPStatus.BAD_REQUEST and ("context" in said or "too long" in said or "max_tokens" in said):
            return PromptTooLong("That is more than I can read at once.", advice="Please say it in fewer words.")
        return ServerFailed(f"The model's server failed (HTTP {status}).", advice=_AGAIN)


_AGAIN = "Please try again in a minute."
_ADDRESS = "Look at MYNAH_REMOTE__URLS and MYNAH_REMOTE__MODEL; an address ends with /v1."


def _unreachable(error: Exception) -> ServerUnreachable:
    return ServerUnreachable(f"The model's server cannot be reached ({type(error).__name__}).", advice=_AGAIN)


async def _events(content: aiohttp.StreamReader) -> AsyncIterator[str]:
    """The data of each server-sent event; a line that does not end is no event."""
    held = b""
    async for piece in content.iter_any():
        held += piece
        *lines, held = held.split(b"\n")
        if len(held) > _LONGEST_LINE:
            raise ServerFailed("The model's server answered with a line that does not end.")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip().decode("utf-8", "replace")
