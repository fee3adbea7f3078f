"""Model folders into memory, ready to serve or to train, and where a base comes from.

Promise: nothing in a folder is ever run. Only safetensors are read, and no model's own code. It does not know the
registry, which checks hashes before a folder comes here.
"""

import re
import warnings
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.engine.renderer import PromptRenderer
from storage.errors import ModelDamaged, MynahError, UnsafeModel, WrongUsage

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

EMBEDDED = "embedded"
_ADAPTER_CONFIG = "adapter_config.json"
_ADAPTER_WEIGHTS = "adapter_model.safetensors"
_PICKLED = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".h5", ".msgpack")
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?")
_WANTED = ("*.safetensors", "*.json", "*.jinja", "*.txt", "*.model", "LICENSE*")
_UNWANTED = ("*/*", "consolidated*")
_UNKNOWN_CONTEXT = 1_000_000
"""Tokenizers that know no limit say a number above this."""


@dataclass(frozen=True, slots=True)
class LoadedWeights:
    """A model in memory, with what is needed to talk to it."""

    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    renderer: PromptRenderer
    context_tokens: int
    """Prompt and answer together are never longer."""
    device: "torch.device"
    dtype: "torch.dtype"

    @property
    def parameters(self) -> int:
        """How many numbers the model is made of."""
        return int(self.model.num_parameters())

    def room(self, max_new_tokens: int, *, context_tokens: int | None = None) -> tuple[int, int]:
        """How many tokens a prompt may have, and its answer, within the context (and a smaller one, if given).

        An answer takes at most half of the context.
        """
        context = min(self.context_tokens, context_tokens or self.context_tokens)
        answer = max(1, min(max_new_tokens, context // 2))
        return context - answer, answer


def load_weights(
    folder: Path, *, base_folder: Path | None = None, device: str = "auto", in_four_bits: bool = False
) -> LoadedWeights:
    """Read a model folder, or a LoRA adapter's folder merged into its base. Blocks; run it in a thread.

    Weights are float32 on a CPU and bfloat16 on a GPU, whatever they are stored in.

    Args:
        folder: holds whole weights, or an adapter over `base_folder`.
        base_folder: the frozen model under an adapter.
        device: `auto`, `cpu`, `cuda` or `mps`.
        in_four_bits: whether matrices are kept in four bits, to train an adapter over them; needs bitsandbytes.

    Raises:
        UnsafeModel: there are pickled weights and no safetensors, or it needs code of its own.
        ModelDamaged: the files cannot be read as a model.
        WrongUsage: the folder is not a model, an adapter came without its base, or the device is not there.
    """
    import torch
    from transformers import GenerationConfig
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]  # it would write over the terminal chat
    place = find_device(device)
    is_adapter = (folder / _ADAPTER_CONFIG).is_file()
    if is_adapter and base_folder is None:
        raise WrongUsage(
            f"{folder.name} is an adapter.", advice="Load it together with the model that it was made for."
        )
    whole = base_folder if is_adapter and base_folder is not None else folder
    _check_folder(whole)
    dtype = torch.bfloat16 if place.type == "cuda" else torch.float32
    with _damage_told(folder):
        model = _read_model(whole, dtype, place, in_four_bits=in_four_bits)
        if is_adapter:
            model = _merge_adapter(model, folder)
        tokenizer = _read_tokenizer(folder if (folder / "tokenizer_config.json").is_file() else whole)
    end_ids = {*_ids(model.generation_config.eos_token_id), *_ids(model.config.get_text_config().eos_token_id)}
    renderer = PromptRenderer(tokenizer, end_ids=sorted(end_ids))
    # A folder's own sampling habits (a penalty, a temperature) would be mixed into every call of `generate`.
    ending: dict[str, Any] = {"eos_token_id": sorted(renderer.stop_ids) or None, "pad_token_id": renderer.pad_id}
    model.generation_config = GenerationConfig(**ending)  # type: ignore[no-untyped-call]
    for parameter in (
        () if in_four_bits else model.parameters()
    ):  # a file stays mapped otherwise, and dies with whoever truncates it
        parameter.data = parameter.data.clone().to(place)
    model.train(False)
    return LoadedWeights(model, tokenizer, renderer, _context_tokens(model, tokenizer), place, dtype)


def find_device(wanted: str) -> "torch.device":
    """The device to compute on; `auto` takes a GPU when there is one.

    Raises:
        WrongUsage: this machine has no such device.
    """
    import torch

    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return torch.device(next(name for name in ("cuda", "mps", "cpu") if there[name]))
    if not there.get(wanted, False):
        usable = ", ".join(name for name, is_there in there.items() if is_there)
        raise WrongUsage(f"This machine has no device {wanted!r}.", advice=f"Use auto, or one of: {usable}.")
    return torch.device(wanted)


def fetch_base(name: str) -> Path:
    """The folder of a base model: the embedded one, a folder, or a name on the Hugging Face hub (downloaded once).

    Blocks; run it in a thread.

    Raises:
        WrongUsage: it is not a name, there is no such folder, or the folder is not a model.
        UnsafeModel: its weights are only there as pickles.
        MynahError: the hub could not be reached, or has no such model.
    """
    if name == EMBEDDED:
        return Path(__file__).with_name("embedded")
    folder = _existing(name)
    if folder is not None and folder.is_dir():
        _check_folder(folder)
        return folder
    if folder is not None or not _HUB_NAME.fullmatch(name) or ".." in name:
        raise WrongUsage(
            f"There is no model folder {name!r}.",
            advice="Give `embedded`, a folder with config.json and safetensors, or a hub name such as owner/model.",
        )
    downloaded = _download(name)
    _check_folder(downloaded)
    return downloaded


def _existing(name: str) -> Path | None:
    try:
        path = Path(name).expanduser()
        return path if path.exists() else None
    except (OSError, RuntimeError, ValueError):  # too long for a path, nobody's home, a NUL
        return None


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=list(_WANTED), ignore_patterns=list(_UNWANTED)))
    except GatedRepoError as error:
        raise MynahError(
            f"The hub lets only people with permission have {name!r}.",
            advice="Ask for it on the model's page, then set HF_TOKEN.",
        ) from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise WrongUsage(
            f"There is no folder and no model on the hub called {name!r}.",
            advice="Check the spelling: a hub name looks like owner/model.",
        ) from error
    except Exception as error:  # every layer of the download raises its own: sockets, TLS, HTTP, the cache, the disk
        raise MynahError(
            f"The model {name!r} could not be downloaded ({type(error).__name__}).",
            advice="Check the network, or give a folder that holds the model, or use `embedded`.",
        ) from error


