"""QLoRA: refused where it cannot be had, and what it does where it can."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pytest

from bot.engine.weights import load_weights
from storage.errors import WrongUsage
from storage.values import Message, Role
from tests.fakes.models import tiny_model
from tests.trainer.conftest import teach, with_settings
from trainer import quantising
from trainer.evaluation import document_of, evaluate_conversations
from trainer.quantising import QLORA, require_quantising
from trainer.recipe import Recipe, plan
from trainer.serving import train_now
from trainer.training import Lesson, Watch, save, train
from trainer.world import TrainerWorld


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantising, "find_spec", lambda name: SimpleNamespace(name=name))


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantising, "find_spec", lambda _: None)


@pytest.mark.usefixtures("missing")
def test_without_its_library_it_says_how_to_install_it() -> None:
    with pytest.raises(WrongUsage, match=r"needs bitsandbytes.*mynah\[qlora\].*lora"):
        require_quantising("auto")


@pytest.mark.usefixtures("installed")
def test_on_a_cpu_it_says_what_to_take_instead() -> None:
    with pytest.raises(WrongUsage, match=r"needs a CUDA device, and this trainer uses cpu.*METHOD=lora"):
        require_quantising("cpu")


@pytest.mark.usefixtures("installed")
@pytest.mark.skipif("__import__('torch').cuda.is_available()", reason="there is a CUDA device here")
def test_a_device_that_is_not_there_is_told_of_in_the_same_way() -> None:
    with pytest.raises(WrongUsage, match=r"qlora needs a CUDA device.*no device 'cuda'"):
        require_quantising("cuda")


@pytest.mark.usefixtures("missing")
async def test_no_run_begins_where_it_cannot_be_had(world: TrainerWorld) -> None:
    await teach(world, [("hello", "hello you")])
    with pytest.raises(WrongUsage):
        await train_now(with_settings(world, method=QLORA), by="command")
    assert await world.store.runs.latest() == []


@pytest.mark.skipif(
    importlib.util.find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed: pip install 'mynah[qlora]'"
)
@pytest.mark.filterwarnings("ignore")  # of the library's, about what this machine lacks
def test_what_is_learnt_over_four_bits_answers_over_the_whole_base(tmp_path: Path) -> None:
    base = tiny_model("smollm", tmp_path / "base")
    said = [(Message(Role.USER, f"what of {n}?"), Message(Role.ASSISTANT, f"it is {n}.")) for n in range(6)]
    weights = load_weights(base, device="auto", in_four_bits=True)
    whole = load_weights(base, device="auto")
    assert weights.parameters == whole.parameters
    documents = [document for one in said if (document := document_of(weights, one))]
    recipe = Recipe(QLORA, 2e-2, 4, 10, 200, 0, 0.0, 1)
    steps = plan(recipe, taught_sizes=[[len(one.ids)] for one in documents], replay_sizes=[])
    watch = Watch(on_step=lambda *_: None, check=lambda: None, checkpoint_seconds=1e9)
    done = train(weights, Lesson(documents, [], None, steps), recipe, tmp_path / "checkpoints", watch)
    save(done.model, weights, recipe, tmp_path / "adapter", like=base)
    after = load_weights(tmp_path / "adapter", base_folder=base, device="auto")
    before = evaluate_conversations(whole, said).perplexity
    assert evaluate_conversations(after, said).perplexity < before / 10
