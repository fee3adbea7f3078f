"""A backup comes back whole into an empty place, with what was taken back since, and otherwise nothing is there."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from mynah import backing_up, restoring
from mynah.backing_up import BackedUp, back_up
from mynah.backup_scratch import scratch_beside
from mynah.restoring import Restored, restore
from mynah.settings import Settings
from mynah.world import World, open_world
from storage.archive import ArchiveWriter
from storage.database_copies import copies_of
from storage.errors import BackupDamaged, MynahError, Refused, WrongUsage
from storage.half_restored import MARK
from storage.kept_out import KEPT_OUT
from storage.settings import ModelsSettings, StoreSettings
from storage.store import database_of
from storage.values import Alias, CandidateState
from storage.withdrawals import FILE_NAME as WITHDRAWALS
from storage.withdrawals import read_withdrawals
from tests.fakes.clock import FakeClock
from tests.fakes.postgres import run_statements
from tests.mynah.commands.conftest import fake_model
from tests.storage.talk import SERVER, agreed, approved, example, say
from trainer.taking_back import TakenBack

WITHOUT: dict[str, Any] = {"lists": (), "without_withdrawals": True}


@dataclass(frozen=True)
class Places:
    """One Mynah that has something, and the empty place of another."""

    old: Settings
    new: Settings
    file: Path


@pytest.fixture(params=["sqlite", "postgresql"])
async def places(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Places]:
    old, new = Settings(home=tmp_path / "old"), Settings(home=tmp_path / "new")
    file = tmp_path / "backup.tar.gz"
    if request.param == "sqlite":
        yield Places(old, new, file)
        return
    server, names = (
        request.getfixturevalue("postgres_server"),
        [f"mynah_{side}_{os.getpid()}" for side in ("old", "new")],
    )
    urls = [make_url(server).set(database=name).render_as_string(hide_password=False) for name in names]
    await run_statements(server, *(f"CREATE DATABASE {name}" for name in names))
    here, there = (StoreSettings(url=url) for url in urls)
    yield Places(old.model_copy(update={"store": here}), new.model_copy(update={"store": there}), file)
    await run_statements(server, *(f"DROP DATABASE {name} WITH (FORCE)" for name in names))


async def filled(world: World) -> None:
    """Two versions, one of which answers; talk and an approved example of Ada's; a pinned conversation; a snapshot."""
    for seed in (1, 2):
        folder = fake_model(world.settings.home.parent / f"model-{seed}", seed)
        version = await world.registry.import_folder(folder)
        await world.store.aliases.promote(version.version, actor="test", reason="test")
    key = world.store.author_key("ada")
    await say(world.store, "where do gulls sleep", author=key)
    await approved(world.store, example(authors=(key,)))
    home = world.settings.home
    (home / "golden.jsonl").write_text('{"prompt": "hi", "must_contain": ["hi"]}\n')
    snapshot = home / "work" / "snapshots" / ("a" * 64) / "examples"
    snapshot.mkdir(parents=True)
    (snapshot / "state.json").write_text("{}")
    (home / "work" / "snapshots" / ".writing-b").mkdir()


async def backed_up(places: Places, clock: FakeClock, *, with_author_key: bool = False) -> BackedUp:
    async with open_world(places.old, clock=clock) as world:
        if not (places.old.home / "golden.jsonl").exists():
            await filled(world)
        return await write(world, places.file, with_author_key=with_author_key)


async def write(world: World, file: Path, *, with_author_key: bool = False) -> BackedUp:
    database = database_of(world.settings.store, world.settings.home)
    try:
        return await back_up(world, copies_of(database), file, with_author_key=with_author_key)
    finally:
        await database.close()


async def brought_back(places: Places, clock: FakeClock, *lists: Path, without: bool = True) -> Restored:
    return await restore(places.new, places.file, lists=lists, without_withdrawals=without, clock=clock)


