import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bot.engine.protocol import Sampling
from bot.engine.replies import generate_replies
from bot.engine.weights import LoadedWeights, fetch_base, load_weights
from storage.errors import ModelDamaged, MynahError, UnsafeModel, WrongUsage
from tests.bot.engine.conftest import user
from tests.fakes.models import KINDS, Kind, tiny_model

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # peft 0.21


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_model("llama", tmp_path / "model")


def save_adapter(base: Path, folder: Path, *, scale: float) -> Path:
    """An adapter whose weights are far from zero, so that it changes answers."""
    from peft import LoraConfig, get_peft_model

    model: Any = get_peft_model(load_weights(base, device="cpu").model, LoraConfig(r=2, target_modules=["q_proj"]))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.constant_(parameter, scale)
    model.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_any_shape_loads_in_float32_on_a_cpu(kind: Kind, tmp_path: Path) -> None:
    weights = load_weights(tiny_model(kind, tmp_path), device="cpu")
    assert weights.dtype == torch.float32
    assert {parameter.dtype for parameter in weights.model.parameters()} == {torch.float32}
    assert weights.context_tokens == 256
    assert not weights.model.training


def test_the_embedded_base_says_something_and_reads_512_tokens() -> None:
    weights = load_weights(fetch_base("embedded"), device="cpu")
    assert weights.context_tokens == 512
    (reply,) = generate_replies(weights, [[user("Hi, how are you?")]], Sampling(temperature=0), seed=0)
    assert reply


def test_a_folders_own_sampling_habits_are_left_behind() -> None:
    weights = load_weights(fetch_base("embedded"), device="cpu")
    assert weights.model.generation_config.repetition_penalty in (None, 1.0)
    assert not weights.model.generation_config.do_sample


def test_overwriting_the_file_does_not_change_the_loaded_weights(folder: Path) -> None:
    weights = load_weights(folder, device="cpu")
    before = [parameter.clone() for parameter in weights.model.parameters()]
    file = folder / "model.safetensors"
    with file.open("r+b") as stream:
        stream.seek(-2000, 2)
        stream.write(b"\x7f" * 2000)
    assert all(torch.equal(*pair) for pair in zip(before, weights.model.parameters(), strict=True))


def test_prompt_and_answer_together_fit_the_context(folder: Path) -> None:
    weights = load_weights(folder, device="cpu")
    assert weights.room(96) == (160, 96)
    assert weights.room(10_000) == (128, 128)
    assert weights.room(96, context_tokens=100) == (50, 50)


def test_an_adapter_is_merged_into_its_base(folder: Path, tmp_path: Path) -> None:
    adapter = save_adapter(folder, tmp_path / "adapter", scale=0.5)
    base, merged = load_weights(folder, device="cpu"), load_weights(adapter, base_folder=folder, device="cpu")
    names = {name for name, _ in merged.model.named_parameters()}
    assert names == {name for name, _ in base.model.named_parameters()}
    changed = [
        name
        for (name, a), b in zip(base.model.named_parameters(), merged.model.parameters(), strict=True)
        if not torch.equal(a, b)
    ]
    assert changed
    assert all("q_proj" in name for name in changed)


def test_an_adapter_without_its_base_is_refused(folder: Path, tmp_path: Path) -> None:
    adapter = save_adapter(folder, tmp_path / "adapter", scale=0.5)
    with pytest.raises(WrongUsage, match="adapter"):
        load_weights(adapter, device="cpu")


def test_an_adapter_that_does_not_fit_its_base_is_damaged(folder: Path, tmp_path: Path) -> None:
    adapter = save_adapter(folder, tmp_path / "adapter", scale=0.5)
    with pytest.raises(ModelDamaged):
        load_weights(adapter, base_folder=tiny_model("gpt2", tmp_path / "other"), device="cpu")


def test_an_adapter_with_pickled_weights_is_refused(folder: Path, tmp_path: Path) -> None:
    adapter = save_adapter(folder, tmp_path / "adapter", scale=0.5)
    (adapter / "adapter_model.safetensors").rename(adapter / "adapter_model.bin")
    with pytest.raises(UnsafeModel):
        load_weights(adapter, base_folder=folder, device="cpu")


def _truncate(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def _scramble_header(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(b"\xff" * 64 + file.read_bytes()[64:])


def _break_config(folder: Path) -> None:
    (folder / "config.json").write_text("{not json")


def _claim_more_layers(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 3, "layer_types": None}))


def _claim_other_sizes(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "intermediate_size": 80}))


def _claim_unknown_type(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"model_type": "made-up"}))


def _break_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("[]")


def _lose_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


@pytest.mark.parametrize(
    "damage",
    [
        _truncate,
        _scramble_header,
        _break_config,
        _claim_more_layers,
        _claim_other_sizes,
        _claim_unknown_type,
        _break_tokenizer,
        _lose_weights,
    ],
)
def test_a_damaged_folder_is_said_to_be_damaged(damage: Callable[[Path], None], folder: Path) -> None:
    damage(folder)
    with pytest.raises(ModelDamaged) as caught:
        load_weights(folder, device="cpu")
    assert folder.name in str(caught.value)
    assert caught.value.advice


class _Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("/tmp/mynah-was-here"),))  # noqa: S108 - must not be written


def test_pickled_weights_are_refused_and_never_run(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(_Bomb()))
    with pytest.raises(UnsafeModel, match="pickles"):
        load_weights(folder, device="cpu")
    with pytest.raises(UnsafeModel, match="pickles"):
        fetch_base(str(folder))
    assert not Path("/tmp/mynah-was-here").exists()  # noqa: S108


def test_a_pickle_beside_safetensors_is_not_read(folder: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(_Bomb()))
    load_weights(folder, device="cpu")
    assert not Path("/tmp/mynah-was-here").exists()  # noqa: S108


def test_a_model_with_code_of_its_own_is_refused(folder: Path) -> None:
    (folder / "config.json").write_text(
        json.dumps({"model_type": "made-up", "auto_map": {"AutoConfig": "code.A", "AutoModelForCausalLM": "code.B"}})
    )
    (folder / "code.py").write_text("raise SystemExit('ran')")
    with pytest.raises(UnsafeModel, match="code of its own"):
        load_weights(folder, device="cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_device_that_is_not_there_is_refused_with_those_that_are(folder: Path) -> None:
    with pytest.raises(WrongUsage, match="cpu"):
        load_weights(folder, device="cuda")


@pytest.mark.parametrize(
    "name", ["../outside", "a/../../b", "/no/such/folder", "a/b/c", "", "-rf", "a b", "x" * 300, "~/none", "\x00", "."]
)
def test_a_name_that_is_no_model_is_refused_with_advice(name: str) -> None:
    with pytest.raises(WrongUsage) as caught:
        fetch_base(name)
    assert caught.value.advice


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongUsage, match=r"config\.json"):
        fetch_base(str(tmp_path))


def test_a_file_is_not_a_folder(folder: Path) -> None:
    with pytest.raises(WrongUsage):
        fetch_base(str(folder / "config.json"))


def test_a_hub_name_without_a_network_is_a_clear_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(MynahError, match="somebody/some-model") as caught:
        fetch_base("somebody/some-model")
    assert "embedded" in caught.value.advice


def test_weights_load_the_same_twice(folder: Path, weights_of: Callable[[Kind], LoadedWeights]) -> None:
    again = load_weights(folder, device="cpu")
    pairs = zip(weights_of("llama").model.parameters(), again.model.parameters(), strict=True)
    assert all(torch.equal(*pair) for pair in pairs)
