"""Answers from servers, over real sockets: the stand-in has the habits of real ones."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from pydantic import SecretStr
from safetensors.torch import save_file

from bot.engine.protocol import EngineBusy, EngineFailed, Finish, PromptTooLong, Sampling
from bot.engine.remote.engine import RemoteEngine, fitting, open_remote_engine, told_name
from bot.engine.remote.versions import adapter_name
from bot.engine.routing import Routes
from bot.settings import EngineSettings, RemoteSettings
from storage.errors import ModelDamaged, WrongUsage
from storage.registry import Lineage, ModelRegistry
from tests.bot.engine.conftest import assistant, collect, system, user
from tests.fakes.model_server import FakeModelServer
from tests.fakes.models import tiny_model

SAMPLING = Sampling(max_new_tokens=50)
SETTINGS = EngineSettings(device="cpu", threads=1, max_running=4, max_waiting=4, max_waiting_per_member=2)


@dataclass
class Setting:
    """A registry with a base and two adapters over it, and two servers of the base."""

    registry: ModelRegistry
    base: str
    adapters: tuple[str, str]
    servers: tuple[FakeModelServer, FakeModelServer]

    @asynccontextmanager
    async def engine(
        self, *, replicas: int = 1, champion: str | None = None, settings: EngineSettings = SETTINGS, **options: object
    ) -> AsyncIterator[RemoteEngine]:
        urls = tuple(server.url for server in self.servers[:replicas])
        remote = RemoteSettings.model_validate({"urls": urls, "model": "base", "adapters": True, **options})
        async with open_remote_engine(
            self.registry, champion or self.base, settings, remote, base_version=self.base
        ) as engine:
            yield engine


@pytest.fixture
async def there(tmp_path: Path, registry: ModelRegistry) -> AsyncIterator[Setting]:
    base = await registry.import_folder(tiny_model("llama", tmp_path / "base", 0))
    adapters = []
    for number in range(2):
        staging = tmp_path / f"adapter-{number}"
        staging.mkdir()
        save_file({"lora_A.weight": torch.full((2, 2), float(number))}, staging / "adapter_model.safetensors")
        (staging / "adapter_config.json").write_text('{"peft_type": "LORA"}')
        adapters.append((await registry.publish(staging, Lineage(kind="adapter", base=base.version))).version)
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(FakeModelServer().running()) for _ in range(2)]
        yield Setting(registry, base.version, (adapters[0], adapters[1]), (servers[0], servers[1]))


async def test_an_answer_streams_and_is_counted(there: Setting) -> None:
    async with there.engine() as engine:
        pieces, answer = await collect(engine, [system("Be kind."), user("how are you")], SAMPLING)
    assert "".join(piece.delta for piece in pieces) == answer.text == "base says: how are you"
    assert (answer.finish, answer.prompt_tokens, answer.new_tokens) == (Finish.END, 7, 5)
    assert answer.model_version == there.base
    [body] = there.servers[0].asked
    assert body["messages"] == [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "how are you"}]
    assert (body["max_tokens"], body["top_k"], body["temperature"]) == (50, 50, 0.3)


async def test_a_server_that_takes_no_versions_answers_as_itself_and_says_why_others_cannot(there: Setting) -> None:
    async with there.engine(adapters=False) as engine:
        _, answer = await collect(engine, [user("hi")], SAMPLING)
        await engine.set_routes(Routes({"": there.adapters[0]}))
        assert "takes no versions" in str(engine.refused[there.adapters[0]])
        assert engine.version == there.base
        _, again = await collect(engine, [user("hi")], SAMPLING)
    assert answer.model_version == again.model_version == "remote-base"
    assert "top_k" not in there.servers[0].asked[0]
    assert there.servers[0].loads == []


async def test_a_promoted_adapter_is_loaded_proved_and_answers_and_the_old_one_is_forgotten(there: Setting) -> None:
    first, second = there.adapters
    [server, _] = there.servers
    async with there.engine(champion=first) as engine:
        _, answer = await collect(engine, [user("hi")], SAMPLING)
        assert answer.text == f"mynah-{first} says: hi"
        assert answer.model_version == engine.version == first
        await engine.swap(second)
        _, answer = await collect(engine, [user("hi")], SAMPLING)
        assert answer.text == f"mynah-{second} says: hi"
        async with asyncio.timeout(10):
            await server.forgot.wait()
        assert server.unloads == [adapter_name(first)]
    folders = [folder for _, folder in server.loads]
    assert folders == [str(there.registry.folder(first)), str(there.registry.folder(second))]
    assert server.models == {"base"}  # a closed engine leaves nothing behind


async def test_a_swap_in_the_middle_of_an_answer_leaves_it_to_the_old_version(there: Setting) -> None:
    first, second = there.adapters
    there.servers[0].hold.clear()
    async with there.engine(champion=there.base) as engine:
        there.servers[0].hold.set()
        await engine.swap(first)
        there.servers[0].hold.clear()
        stream = engine.stream([user("are you the first")], SAMPLING, member="ann", request_id="one")
        begun = await anext(stream)
        there.servers[0].hold.set()
        await engine.swap(second)
        assert adapter_name(first) not in there.servers[0].unloads
        rest = [piece async for piece in stream]
    said = "".join(piece.delta for piece in [begun, *rest])
    assert said == f"mynah-{first} says: are you the first"


async def test_the_folder_is_told_as_the_server_sees_it(there: Setting) -> None:
    async with there.engine(champion=there.adapters[0], models_folder="/mnt/models"):
        pass
    [(_, folder)] = there.servers[0].loads
    assert folder == f"/mnt/models/{there.registry.folder(there.adapters[0]).name}"


async def test_a_server_that_says_it_loaded_and_did_not_is_not_believed(there: Setting) -> None:
    there.servers[0].is_lying = True
    async with there.engine() as engine:
        with pytest.raises(EngineFailed, match="does not list it"):
            await engine.swap(there.adapters[0])
        _, answer = await collect(engine, [user("hi")], SAMPLING)
    assert answer.model_version == there.base


async def test_a_damaged_adapter_never_reaches_a_server(there: Setting) -> None:
    version = there.adapters[0]
    path = there.registry.folder(version) / "adapter_model.safetensors"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    async with there.engine() as engine:
        with pytest.raises(ModelDamaged):
            await engine.swap(version)
    assert there.servers[0].loads == []


async def test_a_whole_model_cannot_be_brought_to_a_server(there: Setting, tmp_path: Path) -> None:
    whole = await there.registry.import_folder(tiny_model("llama", tmp_path / "whole", 3))
    async with there.engine() as engine:
        with pytest.raises(EngineFailed, match="no adapter over the base"):
            await engine.swap(whole.version)


async def test_a_restarted_server_gets_its_adapters_back_and_the_person_an_answer(there: Setting) -> None:
    version = there.adapters[0]
    async with there.engine(champion=version) as engine:
        there.servers[0].restart()
        _, answer = await collect(engine, [user("hi")], SAMPLING)
        there.servers[0].restart()
        await engine.look_at_servers()
        assert adapter_name(version) in there.servers[0].models
    assert answer.text == f"mynah-{version} says: hi"


async def test_a_failing_server_is_replaced_before_it_said_anything(there: Setting) -> None:
    async with there.engine(replicas=2) as engine:
        for server in there.servers:
            server.failures = [500]
        there.servers[1].failures = []
        texts = {(await collect(engine, [user("hi")], SAMPLING))[1].text for _ in range(3)}
    assert texts == {"base says: hi"}
    assert sum(len(server.asked) for server in there.servers) == 4


async def test_the_only_server_is_asked_once_more(there: Setting) -> None:
    async with there.engine() as engine:
        there.servers[0].failures = [500]
        _, answer = await collect(engine, [user("hi")], SAMPLING)
        there.servers[0].failures = [500, 500]
        with pytest.raises(EngineFailed, match="HTTP 500"):
            await collect(engine, [user("hi")], SAMPLING)
    assert answer.text == "base says: hi"
    assert len(there.servers[0].asked) == 4


async def test_an_answer_that_broke_off_is_not_begun_again(there: Setting) -> None:
    there.servers[0].breaks_off_after = 2
    async with there.engine(replicas=2) as engine:
        said: list[str] = []

        async def listen() -> None:
            async for piece in engine.stream([user("hi there")], SAMPLING, member="ann", request_id="one"):
                said.append(piece.delta)

        with pytest.raises(EngineFailed):
            await listen()
    assert "".join(said) == "base says:"
    assert [len(server.asked) for server in there.servers] == [1, 0]


async def test_a_server_that_fails_again_and_again_is_left_alone(there: Setting) -> None:
    async with there.engine() as engine:
        there.servers[0].failures = [500] * 10
        for _ in range(4):
            with pytest.raises(EngineFailed):
                await collect(engine, [user("hi")], SAMPLING)
        asked = len(there.servers[0].asked)
        assert asked < 8
        with pytest.raises(EngineFailed, match="does not answer"):
            await collect(engine, [user("hi")], SAMPLING)
        assert len(there.servers[0].asked) == asked


async def test_a_busy_server_is_told_politely(there: Setting) -> None:
    async with there.engine() as engine:
        there.servers[0].failures = [429]
        with pytest.raises(EngineBusy, match="a lot of people"):
            await collect(engine, [user("hi")], SAMPLING)


async def test_talk_that_is_too_long_is_shortened_by_its_oldest(there: Setting) -> None:
    there.servers[0].most_characters = 20
    async with there.engine() as engine:
        long_ago = [user("x" * 15), assistant("y" * 15), user("hello you")]
        _, answer = await collect(engine, long_ago, SAMPLING)
        assert answer.text == "base says: hello you"
        with pytest.raises(PromptTooLong):
            await collect(engine, [user("z" * 30)], SAMPLING)


async def test_stopping_ends_it_with_what_it_has_and_tells_the_server(there: Setting) -> None:
    there.servers[0].hold.clear()
    async with there.engine() as engine:
        stream = engine.stream([user("a b c")], SAMPLING, member="ann", request_id="one")
        first = await anext(stream)
        assert engine.stop("one")
        assert not engine.stop("two")
        rest = [piece async for piece in stream]
        assert rest[-1].answer is not None
        assert (rest[-1].answer.text, rest[-1].answer.finish) == (first.delta, Finish.STOPPED)
        async with asyncio.timeout(10):
            await there.servers[0].left.wait()


async def test_closing_the_iterator_tells_the_server(there: Setting) -> None:
    there.servers[0].hold.clear()
    async with there.engine() as engine:
        async with aclosing(engine.stream([user("a b")], SAMPLING, member="ann", request_id="one")) as stream:  # type: ignore[type-var]
            await anext(stream)
        async with asyncio.timeout(10):
            await there.servers[0].left.wait()
        there.servers[0].hold.set()
        _, answer = await collect(engine, [user("again")], SAMPLING)
    assert answer.text == "base says: again"


async def test_the_deadline_ends_an_answer(there: Setting) -> None:
    there.servers[0].is_silent = True
    async with there.engine(settings=SETTINGS.model_copy(update={"deadline_seconds": 0.2})) as engine:
        _, answer = await collect(engine, [user("hi")], SAMPLING)
    assert (answer.finish, answer.text) == (Finish.DEADLINE, "")


async def test_a_server_that_is_away_when_we_begin_is_apologised_for(there: Setting) -> None:
    async with open_remote_engine(
        there.registry,
        there.base,
        SETTINGS,
        RemoteSettings(urls=("http://127.0.0.1:9/v1",), model="base"),
        base_version=there.base,
    ) as engine:
        with pytest.raises(EngineFailed, match="cannot be reached"):
            await collect(engine, [user("hi")], SAMPLING)


async def test_a_wrong_model_or_key_is_told_at_once(there: Setting) -> None:
    with pytest.raises(WrongUsage, match="no model 'other', but: base"):
        async with there.engine(model="other"):
            pass
    there.servers[0].key = "right"
    with pytest.raises(WrongUsage, match="MYNAH_REMOTE__KEY") as caught:
        async with there.engine(key=SecretStr("wrong-key")):
            pass
    assert "wrong-key" not in str(caught.value)
    async with there.engine(key=SecretStr("right")) as engine:
        _, answer = await collect(engine, [user("hi")], SAMPLING)
    assert answer.text == "base says: hi"


async def test_a_member_has_only_so_many_places(there: Setting) -> None:
    there.servers[0].hold.clear()
    async with there.engine() as engine:
        streams = [engine.stream([user("hi")], SAMPLING, member="ann", request_id=str(n)) for n in range(3)]
        await anext(streams[0])
        await anext(streams[1])
        with pytest.raises(EngineBusy):
            await anext(streams[2])
        there.servers[0].hold.set()
        for stream in streams[:2]:
            assert [piece async for piece in stream][-1].answer is not None


@pytest.mark.parametrize("urls", [("ftp://x",), ("localhost:8000",)])
def test_an_address_is_an_address(urls: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="urls"):
        RemoteSettings(urls=urls, model="base")


def test_urls_need_a_model() -> None:
    with pytest.raises(ValueError, match="MYNAH_REMOTE__MODEL"):
        RemoteSettings(urls=("http://host/v1",))


def test_what_fits_is_the_system_message_and_the_newest() -> None:
    talk = [system("s" * 5), user("a" * 10), assistant("b" * 10), user("c" * 10)]
    assert fitting(talk, 100) == talk
    assert fitting(talk, 25) == [talk[0], talk[2], talk[3]]
    assert fitting(talk, 15) == [talk[0], talk[3]]
    with pytest.raises(PromptTooLong):
        fitting(talk, 9)


def test_a_remote_model_has_a_name_that_versions_may_have() -> None:
    assert told_name("meta-llama/Llama-3.1-8B Instruct") == "remote-meta-llama-llama-3-1-8b-instruct"
    assert len(told_name("x" * 100)) == 64
