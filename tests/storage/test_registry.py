import asyncio
import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.errors import ModelDamaged, MynahError, UnknownModel, UnsafeModel, WrongUsage
from storage.registry import Lineage, ModelRegistry
from storage.settings import StoreSettings
from storage.store import Store, open_store
from storage.values import Alias, ModelVersion
from tests.fakes.clock import FakeClock
from tests.fakes.weights import safetensors_bytes, write_model

WHO = {"actor": "admin", "reason": "because"}
FULL = Lineage("full")


@pytest.fixture
def settings(tmp_path: Path, migrated_home: Path) -> StoreSettings:
    """The registry's files are the same on every database: SQLite will do."""
    shutil.copytree(migrated_home, tmp_path / "home")
    return StoreSettings()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def registry(root: Path, store: Store) -> ModelRegistry:
    return ModelRegistry(root, store)


async def published(registry: ModelRegistry, values: bytes = b"weights", lineage: Lineage = FULL) -> ModelVersion:
    return await registry.publish(write_model(registry.staging(), values), lineage)


def leftovers(root: Path) -> list[str]:
    return [path.name for path in root.iterdir() if path.name.startswith(".")]


async def test_a_published_version_is_a_folder_a_manifest_and_a_row(
    registry: ModelRegistry, store: Store, root: Path, clock: FakeClock
) -> None:
    lineage = Lineage("full", base="b", parent="p", snapshot_hash="s", run_id=3, note="a note")
    model = await published(registry, lineage=lineage)
    assert model.version == model.content_hash[:16]
    assert (model.base, model.parent, model.snapshot_hash, model.run_id, model.note) == ("b", "p", "s", 3, "a note")
    assert model.created_at == clock.now
    assert await store.aliases.version(model.version) == model
    assert sorted(os.listdir(registry.folder(model.version))) == ["config.json", "manifest.json", "model.safetensors"]
    manifest = json.loads((registry.folder(model.version) / "manifest.json").read_text())
    assert manifest["version"] == model.version
    assert manifest["files"]["config.json"]["bytes"] == 23
    registry.verify(model.version)
    assert leftovers(root) == []


async def test_the_same_contents_are_one_version(registry: ModelRegistry, store: Store, root: Path) -> None:
    first = await published(registry, lineage=Lineage("full", note="first"))
    again = await published(registry, lineage=Lineage("full", note="again"))
    assert again == first
    assert len(await store.aliases.versions()) == 1
    assert leftovers(root) == []


async def test_the_same_contents_published_at_once_are_one_version(registry: ModelRegistry, root: Path) -> None:
    models = await asyncio.gather(*(published(registry) for _ in range(8)))
    assert len({model.version for model in models}) == 1
    assert leftovers(root) == []
    registry.verify(models[0].version)


@pytest.mark.parametrize(
    "other",
    [(b"weighty", FULL), (b"weights", Lineage("adapter")), (b"weights", Lineage("full", base="b"))],
    ids=["weights", "kind", "base"],
)
async def test_other_contents_are_another_version(registry: ModelRegistry, other: tuple[bytes, Lineage]) -> None:
    assert (await published(registry)).version != (await published(registry, *other)).version


async def test_a_damaged_version_is_healed_by_publishing_it_again(registry: ModelRegistry, root: Path) -> None:
    model = await published(registry)
    damaged = registry.folder(model.version) / "model.safetensors"
    damaged.chmod(0o600)
    damaged.write_bytes(b"")
    assert (await published(registry)).version == model.version
    registry.verify(model.version)
    assert leftovers(root) == []