def _check_folder(folder: Path) -> None:
    if (folder / _ADAPTER_CONFIG).is_file() and not (folder / "config.json").is_file():
        raise WrongUsage(f"{folder.name} is an adapter, not a whole model.", advice="Give the model it was made for.")
    if not (folder / "config.json").is_file():
        raise WrongUsage(f"{folder} is not a model folder: it has no config.json.", advice="Check the path.")
    if not any(folder.glob("*.safetensors")):
        if any(path.suffix in _PICKLED for path in folder.iterdir()):
            raise UnsafeModel(
                f"{folder.name} has its weights only as pickles, which can run code when they are read.",
                advice="Convert it to safetensors first, or choose another model.",
            )
        raise ModelDamaged(f"{folder.name} has no weights.", advice="Fetch it again, or choose another model.")


def _read_model(
    folder: Path, dtype: "torch.dtype", place: "torch.device", *, in_four_bits: bool = False
) -> "PreTrainedModel":
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    extra: dict[str, Any] = {}
    if in_four_bits:
        four: Any = BitsAndBytesConfig(  # type: ignore[no-untyped-call]  # the values of Dettmers et al. 2023
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
        extra = {"quantization_config": four, "device_map": {"": place}}
    loaded: Any = AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=dtype,
        use_safetensors=True,
        trust_remote_code=False,
        local_files_only=True,
        output_loading_info=True,
        **extra,
    )
    model: PreTrainedModel = loaded[0]
    missing = sorted(loaded[1]["missing_keys"])
    if missing:  # transformers would make up random numbers for them
        raise ModelDamaged(
            f"{folder.name} lacks weights that its config.json asks for, such as {missing[0]}.",
            advice="Fetch it again, or choose another model.",
        )
    return model


def _merge_adapter(model: "PreTrainedModel", folder: Path) -> "PreTrainedModel":
    from peft import PeftConfig, get_peft_model, set_peft_model_state_dict
    from safetensors.torch import load_file

    if not (folder / _ADAPTER_WEIGHTS).is_file():
        raise UnsafeModel(f"{folder.name} has no {_ADAPTER_WEIGHTS}.", advice="Only safetensors are read.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that peft still uses and transformers has given up
        wrapped = get_peft_model(model, PeftConfig.from_pretrained(str(folder)))
        report: Any = set_peft_model_state_dict(wrapped, load_file(folder / _ADAPTER_WEIGHTS))
    # Peft's own loader only warns here, and would serve the base under the adapter's name.
    strangers = [*report.unexpected_keys, *(name for name in report.missing_keys if ".lora_" in name)]
    if strangers:
        raise ModelDamaged(
            f"{folder.name} does not fit its base model: {strangers[0]}.", advice="Roll back to another version."
        )
    merged: PreTrainedModel = wrapped.merge_and_unload()
    return merged


def _read_tokenizer(folder: Path) -> "PreTrainedTokenizerBase":
    from transformers import AutoTokenizer

    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
        folder, trust_remote_code=False, local_files_only=True
    )
    return tokenizer


@contextmanager
def _damage_told(folder: Path) -> "Iterator[None]":
    """Whatever the libraries say about a folder, as one of our errors."""
    try:
        yield
    except MynahError:
        raise
    except Exception as error:
        if "trust_remote_code" in str(error):
            raise UnsafeModel(
                f"{folder.name} can only be read by running code of its own.",
                advice="Choose a model that transformers knows.",
            ) from error
        raise ModelDamaged(
            f"{folder.name} cannot be read as a model ({type(error).__name__}: {_first_line(error)}).",
            advice="Fetch it again, or roll back to another version.",
        ) from error


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0][:200] if lines else ""


def _context_tokens(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> int:
    config = model.config.get_text_config()
    names = ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length", "n_ctx")
    limits = [getattr(config, name, None) for name in names] + [tokenizer.model_max_length]
    known = [int(limit) for limit in limits if isinstance(limit, int | float) and 0 < limit < _UNKNOWN_CONTEXT]
    return min(known, default=2048)


def _ids(ids: Any) -> list[int]:
    """Token ids out of a configuration, which has one, several or none."""
    if isinstance(ids, int):
        return [ids]
    return [int(token) for token in ids] if isinstance(ids, Sequence) else []
