"""Kills a writing process at random points, and looks at what it left behind."""

import os
import random
import subprocess
import sys
from pathlib import Path

from storage.registry import ModelRegistry
from storage.settings import StoreSettings
from storage.store import open_store
from storage.values import Alias
from tests.fakes.clock import FakeClock
from tests.storage.talk import SERVER

ROUNDS = 4


def acknowledged_before_death(home: Path, name: str, lines: int) -> list[list[str]]:
    """What a process acknowledged until it was killed, some lines after its first model."""
    command = [sys.executable, "-m", "tests.storage.victim", str(home), name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        said = []
        for line in victim.stdout:
            said.append(line.split())
            if len(said) >= lines and any(kind == "model" for kind, _ in said):
                break
        victim.kill()
        said += [line.split() for line in victim.stdout if line.endswith("\n")]
    return said


async def test_nothing_acknowledged_is_lost_and_the_registry_verifies(tmp_path: Path) -> None:
    home = tmp_path / "home"
    said: list[list[str]] = []
    for round_number in range(ROUNDS):
        said += acknowledged_before_death(home, f"r{round_number}", random.randint(1, 60))
        async with open_store(StoreSettings(), home, clock=FakeClock()) as store:
            registry = ModelRegistry(home / "models", store)
            for kind, name in said:
                if kind == "turn":
                    turn = await store.conversations.turn_by_external_id(SERVER, name)
                    assert turn is not None, f"{name} was acknowledged and is lost"
                    assert turn.text == "hello " * 200
                else:
                    registry.verify(name)
                    assert (await registry.resolve(name)).version == name
            await registry.sweep()
            assert set((await registry.verify_all()).values()) == {"ok"}
            assert not [name for name in os.listdir(home / "models") if name.startswith(".")]
            champion = await registry.resolve(Alias.CHAMPION)
            newest = [name for kind, name in said if kind == "model"][-1]
            versions = [version.version for version in await store.aliases.versions()]
            assert versions.index(champion.version) >= versions.index(newest)