def bring_key(places: Places) -> None:
    places.new.home.mkdir(exist_ok=True)
    shutil.copy(places.old.home / "author.key", places.new.home)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


async def test_everything_is_there_again(places: Places, clock: FakeClock) -> None:
    done = await backed_up(places, clock)
    bring_key(places)
    restored = await brought_back(places, clock)
    assert done.left_out == restored.left_out == {}
    assert set(restored.versions) == set(done.versions)
    assert restored.begun_at == clock()
    async with open_world(places.old, clock=clock) as old, open_world(places.new, clock=clock) as new:
        key = new.store.author_key("ada")
        assert (await new.store.members.summary(key)).turns == 1
        assert (await new.store.members.summary(key)).allowed == (await old.store.members.summary(key)).allowed
        assert await new.store.aliases.champions() == await old.store.aliases.champions()
        assert set((await new.registry.verify_all()).values()) == {"ok"}
        assert (await new.store.audit.latest(action="restore"))[0].details == {"versions": 2}
        await say(new.store, "and it goes on", author=key)
    for kept in ("golden.jsonl", f"work/snapshots/{'a' * 64}/examples/state.json"):
        assert (places.new.home / kept).read_bytes() == (places.old.home / kept).read_bytes()
    assert MARK not in names(places.new.home)
    assert ".writing-b" not in names(places.new.home / "work" / "snapshots")


async def test_no_secret_is_in_a_backup_unless_it_is_asked_for(places: Places, clock: FakeClock) -> None:
    await backed_up(places, clock)
    with pytest.raises(WrongUsage, match="author key"):
        await brought_back(places, clock)
    assert names(places.new.home) == set()
    places.file.unlink()
    assert (await backed_up(places, clock, with_author_key=True)).has_author_key
    await brought_back(places, clock)
    assert (places.new.home / "author.key").read_bytes() == (places.old.home / "author.key").read_bytes()
    assert (places.new.home / "author.key").stat().st_mode & 0o077 == 0


async def test_another_author_key_is_refused(places: Places, clock: FakeClock) -> None:
    await backed_up(places, clock, with_author_key=True)
    places.new.home.mkdir()
    (places.new.home / "author.key").write_text("ab" * 32)
    with pytest.raises(WrongUsage, match="not the one"):
        await brought_back(places, clock)
    assert names(places.new.home) == {"author.key"}


async def test_a_key_that_is_in_the_settings_is_not_put_into_a_file(places: Places, clock: FakeClock) -> None:
    store = places.old.store.model_copy(update={"author_key_secret": "0123456789abcdef0123456789abcdef"})
    settings = Settings(home=places.old.home, store=StoreSettings(**store.model_dump()))
    async with open_world(settings, clock=clock) as world:
        with pytest.raises(WrongUsage, match="in the settings"):
            await write(world, places.file, with_author_key=True)
    assert not places.file.exists()


async def test_who_was_forgotten_since_is_forgotten_again(places: Places, clock: FakeClock) -> None:
    await backed_up(places, clock)
    clock.advance(3600)
    async with open_world(places.old, clock=clock) as world:
        key = world.store.author_key("ada")
        await world.store.consents.set(SERVER, "bob", allowed=False)
        await world.store.members.forget(key)
    bring_key(places)
    shutil.copy(places.old.home / WITHDRAWALS, places.new.home)
    restored = await brought_back(places, clock, without=False)
    assert (len(restored.forgotten), restored.denials, restored.withdrawals_known) == (1, 1, True)
    async with open_world(places.new, clock=clock) as world:
        left = await world.store.members.summary(key)
        assert (left.turns, sum(left.candidates.values()), left.allowed) == (0, 0, False)
        assert await world.store.consents.get(SERVER, "bob") is False
    assert read_withdrawals(places.new.home / WITHDRAWALS) == read_withdrawals(places.old.home / WITHDRAWALS)


