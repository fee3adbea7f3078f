"""Versions on vLLM servers: loaded under new names, proved, moved to, unloaded when idle, loaded again after a restart."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.engine.protocol import EngineAway, EngineFailed
from bot.engine.remote.engine import RemoteEngine
from bot.engine.remote.errors import NotServed, ServerRefused, ServerTrouble
from bot.engine.routing import SHARED, Canary, Place, Routes
from storage.errors import ModelDamaged, Refused
from tests.bot.engine.conftest import GREEDY, collect, user
from tests.bot.engine.remote.conftest import Fleetyard
from tests.fakes.model_server import MODEL, model_server

HELLO = [user("hello")]


async def said_by(engine: RemoteEngine, request_id: str = "one", place: Place | None = None) -> str:
    return (await collect(engine, HELLO, request_id=request_id, place=place or Place()))[1].text


def serving(version: str) -> str:
    return f"I am {version}, at your service."


async def settled(engine: RemoteEngine) -> None:
    """Wait until what nobody holds is unloaded."""
    await asyncio.gather(*engine._fleet._versions._closing)


async def test_the_base_answers_under_the_servers_own_name(yard: Fleetyard) -> None:
    async with yard.engine(yard.base) as engine:
        assert await said_by(engine) == "I am the base, good day."
        assert engine.version == yard.base
    body = yard.servers[0].bodies[-1]
    assert (body["model"], body["top_k"], body["chat_template_kwargs"]) == (MODEL, 50, {"enable_thinking": False})


async def test_a_champion_is_loaded_and_proved_before_it_answers(yard: Fleetyard) -> None:
    async with yard.engine(yard.first) as engine:
        assert len(yard.servers[0].bodies) == 3  # the golden prompts
        assert await said_by(engine) == serving(yard.first)
        [name] = yard.servers[0].adapters
        assert name.startswith(f"mynah-{yard.first}-")
        assert yard.servers[0].bodies[-1]["model"] == name
    assert not yard.servers[0].adapters  # closing leaves nothing on the server


async def test_a_swap_moves_new_requests_while_old_ones_finish_where_they_began(yard: Fleetyard) -> None:
    server = yard.servers[0]
    async with yard.engine(yard.first) as engine:
        server.is_reached.clear()
        server.trouble.append("slow")
        old = asyncio.create_task(collect(engine, HELLO, request_id="old"))
        await server.is_reached.wait()
        await engine.swap(yard.second)
        assert await said_by(engine) == serving(yard.second)
        assert len(server.adapters) == 2  # somebody still uses the first
        await asyncio.sleep(0.03)
        engine.stop("old")
        _, answer = await old
        assert (answer.model_version, answer.text) == (yard.first, "I am")
        await settled(engine)
        assert [name.split("-")[1] for name in server.adapters] == [yard.second]


async def test_no_name_comes_twice_so_that_no_stale_cache_answers(yard: Fleetyard) -> None:
    async with yard.engine(yard.first) as engine:
        for version in (yard.second, yard.first, yard.second):
            await engine.swap(version)
            await settled(engine)
            assert await said_by(engine) == serving(version)
    names = yard.servers[0].ever_loaded
    assert len(set(names)) == len(names) == 4


async def test_the_stand_in_has_the_bug_that_the_names_avoid(yard: Fleetyard) -> None:
    async with yard.engine(yard.base) as engine:
        server, root = engine._replicas[0].server, yard.registry.folder(yard.first).parent
        for version in (yard.first, yard.second):
            await server.load_adapter("same", str(root / version))
            assert yard.servers[0].adapters["same"] == serving(yard.first)
            await server.unload_adapter("same")


async def test_lines_and_canaries_have_their_own_adapters(yard: Fleetyard) -> None:
    async with yard.engine(yard.base) as engine:
        await engine.set_routes(Routes({SHARED: yard.base, "7": yard.first}, {SHARED: Canary(yard.second, 1.0)}))
        assert not engine.refused
        assert await said_by(engine, "a", Place("7", "1")) == serving(yard.first)
        assert await said_by(engine, "b", Place("8", "1")) == serving(yard.second)
        assert await said_by(engine, "c") == "I am the base, good day."


@pytest.mark.parametrize("fault", ["refused", "hidden", "mute", "other folder", "no routes"])
async def test_an_adapter_that_does_not_work_leaves_the_old_version_answering(
    yard: Fleetyard, fault: str, tmp_path: Path
) -> None:
    async with model_server(takes_adapters=fault != "no routes") as server:
        how: dict[str, Any] = {"models_folder": str(tmp_path / "elsewhere")} if fault == "other folder" else {}
        async with yard.engine(yard.base, servers=[server], **how) as engine:
            server.refuses_adapters, server.hides_adapters = fault == "refused", fault == "hidden"
            server.says = "" if fault == "mute" else None
            errors = {"mute": ModelDamaged, "hidden": ServerTrouble}
            with pytest.raises(errors.get(fault, ServerRefused)) as raised:
                await engine.swap(yard.first)
            assert raised.value.advice
            server.says = None
            assert engine.version == yard.base
            assert not server.adapters
            if fault != "no routes":
                assert await said_by(engine) == "I am the base, good day."


async def test_what_one_replica_refuses_is_taken_from_the_others_again(yard: Fleetyard) -> None:
    yard.servers[1].refuses_adapters = True
    async with yard.engine(yard.base, servers=yard.servers) as engine:
        with pytest.raises(ServerRefused, match="LoRA rank 64"):
            await engine.swap(yard.first)
        assert not yard.servers[0].adapters
        await engine.look()
        assert not yard.servers[0].adapters


async def test_a_champion_that_a_replica_refuses_at_the_start_is_left_nowhere(yard: Fleetyard) -> None:
    yard.servers[1].refuses_adapters = True
    with pytest.raises(ServerRefused):
        async with yard.engine(yard.first, servers=yard.servers):
            pass
    assert yard.servers[0].ever_loaded
    assert not yard.servers[0].adapters


async def test_a_version_with_weights_of_its_own_is_refused(yard: Fleetyard) -> None:
    whole = await yard.whole(b"whole")
    async with yard.engine(yard.base) as engine:
        with pytest.raises(Refused, match="adapters only"):
            await engine.swap(whole)
    with pytest.raises(Refused, match="MYNAH_TRAINER__METHOD=lora"):
        async with yard.engine(whole):
            pass


async def test_an_adapter_over_another_base_is_refused(yard: Fleetyard) -> None:
    other = await yard.adapter(b"other", base=await yard.whole(b"other base"))
    async with yard.engine(yard.base) as engine:
        with pytest.raises(Refused, match="another base"):
            await engine.swap(other)
    assert not yard.servers[0].ever_loaded


async def test_a_damaged_version_never_reaches_a_server(yard: Fleetyard) -> None:
    weights = yard.registry.folder(yard.first) / "adapter_model.safetensors"
    weights.chmod(0o644)
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    async with yard.engine(yard.base) as engine:
        await engine.set_routes(Routes({SHARED: yard.first}))
        assert isinstance(engine.refused[yard.first], ModelDamaged)
        assert await said_by(engine) == "I am the base, good day."
    assert not yard.servers[0].ever_loaded


async def test_a_restarted_server_gets_its_versions_again(yard: Fleetyard) -> None:
    server = yard.servers[0]
    async with yard.engine(yard.first) as engine:
        await server.stop()
        await engine.look()
        with pytest.raises(EngineAway):
            await said_by(engine)
        await server.start()
        await engine.look()
        assert await said_by(engine) == serving(yard.first)
    assert len(set(server.ever_loaded)) == 2


async def test_a_restart_that_nobody_saw_costs_one_try(yard: Fleetyard) -> None:
    server = yard.servers[0]
    async with yard.engine(yard.first) as engine:
        await server.stop()
        await server.start()
        assert await said_by(engine) == serving(yard.first)


async def test_a_server_that_lost_a_version_and_takes_it_no_more_fails_the_request(yard: Fleetyard) -> None:
    server = yard.servers[0]
    async with yard.engine(yard.first) as engine:
        await server.stop()
        await server.start()
        server.refuses_adapters = True
        with pytest.raises(EngineFailed):
            await said_by(engine)


async def test_a_server_that_is_not_there_yet_is_waited_for(yard: Fleetyard) -> None:
    server = yard.servers[0]
    await server.stop()
    async with yard.engine(yard.first) as engine:
        with pytest.raises(EngineAway):
            await said_by(engine)
        with pytest.raises(EngineAway):  # not refused for good: the watch asks again
            await engine.set_routes(Routes({SHARED: yard.second}))
        assert not engine.refused
        await server.start()
        await engine.set_routes(Routes({SHARED: yard.second}))
        assert await said_by(engine) == serving(yard.second)


async def test_a_replica_that_was_away_during_a_swap_answers_only_once_it_has_the_version(yard: Fleetyard) -> None:
    one, two = yard.servers
    async with yard.engine(yard.first, servers=yard.servers) as engine:
        await two.stop()
        await engine.swap(yard.second)
        await two.start()
        for at in range(4):
            assert await said_by(engine, str(at)) == serving(yard.second)
        assert not two.adapters
        await settled(engine)  # until the first one is let go, a look loads it too
        await engine.look()
        assert [name.split("-")[1] for name in two.adapters] == [yard.second]
        await one.stop()
        assert await said_by(engine) == serving(yard.second)


async def test_an_unload_that_fails_keeps_nobody_waiting(yard: Fleetyard) -> None:
    async with yard.engine(yard.first) as engine:
        replica = engine._replicas[0]
        await replica.server.unload_adapter(replica.names[yard.first])  # somebody else did
        with pytest.raises(NotServed):
            await replica.server.unload_adapter(replica.names[yard.first])
        await engine.swap(yard.second)
        await settled(engine)
        assert await said_by(engine) == serving(yard.second)


async def test_an_answer_of_another_model_is_none(yard: Fleetyard, monkeypatch: pytest.MonkeyPatch) -> None:
    async with yard.engine(yard.first) as engine:
        replica = engine._replicas[0]
        name = replica.names[yard.first]
        original = replica.server.chat

        def strange(body: dict[str, Any], patience: Any) -> Any:
            return original({**body, "model": MODEL} if body["model"] == name else body, patience)

        monkeypatch.setattr(replica.server, "chat", strange)
        stream = engine.stream(HELLO, GREEDY, member="ann", request_id="one")
        with pytest.raises(ServerTrouble, match="another model"):
            await anext(stream)
