"""A tokenizer grown from prepared talk: byte-level BPE, so that no text is unknown, with the marks that a chat needs.

Its chat template says which words are the assistant's (`{% generation %}`), and a longer conversation always begins
with the tokens of a shorter one: what was cached for one turn serves the next.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from storage.errors import WrongUsage

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PAD, BOS, END, USER, ASSISTANT, SYSTEM = (
    "<|pad|>",
    "<|bos|>",
    "<|end|>",
    "<|user|>",
    "<|assistant|>",
    "<|system|>",
)
MARKS = (PAD, BOS, END, USER, ASSISTANT, SYSTEM)
"""The special tokens, by their ids from 0 on."""
FEWEST_TOKENS = 256 + len(MARKS)
"""Every byte and every mark."""
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if m['role'] == 'assistant' %}<|assistant|>{% generation %}{{ m['content'] | trim }}<|end|>{% endgeneration %}"
    "{% elif m['role'] == 'user' %}<|user|>{{ m['content'] | trim }}<|end|>"
    "{% else %}<|system|>{{ m['content'] | trim }}<|end|>{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def grow_tokenizer(texts: Iterable[str], vocabulary: int, context: int) -> "PreTrainedTokenizerBase":
    """A tokenizer of at most some size, from the texts; they are read once and not kept. Blocks.

    Args:
        texts: messages, without any marks.
        vocabulary: tokens, marks and single bytes included. Little text gives fewer.
        context: the most tokens that the model reads.

    Raises:
        WrongUsage: the vocabulary has no room for every byte and the marks.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    if vocabulary < FEWEST_TOKENS:
        raise WrongUsage(f"a vocabulary of {vocabulary} has no room for every byte: take {FEWEST_TOKENS} or more")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(MARKS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        min_frequency=2,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token=PAD,
        bos_token=BOS,
        eos_token=END,
        additional_special_tokens=[USER, ASSISTANT, SYSTEM],
        model_max_length=context,
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def load_tokenizer(folder: Path) -> "PreTrainedTokenizerBase":
    """A model folder's own tokenizer, never from a network."""
    from transformers import AutoTokenizer

    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return tokenizer
