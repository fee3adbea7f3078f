"""The model store: pushed with publication, fetched whole by machines that lack a version, and nothing else let in."""

import asyncio
import os
import pickle
import secrets
import shutil
import time
from pathlib import Path

import pytest
from fsspec.implementations.arrow import ArrowFSWrapper
from fsspec.implementations.memory import MemoryFileSystem
from pyarrow.fs import LocalFileSystem

from storage.errors import ModelDamaged, MynahError, UnknownModel, UnsafeModel, WrongUsage
from storage.manifest import Manifest, content_hash, entry_of, version_of, write_manifest
from storage.model_store import ModelStore, open_model_store
from storage.registry import Lineage, ModelRegistry
from storage.settings import StoreSettings
from storage.store import Store
from storage.values import ModelVersion
from tests.fakes.weights import write_model


@pytest.fixture
def settings(tmp_path: Path, migrated_home: Path) -> StoreSettings:
    """Files are the same on every database: SQLite will do."""
    shutil.copytree(migrated_home, tmp_path / "home")
    return StoreSettings()


@pytest.fixture(params=["folder", "file", "memory", "arrow"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> ModelStore:
    """A store of each kind; `arrow` is the wrapper that S3 is reached through, over a folder."""
    place = tmp_path / "shared" / "models"
    if request.param == "arrow":
        return ModelStore("s3://here", ArrowFSWrapper(LocalFileSystem()), str(place), is_folder=False)
    urls = {"folder": str(place), "file": place.as_uri(), "memory": f"memory://{secrets.token_hex(4)}/models"}
    return open_model_store(urls[request.param])


@pytest.fixture
def here(tmp_path: Path, store: Store, shared: ModelStore) -> ModelRegistry:
    return ModelRegistry(tmp_path / "here", store, shared)


@pytest.fixture
def there(tmp_path: Path, store: Store, shared: ModelStore) -> ModelRegistry:
    """Another machine's registry, over the same database."""
    return ModelRegistry(tmp_path / "there", store, shared)


async def published(registry: ModelRegistry, values: bytes = b"weights") -> ModelVersion:
    return await registry.publish(write_model(registry.staging(), values), Lineage("full"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def at(shared: ModelStore, *names: str) -> str:
    return shared._path(*names)


def write(shared: ModelStore, path: str, contents: bytes) -> None:
    with shared._files.open(path, "wb") as file:
        file.write(contents)


async def test_a_published_version_reaches_a_machine_that_lacks_it(
    here: ModelRegistry, there: ModelRegistry, shared: ModelStore
) -> None:
    version = (await published(here)).version
    assert shared.versions() == {version}
    assert not there.folder(version).exists()
    await asyncio.to_thread(there.verify, version)
    assert contents(there.folder(version)) == contents(here.folder(version))
    assert [path.name for path in there.folder(version).parent.iterdir()] == [version]


async def test_many_who_want_it_at_once_get_it_once(
    here: ModelRegistry, there: ModelRegistry, shared: ModelStore
) -> None:
    if isinstance(shared._files, MemoryFileSystem):
        pytest.skip("all readers of one of its files share one place in it")
    version = (await published(here)).version
    await asyncio.gather(*(asyncio.to_thread(there.verify, version) for _ in range(6)))
    assert [path.name for path in there.folder(version).parent.iterdir()] == [version]


@pytest.mark.parametrize("damage", ["changed", "shorter", "missing", "manifest", "no manifest", "other version"])
async def test_a_damaged_copy_is_refused_and_leaves_nothing(
    here: ModelRegistry, there: ModelRegistry, shared: ModelStore, damage: str
) -> None:
    version = (await published(here)).version
    weights, manifest = at(shared, version, "model.safetensors"), at(shared, version, "manifest.json")
    whole = shared._files.cat_file(weights)
    if damage == "changed":
        write(shared, weights, whole[:-1] + b"!")
    elif damage == "shorter":
        write(shared, weights, whole[:-1])
    elif damage == "missing":
        shared._files.rm_file(weights)
    elif damage == "manifest":
        write(shared, manifest, b"{}")
    elif damage == "no manifest":
        shared._files.rm_file(manifest)
    else:
        other = (await published(here, b"another")).version
        write(shared, manifest, shared._files.cat_file(at(shared, other, "manifest.json")))
    with pytest.raises(UnknownModel if damage == "no manifest" else ModelDamaged):
        await asyncio.to_thread(there.verify, version)
    assert not list(there.folder(version).parent.iterdir())


@pytest.mark.parametrize("name", ["pytorch_model.bin", "../escaped.json", "sub/config.json"])
async def test_a_manifest_that_names_what_may_not_be_in_a_model_is_refused(
    here: ModelRegistry, there: ModelRegistry, shared: ModelStore, name: str, tmp_path: Path
) -> None:
    staging = write_model(here.staging())
    (tmp_path / "evil").write_bytes(pickle.dumps("evil"))
    entry = entry_of(tmp_path / "evil")
    files = {**{path.name: entry_of(path) for path in staging.iterdir()}, name: entry}
    digest = content_hash("full", None, files)
    honest = await published(here)
    forged = ModelVersion(
        version_of(digest), digest, "full", None, None, None, None, honest.created_at, "forged but well hashed"
    )
    write_manifest(staging, Manifest(forged, files))
    for path in staging.iterdir():
        shared._files.makedirs(at(shared, forged.version), exist_ok=True)
        write(shared, at(shared, forged.version, path.name), path.read_bytes())
    shared._files.makedirs(at(shared, forged.version, "sub"), exist_ok=True)
    write(shared, at(shared, forged.version, name), (tmp_path / "evil").read_bytes())
    with pytest.raises(UnsafeModel):
        await asyncio.to_thread(there.verify, forged.version)
    assert not list(there.folder(forged.version).parent.iterdir())


async def test_a_pickle_under_a_safe_name_is_refused(
    here: ModelRegistry, there: ModelRegistry, shared: ModelStore
) -> None:
    version = (await published(here)).version
    weights = at(shared, version, "model.safetensors")
    size = shared._files.size(weights)
    write(shared, weights, pickle.dumps("evil").ljust(size, b"."))
    with pytest.raises((ModelDamaged, UnsafeModel)):
        await asyncio.to_thread(there.verify, version)
    assert not there.folder(version).exists()


async def test_files_beside_the_manifests_are_not_fetched(
    here: ModelRegistry, there: ModelRegistry, shared: ModelStore
) -> None:
    version = (await published(here)).version
    write(shared, at(shared, version, "pytorch_model.bin"), pickle.dumps("evil"))
    await asyncio.to_thread(there.verify, version)
    assert "pytorch_model.bin" not in contents(there.folder(version))


async def test_what_a_crash_left_half_pushed_is_not_there_and_is_pushed_again(
    here: ModelRegistry, shared: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = shared._files.put_file

    def failing(source: str, target: str) -> None:
        if source.endswith("manifest.json"):
            raise OSError(28, "No space left on device")
        original(source, target)

    monkeypatch.setattr(shared._files, "put_file", failing)
    with pytest.raises(MynahError, match="model store"):
        await published(here)
    assert shared.versions() == set()
    assert not await here._store.aliases.versions()  # nobody is told of a version that others cannot get
    monkeypatch.undo()
    await here.sweep()
    [row] = await here._store.aliases.versions()
    assert shared.versions() == {row.version}


async def test_versions_from_before_the_store_are_pushed_at_the_trainers_start(
    tmp_path: Path, store: Store, here: ModelRegistry, shared: ModelStore
) -> None:
    version = (await published(ModelRegistry(tmp_path / "here", store))).version
    assert shared.versions() == set()
    await here.sweep()
    assert shared.versions() == {version}


async def test_pushing_again_repairs_a_shortened_file(here: ModelRegistry, shared: ModelStore) -> None:
    version = (await published(here)).version
    weights = at(shared, version, "model.safetensors")
    whole = shared._files.cat_file(weights)
    write(shared, weights, whole[:-1])
    await published(here)
    assert shared._files.cat_file(weights) == whole


async def test_the_check_of_all_does_not_fetch_what_the_store_has(here: ModelRegistry, there: ModelRegistry) -> None:
    version = (await published(here)).version
    assert await there.verify_all() == {version: "ok"}
    assert not there.folder(version).exists()


async def test_what_is_nowhere_is_unknown(here: ModelRegistry) -> None:
    with pytest.raises(UnknownModel, match="nor in the model store"):
        here.verify("0123456789abcdef")


async def test_a_store_that_fails_says_so(
    here: ModelRegistry, shared: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ConnectionError("secret details")

    monkeypatch.setattr(shared._files, "exists", fails)
    with pytest.raises(MynahError, match="MYNAH_MODELS__URL") as raised:
        here.verify("0123456789abcdef")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    ["ftp://host/models", "models", "gs://bucket", "simplecache::s3://b", "file://models", "s3://", "s3://key:secret@b/c",
     "http://host/x", "s3://b/c?x=1"],
)  # fmt: skip
def test_an_address_of_another_kind_is_refused_with_those_that_are_taken(url: str) -> None:
    with pytest.raises(WrongUsage, match="MYNAH_MODELS__URL") as raised:
        open_model_store(url)
    assert "s3://bucket" in str(raised.value)
    assert "secret" not in str(raised.value)


def test_s3_is_reached_without_another_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    store = open_model_store("s3://bucket/mynah/models")
    assert isinstance(store._files, ArrowFSWrapper)
    assert at(store, "v", "manifest.json") == "bucket/mynah/models/v/manifest.json"


async def test_what_a_killed_push_left_half_written_is_removed_by_a_later_one(tmp_path: Path, store: Store) -> None:
    shared = open_model_store(str(tmp_path / "shared"))
    version = (await published(ModelRegistry(tmp_path / "models", store, shared))).version
    folder = tmp_path / "shared" / version
    for name, age in (("model.safetensors.0a.draft", 2 * 24 * 3600), ("model.safetensors.0b.draft", 0)):
        (folder / name).write_bytes(b"half")
        os.utime(folder / name, (time.time() - age,) * 2)
    (folder / "config.json").unlink()  # so that there is something to push
    await asyncio.to_thread(shared.push, tmp_path / "models" / version)
    assert {path.name for path in folder.glob("*.draft")} == {"model.safetensors.0b.draft"}
