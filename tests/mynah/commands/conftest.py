"""Homes with something in them, for the commands."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest

from mynah import world as composition
from mynah.settings import Settings
from mynah.world import World, open_world
from storage.values import ModelVersion
from tests.fakes.screening import WordScreening

T = TypeVar("T")
InWorld = Callable[[Callable[[World], Coroutine[Any, Any, T]]], T]


@pytest.fixture(autouse=True)
def word_screening(monkeypatch: pytest.MonkeyPatch) -> WordScreening:
    """Commands in this process screen by words; the real chain has tests of its own and takes seconds to load."""
    screening = WordScreening()
    monkeypatch.setattr(composition, "open_screening", lambda _: screening)
    return screening


@pytest.fixture
def in_world(home: Path) -> InWorld[Any]:
    """Does something with the home's open world, and closes it again."""

    async def done(work: Callable[[World], Coroutine[Any, Any, T]]) -> T:
        async with open_world(Settings(home=home)) as world:
            return await work(world)

    def do(work: Callable[[World], Coroutine[Any, Any, T]]) -> T:
        with ThreadPoolExecutor(max_workers=1) as pool:
            return pool.submit(asyncio.run, done(work)).result()

    return do


def fake_model(folder: Path, seed: int) -> Path:
    """A folder that the registry takes for a model; nobody loads it."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"seed": seed}))
    (folder / "tokenizer.json").write_text("{}")
    header = json.dumps({"weight": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}}).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes([seed] * 4))
    return folder


@pytest.fixture
def versions(in_world: InWorld[list[ModelVersion]], tmp_path: Path) -> list[ModelVersion]:
    """Two versions; the first was champion before the second is."""

    async def publish(world: World) -> list[ModelVersion]:
        made = [await world.registry.import_folder(fake_model(tmp_path / f"model-{seed}", seed)) for seed in (1, 2)]
        for version in made:
            await world.store.aliases.promote(version.version, actor="test", reason="test")
        return made

    return in_world(publish)


def conversation(question: str, answer: str, **more: object) -> str:
    """A line of an import file."""
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return json.dumps({"messages": messages, **more}) + "\n"


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    """A file of three conversations: two good ones, and one that screening refuses."""
    path = tmp_path / "facts.jsonl"
    path.write_text(
        conversation("When is game night?", "On Friday.")
        + conversation("Where is it?", "In the blue room.")
        + conversation("What do you say?", "damn")
    )
    return path