async def test_a_folder_whose_row_was_never_written_gets_it_when_published_again(
    registry: ModelRegistry, root: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(type(store.aliases), "add_version", _fail)
        with pytest.raises(MynahError, match="died"):
            await published(registry)
    (version,) = os.listdir(root)
    assert "no row" in (await registry.verify_all())[version]
    assert (await published(registry)).version == version
    assert await registry.verify_all() == {version: "ok"}


async def _fail(*_: object) -> None:
    raise MynahError("died here")


async def test_whole_folders_without_rows_are_adopted_and_damaged_ones_are_not(
    registry: ModelRegistry, root: Path, store: Store, tmp_path: Path
) -> None:
    async with open_store(StoreSettings(), tmp_path / "elsewhere", clock=store.clock) as lost:
        whole = await published(ModelRegistry(root, lost))
        damaged = await published(ModelRegistry(root, lost), b"others")
    (registry.folder(damaged.version) / "config.json").unlink()
    assert await registry.sweep() == 0
    assert await store.aliases.versions() == [whole]
    report = await registry.verify_all()
    assert report[whole.version] == "ok"
    assert "lacks config.json" in report[damaged.version]


async def test_a_row_without_a_folder_is_reported(registry: ModelRegistry, store: Store, clock: FakeClock) -> None:
    await store.aliases.add_version(ModelVersion("gone", "gone", "full", None, None, None, None, clock.now))
    assert await registry.verify_all() == {"gone": "Model version gone has no folder. See `mynah model list`."}


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "model.py", "optimizer.pt", "weights", ".hidden.json", "a b.json"]
)
async def test_files_of_unknown_kinds_are_refused(registry: ModelRegistry, root: Path, name: str) -> None:
    staging = write_model(registry.staging())
    (staging / name).write_bytes(pickle.dumps({}))
    with pytest.raises(UnsafeModel):
        await registry.publish(staging, FULL)
    assert await registry.verify_all() == {}
    assert not [name for name in os.listdir(root) if name != staging.name]