async def test_what_was_kept_out_of_learning_since_is_kept_out_again(places: Places, clock: FakeClock) -> None:
    async with open_world(places.old, clock=clock) as world:
        await filled(world)
        message = await say(world.store, "my plan", external_id="m-1")
        spoken = await say(world.store, "said by a command")
        await agreed(world.store, "ada")
        await world.store.candidates.add(example(authors=("ada",), turn_ids=(message.id,)))
        await write(world, places.file)
        clock.advance(3600)
        await world.store.kept_out.mark(SERVER, ["m-1"], "ada", turn_ids=[spoken.id])
        later = await say(world.store, "not in the copy")
        await world.store.kept_out.mark(SERVER, [], "ada", turn_ids=[later.id])
    bring_key(places)
    restored = await brought_back(places, clock, places.old.home / WITHDRAWALS, without=False)
    assert restored.kept_out == 3
    async with open_world(places.new, clock=clock) as world:
        assert await world.store.kept_out.among(SERVER, ["m-1"]) == {"m-1"}
        for turn_id in (message.id, spoken.id):
            turn = await world.store.conversations.turn(turn_id)
            assert turn is not None
            assert KEPT_OUT in turn.verdict.reasons
        assert [one.messages for one in await world.store.candidates.by_state(CandidateState.WAITING)] == []


async def test_who_came_back_after_being_forgotten_is_not_forgotten_once_more(places: Places, clock: FakeClock) -> None:
    async with open_world(places.old, clock=clock) as world:
        await world.store.members.forget(world.store.author_key("ada"))
        clock.advance(3600)
        await filled(world)
        await write(world, places.file)
    bring_key(places)
    restored = await brought_back(places, clock, places.old.home / WITHDRAWALS)
    assert restored.forgotten == ()
    async with open_world(places.new, clock=clock) as world:
        assert (await world.store.members.summary(world.store.author_key("ada"))).turns == 1


async def test_without_a_list_of_what_was_taken_back_nothing_is_restored(places: Places, clock: FakeClock) -> None:
    await backed_up(places, clock)
    bring_key(places)
    with pytest.raises(Refused, match="--without-withdrawals"):
        await brought_back(places, clock, without=False)
    assert names(places.new.home) == {"author.key"}
    assert (await brought_back(places, clock)).withdrawals_known is False


async def test_a_broken_list_is_refused(places: Places, clock: FakeClock, tmp_path: Path) -> None:
    await backed_up(places, clock)
    bring_key(places)
    (tmp_path / "list").write_text("{}\n")
    with pytest.raises(WrongUsage, match="Line 1"):
        await brought_back(places, clock, tmp_path / "list")
    assert names(places.new.home) == {"author.key"}


async def test_a_home_that_is_not_empty_is_left_alone(places: Places, clock: FakeClock) -> None:
    await backed_up(places, clock)
    bring_key(places)
    (places.new.home / "models").mkdir()
    with pytest.raises(WrongUsage, match="not empty: models"):
        await brought_back(places, clock)
    assert names(places.new.home) == {"author.key", "models"}


async def test_a_database_that_is_not_empty_is_left_alone(places: Places, clock: FakeClock, tmp_path: Path) -> None:
    await backed_up(places, clock)
    async with open_world(places.new, clock=clock) as world:
        await agreed(world.store, "bob")
    if places.new.store.url is None:
        elsewhere = tmp_path / "rows.db"
        (places.new.home / "mynah.db").rename(elsewhere)
        places = replace(places, new=Settings(home=places.new.home, store=StoreSettings(url=f"sqlite:///{elsewhere}")))
    shutil.rmtree(places.new.home)
    bring_key(places)
    with pytest.raises(WrongUsage, match=r"not empty|already"):
        await brought_back(places, clock)
    async with open_world(places.new, clock=clock) as world:
        assert await world.store.consents.get(SERVER, "bob") is True


