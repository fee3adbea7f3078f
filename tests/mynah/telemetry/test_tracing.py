"""Traces: which parts they have, what they never hold, and that they cost nothing where nobody asked for them."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.engine.protocol import EngineFailed, Sampling
from bot.engine.remote.opening import open_remote_engine
from bot.settings import EngineSettings, RemoteSettings
from bot.tracing import NO_TRACER
from mynah.settings import Settings, load_settings
from mynah.telemetry.settings import TelemetrySettings
from mynah.telemetry.tracing import open_tracer
from mynah.world import open_engine, open_world
from storage.errors import MynahError, WrongUsage
from storage.registry import ModelRegistry
from storage.store import Store
from storage.values import Message, Role, RunState
from tests.bot.cogs.server import open_server
from tests.fakes.clock import FakeClock
from tests.fakes.model_server import MODEL, model_server
from tests.fakes.models import tiny_model
from tests.fakes.traces import Traces
from trainer.progress import Interrupted, Progress

HELLO = (Message(Role.USER, "a secret question"),)
ROOT = Path(__file__).parents[3]


@pytest.fixture
def traces() -> Iterator[Traces]:
    opened = Traces()
    yield opened
    opened.tracer.close()


async def counted(*, fails: bool = False) -> AsyncGenerator[int, None]:
    for number in range(3):
        yield number
    if fails:
        raise EngineFailed("somebody's words")


async def test_a_message_is_followed_from_its_coming_to_its_row(
    store: Store, clock: FakeClock, tmp_path: Path, traces: Traces
) -> None:
    async with open_server(store, clock, tmp_path / "bot-home", tracer=traces.tracer) as server:
        await server.allow(server.ann)
        await server.say("my secret diary")
        ann, key, channel, guild = server.ann.id, server.key_of(server.ann), server.channel.id, server.guild.id
    assert traces.tree() == [
        ("admission", "message"),
        ("keeping", "message"),
        ("noting", "sending"),
        ("sending", "message"),
        ("message", None),
    ]
    assert traces.facts("message") == {"mynah.source": "message", "mynah.kind": "answer", "mynah.turn": 1}
    assert traces.facts("admission") == {"mynah.outcome": "pass"}
    for private in ("secret", "diary", "You said", key, str(ann), str(channel), str(guild)):
        assert private not in traces.told()


async def test_an_answer_of_this_machine_is_a_part_of_its_message(home: Path, tmp_path: Path, traces: Traces) -> None:
    base = tiny_model("llama", tmp_path / "base")
    settings = Settings(home=home, engine=EngineSettings(base=str(base), max_new_tokens=4))
    async with open_world(settings) as world, open_engine(world, traces.tracer) as engine:
        with traces.tracer.span("message"):
            pieces = engine.stream(HELLO, Sampling(max_new_tokens=4), member="member-99", request_id="turn-1")
            [answer] = [piece.answer async for piece in pieces if piece.answer is not None]
    assert traces.tree() == [("generation", "message"), ("message", None)]
    facts = traces.facts("generation")
    assert (facts["mynah.request"], facts["mynah.version"]) == ("turn-1", answer.model_version)
    assert (facts["mynah.new_tokens"], facts["mynah.finish"]) == (answer.new_tokens, answer.finish.value)
    assert "member-99" not in traces.told()


@pytest.fixture
def registry(store: Store, tmp_path: Path) -> ModelRegistry:
    return ModelRegistry(tmp_path / "models", store)


async def test_a_model_server_learns_which_span_asks_it(registry: ModelRegistry, traces: Traces) -> None:
    async with model_server(takes_adapters=False, key="hush-key") as server:
        remote = RemoteSettings.model_validate({"urls": [server.url], "model": MODEL, "key": "hush-key"})
        async with open_remote_engine(registry, None, EngineSettings(), remote, tracer=traces.tracer) as engine:
            async for _ in engine.stream(HELLO, Sampling(), member="member-99", request_id="turn-1"):
                pass
        [headers] = server.headers
    assert traces.tree() == [("model server", "generation"), ("generation", None)]
    asked = traces.span("model server").context
    assert asked is not None
    assert headers["traceparent"].startswith(f"00-{asked.trace_id:032x}-{asked.span_id:016x}-")
    for private in ("secret", "I am the base", "member-99", "hush-key"):
        assert private not in traces.told()


async def test_a_model_server_is_told_nothing_where_nothing_is_traced(registry: ModelRegistry) -> None:
    async with model_server(takes_adapters=False) as server:
        remote = RemoteSettings.model_validate({"urls": [server.url], "model": MODEL})
        async with open_remote_engine(registry, None, EngineSettings(), remote) as engine:
            async for _ in engine.stream(HELLO, Sampling(), member="m", request_id="turn-1"):
                pass
        [headers] = server.headers
    assert "traceparent" not in {name.lower() for name in headers}


async def test_the_stages_of_a_run_are_parts_of_it(store: Store, traces: Traces) -> None:
    progress = Progress(store, await store.runs.request("command"), None, None, tracer=traces.tracer)
    async with progress.followed():
        await progress.enter(RunState.CURATING, "a secret note")
        await progress.enter(RunState.BUILDING, "")
        await progress.end(RunState.REFUSED, "no")
    assert traces.tree() == [("curating", "run"), ("building", "run"), ("run", None)]
    assert traces.facts("run") == {"mynah.run": progress.run.id, "mynah.outcome": "refused"}
    assert traces.facts("building") == {"mynah.run": progress.run.id}
    assert "secret" not in traces.told()


async def test_a_run_that_is_stopped_leaves_no_open_span(store: Store, traces: Traces) -> None:
    stop = asyncio.Event()
    progress = Progress(store, await store.runs.request("command"), None, stop, tracer=traces.tracer)
    async with progress.followed():
        await progress.enter(RunState.CURATING, "")
        stop.set()
        with pytest.raises(Interrupted):
            await progress.enter(RunState.BUILDING, "")
    assert traces.tree() == [("curating", "run"), ("run", None)]


async def test_what_a_reader_does_between_two_items_is_no_part_of_them(traces: Traces) -> None:
    async with aclosing(traces.tracer.streamed("items", counted())) as items:
        async for _ in items:
            with traces.tracer.span("reading"):
                pass
    assert traces.tree() == [*[("reading", None)] * 3, ("items", None)]


async def test_a_stream_that_is_left_early_is_closed_and_no_error(traces: Traces) -> None:
    source = counted()
    async with aclosing(traces.tracer.streamed("items", source)) as items:
        assert await anext(items) == 0
    assert [number async for number in source] == []
    assert traces.span("items").status.is_unset


async def test_of_an_error_only_the_name_is_kept(traces: Traces) -> None:
    items = traces.tracer.streamed("items", counted(fails=True))
    with pytest.raises(EngineFailed):
        assert [number async for number in items] == []
    with pytest.raises(EngineFailed), traces.tracer.span("other"):
        raise EngineFailed("somebody's words")
    for name in ("items", "other"):
        assert traces.facts(name) == {"mynah.error": "EngineFailed"}
        assert not traces.span(name).status.is_ok
        assert not traces.span(name).status.is_unset
    assert "somebody" not in traces.told()


async def test_where_nobody_writes_down_a_stream_is_the_stream_itself() -> None:
    source = counted()
    assert NO_TRACER.streamed("items", source) is source
    await source.aclose()
    with NO_TRACER.span("part", run=1) as span:
        span.note(more=2)
    assert NO_TRACER.headers() == {}


async def test_traces_reach_the_collector_before_the_process_ends() -> None:
    got: list[tuple[str | None, bytes]] = []

    async def take(request: web.Request) -> web.Response:
        got.append((request.headers.get("Content-Type"), await request.read()))
        return web.Response()

    app = web.Application()
    app.router.add_post("/v1/traces", take)
    async with TestServer(app) as server:
        settings = TelemetrySettings(traces_url=str(server.make_url("/v1/traces")))
        async with open_tracer(settings, "bot") as tracer:
            with tracer.span("message", source="slash"):
                pass
    [(form, body)] = got
    assert form == "application/x-protobuf"
    for told in (b"mynah-bot", b"message", b"mynah.source", b"slash"):
        assert told in body


async def test_a_collector_that_is_away_takes_nothing_from_anybody(unused_port: int) -> None:
    async with open_tracer(TelemetrySettings(traces_url=f"http://127.0.0.1:{unused_port}/v1/traces"), "bot") as tracer:
        with tracer.span("message"):
            pass


@pytest.fixture
async def unused_port() -> int:
    async with TestServer(web.Application()) as server:
        port = server.port
    assert port is not None
    return port


@pytest.mark.parametrize("url", ["localhost:4318", "ftp://host/v1/traces", "http://host:4318", "http://host:4318/"])
def test_an_address_that_is_none_is_refused_with_one_that_is(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYNAH_TELEMETRY__TRACES_URL", url)
    with pytest.raises(WrongUsage, match=r"MYNAH_TELEMETRY__TRACES_URL.*such as http://127.0.0.1:4318/v1/traces"):
        load_settings()


async def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "mynah.telemetry.open_telemetry", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    settings = TelemetrySettings(traces_url="http://127.0.0.1:4318/v1/traces")
    with pytest.raises(MynahError, match=r"pip install 'mynah\[tracing\]'") as refused:
        async with open_tracer(settings, "bot"):
            pass
    assert refused.value.exit_code == 2


def test_where_nothing_is_traced_opentelemetry_is_not_even_imported() -> None:
    code = (
        "import asyncio, sys\n"
        "import bot.chat.service, bot.engine.remote.engine, mynah.world, trainer.progress\n"
        "from mynah.telemetry.settings import TelemetrySettings\n"
        "from mynah.telemetry.tracing import open_tracer\n"
        "async def go():\n"
        "    async with open_tracer(TelemetrySettings(), 'bot') as tracer:\n"
        "        with tracer.span('message'):\n"
        "            print(tracer.headers())\n"
        "asyncio.run(go())\n"
        "print(*sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("{}")
    assert not [name for name in done.stdout.split() if name.startswith("opentelemetry")]
