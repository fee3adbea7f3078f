"""Tiny random models in the shapes that people bring, made offline: everybody's model folders for tests.

Each is a whole folder (safetensors, tokenizer, configuration) of some 100 kB. Their tokenizers are trained here on a
few sentences of ours; their chat templates have the habits of the real ones, good and bad.
"""

import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

Kind = Literal["gpt2", "llama", "qwen2", "qwen3", "smollm", "strict"]
KINDS: tuple[Kind, ...] = get_args(Kind)
CONTEXT = 256

_TEXT = (
    "hello there, how are you doing today? i am doing well, thank you for asking.",
    "game night is on friday at eight, and movie night is on sunday evening.",
    "User: what is your favourite colour? Assistant: i like the blue of the sea.",
    "system user assistant think: you are a helpful bird that repeats what it hears.",
    "The quick brown fox jumps over the lazy dog, 0123456789 times! Really? Yes; (truly) [so] {it} <is> |.",
    "Bread needs flour, water, salt and yeast. Knead it, let it rest, bake it until it sings.",
)

_CHATML = (
    "{% if messages[0]['role'] != 'system' %}<|im_start|>system\nYou are a tiny bird.<|im_end|>\n{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_THINKING = (
    "{% set last = namespace(user=-1) %}"
    "{% for m in messages %}{% if m['role'] == 'user' %}{% set last.user = loop.index0 %}{% endif %}{% endfor %}"
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['role'] == 'assistant' and loop.index0 > last.user %}"
    "<think>\n\n</think>\n\n{{ m['content'].split('</think>')[-1] }}"
    "{% else %}{{ m['content'].split('</think>')[-1] }}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
_HEADERS = (
    "{{ bos_token }}<|start_header_id|>system<|end_header_id|>\n\n"
    "Today is {{ strftime_now('%d %b %Y') if strftime_now is defined else '1 Jan 2024' }}."
    "{% if messages[0]['role'] == 'system' %}{{ messages[0]['content'] | trim }}{% set messages = messages[1:] %}"
    "{% endif %}<|eot_id|>"
    "{% for m in messages %}<|start_header_id|>{{ m['role'] }}<|end_header_id|>\n\n"
    "{{ m['content'] | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
_STRICT = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "{% for m in messages %}"
    "{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}"
    "{% if m['role'] == 'user' %}[INST] {{ m['content'] | trim }} [/INST]"
    "{% else %} {{ m['content'] | trim }}{{ eos_token }}{% endif %}{% endfor %}"
)


def tiny_model(kind: Kind, folder: Path, seed: int = 0) -> Path:
    """A model folder of one shape, written into `folder`; models of different seeds answer differently.

    `gpt2` has no chat template; `llama` puts the date into a system message; `qwen2` and `smollm` add a system
    message of their own; `qwen3` rewrites earlier answers; `strict` refuses a system message and two turns of one
    role in a row. None has marks round the assistant's words.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, contents in _files(kind, seed).items():
        (folder / name).write_bytes(contents)
    return folder


@cache
def _files(kind: Kind, seed: int) -> Mapping[str, bytes]:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]

    tokenizer = _tokenizer(kind)
    with torch.random.fork_rng(), tempfile.TemporaryDirectory() as scratch:
        torch.manual_seed(seed)
        config = AutoConfig.for_model(**_shape(kind, tokenizer))
        model = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
        model.save_pretrained(scratch)
        tokenizer.save_pretrained(scratch)
        files = {path.name: path.read_bytes() for path in sorted(Path(scratch).iterdir())}
    return MappingProxyType(files)


def _shape(kind: Kind, tokenizer: Any) -> dict[str, Any]:
    ends = {"eos_token_id": tokenizer.eos_token_id, "bos_token_id": tokenizer.bos_token_id}
    # A wide spread of weights makes a random model sure of itself: its greedy answers are varied and repeatable.
    shared = {"vocab_size": len(tokenizer), "initializer_range": 0.4, "pad_token_id": tokenizer.pad_token_id, **ends}
    if kind == "gpt2":
        return {"model_type": "gpt2", "n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": CONTEXT, **shared}
    sizes = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": CONTEXT,
        "tie_word_embeddings": True,
    }
    types = {"qwen2": "qwen2", "qwen3": "qwen3", "smollm": "llama", "llama": "llama", "strict": "mistral"}
    extra = {"head_dim": 8} if kind == "qwen3" else {"sliding_window": None} if kind == "strict" else {}
    return {"model_type": types[kind], **sizes, **extra, **shared}


def _tokenizer(kind: Kind) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    specials: dict[Kind, list[str]] = {
        "gpt2": ["<|endoftext|>"],
        "llama": ["<|begin_of_text|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>"],
        "qwen2": ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        "qwen3": ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        "smollm": ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        "strict": ["<s>", "</s>", "[INST]", "[/INST]"],
    }
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=480,
        special_tokens=specials[kind],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(_TEXT, trainer)
    names: dict[Kind, dict[str, str]] = {
        "gpt2": {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"},
        "llama": {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"},
        "qwen2": {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"},
        # The tokenizer of a base model, whose end of text is not the end of a turn.
        "qwen3": {"eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"},
        "smollm": {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "pad_token": "<|im_end|>"},
        "strict": {"bos_token": "<s>", "eos_token": "</s>"},
    }
    templates: dict[Kind, str] = {
        "llama": _HEADERS,
        "qwen2": _CHATML,
        "qwen3": _THINKING,
        "smollm": _CHATML,
        "strict": _STRICT,
    }
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, **names[kind])  # type: ignore[no-untyped-call]
    if kind == "qwen3":
        tokenizer.add_tokens(["<think>", "</think>"])
    tokenizer.chat_template = templates.get(kind)
    return tokenizer
