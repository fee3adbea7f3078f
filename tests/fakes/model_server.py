"""A small server that speaks OpenAI's HTTP API and vLLM's adapter routes, with the habits that were met in real ones."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web


class FakeModelServer:
    """Answers `NAME says: WORDS`, a word a chunk, where NAME is the model that was asked.

    Attributes:
        models: the names it has, adapters included.
        loads: each adapter that it was told to load, with its folder, in order.
        unloads: each adapter that it was told to forget.
        asked: the bodies of the requests for an answer, in order.
        failures: HTTP statuses with which the next requests for an answer fail.
        breaks_off_after: chunks after which an answer breaks off; None: it does not.
        is_silent: answers nothing, ever.
        is_lying: says that it loaded an adapter, and has not (vllm#33791).
        most_characters: more in the messages is too long.
        hold: cleared, answers wait after their first chunk.
        left: set when a reader went away before the end.
        forgot: set when an adapter was forgotten.
        key: what it wants to see.
    """

    def __init__(self, model: str = "base") -> None:
        self.model = model
        self.models = {model}
        self.loads: list[tuple[str, str]] = []
        self.unloads: list[str] = []
        self.asked: list[Mapping[str, Any]] = []
        self.failures: list[int] = []
        self.breaks_off_after: int | None = None
        self.is_lying = False
        self.is_silent = False
        self.most_characters = 100_000
        self.hold = asyncio.Event()
        self.hold.set()
        self.left = asyncio.Event()
        self.forgot = asyncio.Event()
        self.key: str | None = None
        self.url = ""

    def restart(self) -> None:
        """Forget all adapters."""
        self.models = {self.model}

    @asynccontextmanager
    async def running(self) -> AsyncIterator["FakeModelServer"]:
        """On a free port of this machine."""
        app = web.Application()
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/load_lora_adapter", self._load)
        app.router.add_post("/v1/unload_lora_adapter", self._unload)
        app.router.add_post("/v1/chat/completions", self._chat)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        try:
            yield self
        finally:
            self.hold.set()
            await runner.cleanup()

    def _refusal(self, request: web.Request) -> web.Response | None:
        if self.key is not None and request.headers.get("Authorization") != f"Bearer {self.key}":
            return web.json_response({"error": {"message": "no", "code": 401}}, status=401)
        return None

    async def _models(self, request: web.Request) -> web.Response:
        return self._refusal(request) or web.json_response(
            {"object": "list", "data": [{"id": name, "object": "model"} for name in sorted(self.models)]}
        )

    async def _load(self, request: web.Request) -> web.Response:
        told = await request.json()
        name = told["lora_name"]
        self.loads.append((name, told["lora_path"]))
        if name in self.models:
            return web.json_response({"error": {"message": f"{name} has already been loaded", "code": 400}}, status=400)
        if not self.is_lying:
            self.models.add(name)
        return web.Response(text=f"Success: LoRA adapter '{name}' added successfully.")

    async def _unload(self, request: web.Request) -> web.Response:
        name = (await request.json())["lora_name"]
        self.unloads.append(name)
        if name not in self.models:
            return web.json_response({"error": {"message": "not found", "code": 404}}, status=404)
        self.models.discard(name)
        self.forgot.set()
        return web.Response(text="Success")

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked.append(body)
        if refusal := self._refusal(request):
            return refusal
        if self.failures:
            status = self.failures.pop(0)
            return web.json_response({"error": {"message": "out of order", "code": status}}, status=status)
        if body["model"] not in self.models:
            message = f"The model `{body['model']}` does not exist."
            return web.json_response({"error": {"message": message, "code": 404}}, status=404)
        if sum(len(message["content"]) for message in body["messages"]) > self.most_characters:
            message = "This model's maximum context length is 10 tokens."
            return web.json_response({"error": {"message": message, "code": 400}}, status=400)
        if self.is_silent:
            await asyncio.sleep(3600)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        words = f"{body['model']} says: {body['messages'][-1]['content']}".split()[: body["max_tokens"]]
        try:
            for place, word in enumerate(words):
                if place == self.breaks_off_after:
                    assert request.transport is not None
                    request.transport.close()
                    return response
                text = word if place == 0 else f" {word}"
                await self._send(response, {"choices": [{"index": 0, "delta": {"content": text}}]})
                await self.hold.wait()
            await self._send(response, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            usage = {"prompt_tokens": 7, "completion_tokens": len(words)}
            await self._send(response, {"choices": [], "usage": usage})
            await response.write(b"data: [DONE]\n\n")
        except (asyncio.CancelledError, ConnectionError):
            self.left.set()
            raise
        return response

    async def _send(self, response: web.StreamResponse, told: Mapping[str, object]) -> None:
        await response.write(b"data: " + json.dumps(told).encode() + b"\n\n")
