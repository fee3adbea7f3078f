"""Whether a trainer is called alive."""

import asyncio
import socket
from pathlib import Path

import pytest

from mynah.settings import Settings
from mynah.trainer_life import trainer_is_alive
from mynah.world import open_world
from storage.processes import machine, own_name
from trainer.holder import LEASE


async def test_nobody_is_the_trainer_of_a_new_home(home: Path) -> None:
    async with open_world(Settings(home=home)) as world:
        assert not await trainer_is_alive(world.store)


@pytest.mark.skipif(not machine(), reason="this system does not tell one start of the machine from another")
async def test_a_killed_trainer_is_not_alive_while_its_lease_lasts(home: Path) -> None:
    child = await asyncio.create_subprocess_exec("sleep", "600")
    name = f"{machine()}:{child.pid}:abcd"
    async with open_world(Settings(home=home)) as world:
        assert await world.store.leases.acquire(LEASE, name, ttl_seconds=600)
        assert await trainer_is_alive(world.store)
        child.kill()
        await child.wait()
        assert not await trainer_is_alive(world.store)


@pytest.mark.parametrize(
    "holder",
    [f"{socket.gethostname()}/another-boot:{2**22 + 1}:ab", f":{2**22 + 1}:ab", "elsewhere", own_name()],
    ids=["another machine", "an unknown machine", "another format", "this process"],
)
async def test_who_is_not_known_to_be_dead_is_alive(home: Path, holder: str) -> None:
    async with open_world(Settings(home=home)) as world:
        assert await world.store.leases.acquire(LEASE, holder, ttl_seconds=600)
        assert await trainer_is_alive(world.store)
