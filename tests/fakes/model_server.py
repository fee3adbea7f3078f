"""A stand-in for model servers: OpenAI's chat completions over real sockets, and vLLM's adapters with their known bugs.

As vLLM does, it forgets its adapters when it is restarted, refuses a name that is loaded, wants a folder with an
`adapter_config.json`, and answers a name that was used before from what it had cached under it (vllm#42125). What a model
says is who it is, so that a test sees which one answered.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

MODEL = "base-model"
_KNOWN = {"model", "messages", "stream", "stream_options", "temperature", "top_p", "max_tokens"}
_KNOWN_TO_VLLM = _KNOWN | {"top_k", "chat_template_kwargs"}


class ModelServer:
    """One server. `start` it, point an engine at its `url`, and look at what it saw."""

    def __init__(self, *, takes_adapters: bool = True, key: str | None = None, context: int | None = 2048) -> None:
        self._takes_adapters = takes_adapters
        self._key = key
        self._context = context
        self._port = 0
        self._runner: web.AppRunner | None = None
        self._cached: dict[str, str] = {}
        self.adapters: dict[str, str] = {}
        """Names that are loaded, and what they say."""
        self.ever_loaded: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        """Of the chat requests, golden prompts included."""
        self.headers: list[Mapping[str, str]] = []
        """Of the same."""
        self.trouble: deque[int | str] = deque()
        """What becomes of the next chat requests: a status; `unreachable`; `cut` after two words; `garbled` after two;
        `stuck` before the first word or `slow` after two, until the client leaves."""
        self.refuses_adapters = False
        self.hides_adapters = False
        """Whether a loaded adapter is not listed."""
        self.left = asyncio.Event()
        """A client went away in the middle."""
        self.is_reached = asyncio.Event()
        """Set by each chat request."""
        self.lists_slowly = False
        """Whether nobody waits long enough to hear what it has."""
        self.says: str | None = None
        self.token_seconds = 0.0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._port}/v1"

    async def start(self) -> None:
        """Listen; again at the same port after `stop`, without memory."""
        self.adapters.clear()
        self._cached.clear()
        app = web.Application(middlewares=[self._check_key])
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._chat)
        if self._takes_adapters:
            app.router.add_post("/v1/load_lora_adapter", self._load)
            app.router.add_post("/v1/unload_lora_adapter", self._unload)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Be gone."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @web.middleware
    async def _check_key(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if self._key is not None and request.headers.get("Authorization") != f"Bearer {self._key}":
            return _error(401, "Unauthorized")
        response: web.StreamResponse = await handler(request)
        return response

    async def _models(self, _: web.Request) -> web.Response:
        if self.lists_slowly:
            await asyncio.Event().wait()
        listed = [MODEL] if self.hides_adapters else [MODEL, *self.adapters]
        limit = {} if self._context is None else {"max_model_len": self._context}
        data = [{"id": name, "object": "model", "owned_by": "vllm", **limit} for name in listed]
        return web.json_response({"object": "list", "data": data})

    async def _load(self, request: web.Request) -> web.Response:
        told = await request.json()
        name, path = told.get("lora_name"), told.get("lora_path")
        if not name or not path:
            return _error(400, "Both 'lora_name' and 'lora_path' must be provided.")
        if name in self.adapters:
            return _error(400, f"The lora adapter '{name}' has already been loaded.")
        if not (Path(path) / "adapter_config.json").is_file():
            return _error(404, f"Loading lora {name} failed: No adapter found for {path}")
        if self.refuses_adapters:
            return _error(400, "LoRA rank 64 is greater than max_lora_rank 16.")
        self.ever_loaded.append(name)
        self.adapters[name] = self._cached.setdefault(name, f"I am {Path(path).name}, at your service.")
        return web.Response(text=f"Success: LoRA adapter '{name}' added successfully.")

    async def _unload(self, request: web.Request) -> web.Response:
        name = (await request.json()).get("lora_name")
        if name not in self.adapters:
            return _error(404, f"The lora adapter '{name}' cannot be found.")
        del self.adapters[name]
        return web.Response(text=f"Success: LoRA adapter '{name}' removed successfully.")

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        self.is_reached.set()
        trouble = self.trouble.popleft() if self.trouble else None
        if trouble == "unreachable" and request.transport is not None:
            request.transport.abort()
        if isinstance(trouble, int):
            return _error(trouble, f"Trouble with {body['messages'][-1]['content']}")  # servers do quote prompts
        unknown = body.keys() - (_KNOWN_TO_VLLM if self._takes_adapters else _KNOWN)
        if unknown:
            return _error(400, f"Unrecognized request argument supplied: {min(unknown)}")
        name = body["model"]
        if name != MODEL and name not in self.adapters:
            return _error(404, f"The model `{name}` does not exist.")
        used = sum(len(turn["content"].split()) for turn in body["messages"]) + body["max_tokens"]
        if self._context is not None and used > self._context:
            return _error(400, f"This model's maximum context length is {self._context} tokens.")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        try:
            await self._speak(request, response, name, body["max_tokens"], trouble)
        except (asyncio.CancelledError, ConnectionResetError):
            self.left.set()
            raise
        return response

    async def _speak(
        self, request: web.Request, response: web.StreamResponse, name: str, most: int, trouble: int | str | None
    ) -> None:
        said = self.says if self.says is not None else self.adapters.get(name, "I am the base, good day.")
        words = [word if not at else f" {word}" for at, word in enumerate(said.split(" "))]
        common = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": name}

        async def tell(choices: list[dict[str, Any]], **more: Any) -> None:
            event = {**common, "choices": choices, **more}
            await response.write(b"data: " + json.dumps(event).encode() + b"\n\n")

        if trouble == "stuck":
            await asyncio.Event().wait()
        await tell([{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}])
        for at, word in enumerate(words[:most]):
            if at == 2 and trouble is not None:
                await asyncio.sleep(0.02)  # the words before are read by themselves
            if at == 2 and trouble == "cut" and request.transport is not None:
                request.transport.abort()
                return
            if at == 2 and trouble == "garbled":
                await response.write(b'data: {"error": broken}\n\n')
                return
            if at == 2 and trouble == "slow":
                await asyncio.Event().wait()
            await tell([{"index": 0, "delta": {"content": word}, "finish_reason": None}])
            if self.token_seconds:
                await asyncio.sleep(self.token_seconds)
        finish = "length" if len(words) > most else "stop"
        await tell([{"index": 0, "delta": {}, "finish_reason": finish}])
        count = min(len(words), most)
        usage = {"prompt_tokens": 7, "completion_tokens": count, "total_tokens": 7 + count}
        await tell([], usage=usage)
        await response.write(b"data: [DONE]\n\n")


def _error(status: int, message: str) -> web.Response:
    error = {"message": message, "type": "BadRequestError", "param": None, "code": status}
    return web.json_response({"error": error}, status=status)


@asynccontextmanager
async def model_server(**how: Any) -> AsyncIterator[ModelServer]:
    """A server that listens, and is gone afterwards."""
    server = ModelServer(**how)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