async def test_links_and_folders_are_refused(registry: ModelRegistry, tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text("{}")
    linked = write_model(registry.staging())
    (linked / "tokenizer.json").symlink_to(tmp_path / "secret.json")
    nested = write_model(registry.staging())
    (nested / "more.json").mkdir()
    for staging in (linked, nested):
        with pytest.raises(UnsafeModel, match="not a plain file"):
            await registry.publish(staging, FULL)


async def test_a_pickle_under_the_name_of_safetensors_is_refused(registry: ModelRegistry) -> None:
    staging = write_model(registry.staging())
    (staging / "model.safetensors").write_bytes(pickle.dumps({"weight": [1.0] * 100}))
    with pytest.raises(UnsafeModel, match="pickle"):
        await registry.publish(staging, FULL)


async def test_a_folder_without_weights_or_of_an_unknown_kind_is_refused(registry: ModelRegistry) -> None:
    staging = write_model(registry.staging())
    with pytest.raises(WrongUsage, match="kind"):
        await registry.publish(staging, Lineage("gguf"))
    (staging / "model.safetensors").unlink()
    with pytest.raises(WrongUsage, match="no weights"):
        await registry.publish(staging, FULL)


async def test_a_disk_error_is_told_as_one(registry: ModelRegistry, root: Path) -> None:
    with pytest.raises(MynahError, match="model folder"):
        await registry.publish(root / "not there", FULL)


def _change(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.chmod(0o600)
    weights.write_bytes(safetensors_bytes(b"weightz"))


def _cut(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.chmod(0o600)
    weights.write_bytes(weights.read_bytes()[:-1])


def _remove(folder: Path) -> None:
    (folder / "config.json").unlink()


def _forge_manifest(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"].pop("config.json")
    (folder / "manifest.json").chmod(0o600)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def _garble_manifest(folder: Path) -> None:
    (folder / "manifest.json").chmod(0o600)
    (folder / "manifest.json").write_text("[[[[")


def _remove_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


@pytest.mark.parametrize("damage", [_change, _cut, _remove, _forge_manifest, _garble_manifest, _remove_manifest])
async def test_damage_is_found(registry: ModelRegistry, damage: Callable[[Path], None]) -> None:
    model = await published(registry)
    damage(registry.folder(model.version))
    with pytest.raises(ModelDamaged, match=model.version):
        registry.verify(model.version)
    assert (await registry.verify_all())[model.version] != "ok"


@pytest.mark.parametrize("name", ["extra.json", "pytorch_model.bin"])
async def test_files_that_were_put_in_later_are_refused(registry: ModelRegistry, name: str) -> None:
    model = await published(registry)
    (registry.folder(model.version) / name).write_text("{}")
    with pytest.raises(UnsafeModel, match=name):
        registry.verify(model.version)


async def test_a_version_copied_under_another_name_is_not_it(registry: ModelRegistry, root: Path) -> None:
    model = await published(registry)
    registry.folder(model.version).rename(root / "0000000000000000")
    with pytest.raises(ModelDamaged, match="not the one of this folder"):
        registry.verify("0000000000000000")


async def test_a_version_is_found_by_alias_by_name_and_by_its_beginning(registry: ModelRegistry, store: Store) -> None:
    model, other = await published(registry), await published(registry, b"others")
    await store.aliases.promote(other.version, **WHO)
    await store.aliases.promote(model.version, **WHO)
    assert await registry.resolve("champion") == model
    assert await registry.resolve("previous") == other
    assert await registry.resolve(model.version) == model
    assert await registry.resolve(model.version[:4]) == model


async def test_an_alias_that_points_nowhere_says_so(registry: ModelRegistry) -> None:
    with pytest.raises(UnknownModel, match="no champion yet"):
        await registry.resolve(Alias.CHAMPION)


async def test_an_ambiguous_beginning_is_refused_and_a_whole_name_is_not(
    registry: ModelRegistry, store: Store, clock: FakeClock
) -> None:
    for name in ("abcde", "abcdef", "abcdeg"):
        await store.aliases.add_version(ModelVersion(name, name, "full", None, None, None, None, clock.now))
    assert (await registry.resolve("abcde")).version == "abcde"
    with pytest.raises(UnknownModel, match="3 model versions"):
        await registry.resolve("abcd")


@pytest.mark.parametrize(
    "name",
    ["", "abc", "nowhere", "../champion", "a/b", "/etc", "..", "A" * 16, "-abcd", "a" * 65, "abcd\x00", "abcd\n"],
)
async def test_what_names_no_version_is_unknown(registry: ModelRegistry, name: str) -> None:
    await published(registry)
    with pytest.raises(UnknownModel):
        await registry.resolve(name)


@pytest.mark.parametrize("name", ["", "../x", "a/b", "/etc", "..", ".", "ABCD", "a" * 65, "x\n", ".staging-1"])
def test_no_folder_outside_the_root_is_ever_named(registry: ModelRegistry, name: str) -> None:
    with pytest.raises(UnknownModel):
        registry.folder(name)
    with pytest.raises(UnknownModel):
        registry.verify(name)


STAGE = """
import sys
from pathlib import Path
from storage.registry import ModelRegistry
print(ModelRegistry(Path(sys.argv[1]), None).staging())
"""


@pytest.fixture
def staging_of_a_dead_process(root: Path) -> Path:
    said = subprocess.run([sys.executable, "-c", STAGE, str(root)], capture_output=True, text=True, check=True)
    return write_model(Path(said.stdout.strip()))


async def test_staging_of_dead_processes_is_swept_and_that_of_living_ones_is_not(
    registry: ModelRegistry, root: Path, staging_of_a_dead_process: Path
) -> None:
    mine = write_model(registry.staging())
    assert sorted(os.listdir(root)) == sorted([mine.name, staging_of_a_dead_process.name])
    assert await registry.sweep() == 1
    assert os.listdir(root) == [mine.name]
    assert await registry.sweep() == 0


async def test_staging_of_another_machine_is_swept_only_when_it_is_old(
    registry: ModelRegistry, root: Path, clock: FakeClock
) -> None:
    folder = root / ".staging-00000000-1-abcd"
    folder.mkdir(parents=True)
    os.utime(folder, (clock.now.timestamp(), clock.now.timestamp()))
    assert await registry.sweep() == 0
    clock.advance(2 * 24 * 3600)
    assert await registry.sweep() == 1


async def test_a_registry_without_a_folder_is_empty(registry: ModelRegistry) -> None:
    assert await registry.verify_all() == {}
    assert await registry.sweep() == 0


async def test_a_base_is_imported_without_what_does_not_make_the_model(
    registry: ModelRegistry, tmp_path: Path, root: Path
) -> None:
    folder = write_model(tmp_path / "hub")
    for name in (
        "README.md",
        "pytorch_model.bin",
        "modeling.py",
        "tokenizer.model",
        "chat_template.jinja",
        "merges.txt",
    ):
        (folder / name).write_text("x")
    (folder / "consolidated.safetensors").write_bytes(safetensors_bytes(b"the same in another layout"))
    (folder / "onnx").mkdir()
    model = await registry.import_folder(folder, note="from the hub")
    assert sorted(os.listdir(registry.folder(model.version))) == [
        "chat_template.jinja",
        "config.json",
        "manifest.json",
        "merges.txt",
        "model.safetensors",
        "tokenizer.model",
    ]
    assert (model.kind, model.base, model.note) == ("full", None, "from the hub")
    assert await registry.import_folder(folder) == model
    assert leftovers(root) == []


async def test_a_base_in_a_cache_made_of_links_is_imported_as_files(registry: ModelRegistry, tmp_path: Path) -> None:
    blobs = write_model(tmp_path / "blobs")
    cache = tmp_path / "cache"
    cache.mkdir()
    for path in blobs.iterdir():
        (cache / path.name).symlink_to(path)
    model = await registry.import_folder(cache)
    registry.verify(model.version)
    assert not [path for path in registry.folder(model.version).iterdir() if path.is_symlink()]


async def test_a_sharded_base_is_imported_with_the_shards_its_index_names(
    registry: ModelRegistry, tmp_path: Path
) -> None:
    folder = write_model(tmp_path / "hub")
    (folder / "model.safetensors").rename(folder / "model-1.safetensors")
    (folder / "stray.safetensors").write_bytes(safetensors_bytes(b"stray"))
    index = {"weight_map": {"weight": "model-1.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    model = await registry.import_folder(folder)
    assert "stray.safetensors" not in os.listdir(registry.folder(model.version))
    (folder / "model-1.safetensors").unlink()
    with pytest.raises(ModelDamaged, match=r"lacks model-1\.safetensors"):
        await registry.import_folder(folder)


async def test_a_base_with_only_pickled_weights_is_refused(registry: ModelRegistry, tmp_path: Path, root: Path) -> None:
    folder = write_model(tmp_path / "hub")
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({}))
    with pytest.raises(UnsafeModel, match="pickled"):
        await registry.import_folder(folder)
    assert registry._folders() == []


async def test_a_damaged_base_is_refused_and_leaves_nothing(
    registry: ModelRegistry, tmp_path: Path, root: Path
) -> None:
    folder = write_model(tmp_path / "hub")
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-3])
    with pytest.raises(ModelDamaged, match="safetensors"):
        await registry.import_folder(folder)
    assert leftovers(root) == []


@pytest.mark.parametrize("missing", ["folder", "config.json", "model.safetensors"])
async def test_what_is_not_a_model_is_refused(registry: ModelRegistry, tmp_path: Path, missing: str) -> None:
    folder = tmp_path / "hub"
    if missing != "folder":
        (write_model(folder) / missing).unlink()
    with pytest.raises(WrongUsage):
        await registry.import_folder(folder)


@pytest.mark.parametrize("config", ["{", "[]", "\x00"], ids=["cut", "a list", "garbled"])
async def test_a_base_whose_config_cannot_be_read_is_refused(
    registry: ModelRegistry, tmp_path: Path, config: str
) -> None:
    folder = write_model(tmp_path / "hub")
    (folder / "config.json").write_text(config)
    with pytest.raises(WrongUsage, match=r"config\.json"):
        await registry.import_folder(folder)


async def test_an_adapter_is_not_a_base(registry: ModelRegistry, tmp_path: Path) -> None:
    folder = write_model(tmp_path / "hub")
    (folder / "config.json").rename(folder / "adapter_config.json")
    with pytest.raises(WrongUsage, match="adapter"):
        await registry.import_folder(folder)