async def test_one_of_the_other_kind_of_database_is_refused(places: Places, clock: FakeClock, tmp_path: Path) -> None:
    await backed_up(places, clock)
    url = None if places.new.store.url else "postgresql://mynah@127.0.0.1:1/nobody-is-asked"
    settings = Settings(home=places.new.home, store=StoreSettings(url=url))
    bring_key(places)
    with pytest.raises(WrongUsage, match="database of the same kind"):
        await restore(settings, places.file, lists=(), without_withdrawals=True, clock=clock)
    assert names(places.new.home) == {"author.key"}


async def test_a_damaged_one_leaves_nothing(places: Places, clock: FakeClock) -> None:
    await backed_up(places, clock)
    bring_key(places)
    whole = places.file.read_bytes()
    places.file.write_bytes(whole[: len(whole) - 20])
    with pytest.raises(BackupDamaged):
        await brought_back(places, clock)
    assert names(places.new.home) == {"author.key"}
    places.file.write_bytes(whole)
    await brought_back(places, clock)


async def test_one_of_newer_tables_is_refused(
    places: Places, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mynah.backing_up.HEAD", "9999")
    await backed_up(places, clock)
    bring_key(places)
    with pytest.raises(MynahError, match="newer Mynah"):
        await brought_back(places, clock)
    assert names(places.new.home) == {"author.key"}


async def test_when_something_fails_late_all_is_empty_again(
    places: Places, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await backed_up(places, clock)
    bring_key(places)

    async def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(TakenBack, "clear", full)
        with pytest.raises(MynahError, match="No space left"):
            await brought_back(places, clock)
    assert names(places.new.home) == {"author.key"}
    await brought_back(places, clock)


def in_a_process_that_is_killed(work: Coroutine[Any, Any, Any]) -> None:
    """Run work in a fork of this process, which ends itself with status 9 in the middle."""
    killed = os.fork()
    if killed == 0:  # pragma: no cover - in a process of its own
        asyncio.new_event_loop().run_until_complete(work)
        os._exit(0)
    work.close()
    assert os.waitstatus_to_exitcode(os.waitpid(killed, 0)[1]) == 9


@pytest.mark.parametrize("at", ["clear", "move_home"])
async def test_one_that_was_killed_is_begun_anew_or_finished(
    places: Places, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """A killed process runs nothing more: what its ending would clear away stays."""
    await backed_up(places, clock)
    bring_key(places)
    monkeypatch.setattr(TakenBack if at == "clear" else restoring, at, lambda *_: os._exit(9))
    await asyncio.to_thread(in_a_process_that_is_killed, restore(places.new, places.file, **WITHOUT, clock=clock))
    monkeypatch.undo()
    assert MARK in names(places.new.home)
    with pytest.raises(MynahError, match="was interrupted"):
        async with open_world(places.new, clock=clock):
            pass
    restored = await brought_back(places, clock)
    assert (restored.begun_at is None) == (at == "move_home")
    async with open_world(places.new, clock=clock) as world:
        assert set((await world.registry.verify_all()).values()) == {"ok"}
        assert (await world.store.members.summary(world.store.author_key("ada"))).turns == 1
    assert MARK not in names(places.new.home)


async def test_a_version_that_was_published_while_rows_were_copied_is_not_brought_back(
    places: Places, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its snapshot's row is not in the copy, so no receipt would ever name it."""
    async with open_world(places.old, clock=clock) as world:
        await filled(world)
        versions = backing_up._add_versions

        async def after_another(archive: ArchiveWriter, of: World, scratch: Path) -> Any:
            await world.registry.import_folder(fake_model(places.old.home.parent / "model-3", 3))
            return await versions(archive, of, scratch)

        monkeypatch.setattr(backing_up, "_add_versions", after_another)
        done = await write(world, places.file)
    assert len(done.versions) == 3
    bring_key(places)
    assert len((await brought_back(places, clock)).versions) == 2
    assert len(names(places.new.home / "models")) == 2


async def test_a_damaged_version_is_left_out_and_told(places: Places, clock: FakeClock) -> None:
    async with open_world(places.old, clock=clock) as world:
        await filled(world)
        champion = await world.store.aliases.current(Alias.CHAMPION)
        assert champion is not None
        weights = world.registry.folder(champion) / "model.safetensors"
        weights.chmod(0o644)
        weights.write_bytes(weights.read_bytes()[:-1] + b"?")
        done = await write(world, places.file)
    assert set(done.left_out) == set(done.needed) == {champion}
    bring_key(places)
    restored = await brought_back(places, clock)
    assert set(restored.left_out) == {champion}
    assert len(restored.versions) == 1


async def test_a_version_that_only_the_model_store_has_is_packed(
    places: Places, clock: FakeClock, tmp_path: Path
) -> None:
    shared = Settings(home=places.old.home, store=places.old.store, models=ModelsSettings(url=str(tmp_path / "shared")))
    async with open_world(shared, clock=clock) as world:
        await filled(world)
        shutil.rmtree(places.old.home / "models")
        done = await write(world, places.file)
    assert (done.left_out, len(done.versions)) == ({}, 2)
    assert names(tmp_path) & {".mynah-backup"} == set()
    bring_key(places)
    assert set((await brought_back(places, clock)).versions) == set(done.versions)


async def test_a_file_that_is_there_is_not_overwritten(places: Places, clock: FakeClock) -> None:
    places.file.write_text("precious")
    with pytest.raises(WrongUsage, match="there already"):
        await backed_up(places, clock)
    assert places.file.read_text() == "precious"


async def test_a_backup_that_fails_leaves_nothing(
    places: Places, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mynah.backing_up._add_state", full)
    before = names(places.file.parent)
    with pytest.raises(MynahError, match="No space left"):
        await backed_up(places, clock)
    assert names(places.file.parent) - before <= {"old", "model-1", "model-2"}


async def test_what_a_killed_backup_left_is_gone_after_the_next(
    places: Places, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a copy of everybody's words, which no forgetting reaches."""
    folder = places.file.parent
    async with open_world(places.old, clock=clock) as world:
        await filled(world)
    monkeypatch.setattr("mynah.backing_up._add_state", lambda *_: os._exit(9))
    await asyncio.to_thread(in_a_process_that_is_killed, backed_up(places, clock))
    monkeypatch.undo()
    [left] = names(folder) - {"old", "model-1", "model-2"}
    assert names(folder / left) > {"owner"}
    await backed_up(places, clock)
    assert left in names(folder)  # so young that it might be of somebody who is only just beginning
    places.file.unlink()
    os.utime(folder / left, (0, 0))
    await backed_up(places, clock)
    assert names(folder) == {"old", "model-1", "model-2", places.file.name}


def test_a_backup_that_others_write_is_left_alone(tmp_path: Path) -> None:
    with scratch_beside(tmp_path / "one.tar.gz") as first:
        os.utime(first, (0, 0))
        with scratch_beside(tmp_path / "two.tar.gz") as second:
            assert first.exists()
            assert second != first
    assert names(tmp_path) == set()


async def test_an_interrupted_restore_is_not_finished_into_another_database(
    places: Places, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await backed_up(places, clock)
    bring_key(places)
    monkeypatch.setattr(restoring, "move_home", lambda *_: os._exit(9))
    await asyncio.to_thread(in_a_process_that_is_killed, restore(places.new, places.file, **WITHOUT, clock=clock))
    monkeypatch.undo()
    is_sqlite = places.new.store.url is None
    other = "postgresql+asyncpg://mynah@/nowhere?host=/nowhere" if is_sqlite else f"sqlite:///{tmp_path}/other.db"
    elsewhere = places.new.model_copy(update={"store": StoreSettings(url=other)})
    with pytest.raises(WrongUsage, match="another database"):
        await restore(elsewhere, places.file, **WITHOUT, clock=clock)
    assert MARK in names(places.new.home)
    assert (await brought_back(places, clock)).begun_at is None
