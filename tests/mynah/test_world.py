"""The composition root: the base comes into the registry, and the champion points to something."""

import json
from pathlib import Path

import pytest

from bot.settings import EngineSettings
from mynah.bases import SelectedBase
from mynah.settings import Settings
from mynah.world import ensure_champion, open_world, selected_base
from storage.errors import UnsafeModel, WrongUsage
from storage.values import Alias
from tests.mynah.commands.conftest import fake_model


def settings(home: Path, base: Path | str) -> Settings:
    return Settings(home=home, engine=EngineSettings(base=str(base)))


async def test_the_first_start_makes_the_base_champion(home: Path, tmp_path: Path) -> None:
    async with open_world(settings(home, fake_model(tmp_path / "base", 1))) as world:
        champion = await ensure_champion(world)
        assert await world.store.aliases.current(Alias.CHAMPION) == champion.version
        [change] = await world.store.aliases.history()
        assert change.reason == "first start"
        world.registry.verify(champion.version)


async def test_later_starts_change_nothing(home: Path, tmp_path: Path) -> None:
    base = fake_model(tmp_path / "base", 1)
    for _ in range(3):
        async with open_world(settings(home, base)) as world:
            await ensure_champion(world)
    async with open_world(settings(home, base)) as world:
        assert len(await world.store.aliases.history()) == 1
        assert len(await world.store.aliases.versions()) == 1


async def test_the_champion_stays_what_people_made_it(home: Path, tmp_path: Path) -> None:
    base = fake_model(tmp_path / "base", 1)
    async with open_world(settings(home, base)) as world:
        await ensure_champion(world)
        better = await world.registry.import_folder(fake_model(tmp_path / "better", 2))
        await world.store.aliases.promote(better.version, actor="me", reason="better")
    async with open_world(settings(home, base)) as world:
        assert (await ensure_champion(world)).version == better.version


async def test_another_base_in_the_settings_becomes_champion_once(home: Path, tmp_path: Path) -> None:
    old, new = fake_model(tmp_path / "old", 1), fake_model(tmp_path / "new", 2)
    async with open_world(settings(home, old)) as world:
        first = await ensure_champion(world)
    async with open_world(settings(home, new)) as world:
        second = await ensure_champion(world)
        assert second.version != first.version
        assert await world.store.aliases.current(Alias.PREVIOUS) == first.version
        await world.store.aliases.rollback(actor="me", reason="liked it better")
    async with open_world(settings(home, new)) as world:
        assert (await ensure_champion(world)).version == first.version
        assert (await selected_base(world)).version == second.version


async def test_losing_the_note_moves_nothing(home: Path, tmp_path: Path) -> None:
    old, new = fake_model(tmp_path / "old", 1), fake_model(tmp_path / "new", 2)
    async with open_world(settings(home, old)) as world:
        first = await ensure_champion(world)
    (home / "base.json").write_text("{broken")
    async with open_world(settings(home, new)) as world:
        assert (await ensure_champion(world)).version == first.version


async def test_a_base_whose_files_changed_is_imported_anew_and_moves_nothing(home: Path, tmp_path: Path) -> None:
    base = fake_model(tmp_path / "base", 1)
    async with open_world(settings(home, base)) as world:
        first = await ensure_champion(world)
    (base / "config.json").write_text(json.dumps({"seed": 3, "changed": True}))
    async with open_world(settings(home, base)) as world:
        assert (await ensure_champion(world)).version == first.version
        assert (await selected_base(world)).version != first.version


async def test_a_base_that_is_there_already_is_not_copied_again(home: Path, tmp_path: Path) -> None:
    base = fake_model(tmp_path / "base", 1)
    async with open_world(settings(home, base)) as world:
        await ensure_champion(world)
        version, changed = await SelectedBase(world.settings, world.registry).take()
        folder = world.registry.folder(version.version)
        before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
        assert (await selected_base(world)) == version
        assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
        assert not changed


async def test_a_new_database_gets_the_base_again(home: Path, tmp_path: Path, migrated_home: Path) -> None:
    base = fake_model(tmp_path / "base", 1)
    async with open_world(settings(home, base)) as world:
        first = await ensure_champion(world)
    (home / "mynah.db").write_bytes((migrated_home / "mynah.db").read_bytes())
    async with open_world(settings(home, base)) as world:
        assert (await ensure_champion(world)).version == first.version


async def test_a_pickled_base_is_refused(home: Path, tmp_path: Path) -> None:
    base = tmp_path / "pickled"
    base.mkdir()
    (base / "config.json").write_text("{}")
    (base / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    async with open_world(settings(home, base)) as world:
        with pytest.raises(UnsafeModel):
            await ensure_champion(world)
        assert await world.store.aliases.current(Alias.CHAMPION) is None


@pytest.mark.parametrize("base", ["../nowhere", "/nowhere/at/all", "no such model", "a/b/c"])
async def test_a_base_that_is_nowhere_is_wrong_usage(home: Path, base: str) -> None:
    async with open_world(settings(home, base)) as world:
        with pytest.raises(WrongUsage):
            await ensure_champion(world)
