"""The sizes a model can be grown in: names for known shapes, shapes of one's own, and what each is in numbers.

Parameters are counted by arithmetic, so that also the size of a model that no machine here could hold is known at once;
tests compare the count with the models themselves. It knows shapes only: not what a shape costs on a machine (that is
`estimate`), and nothing of data.
"""

import difflib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from storage.errors import WrongUsage
from trainer.growing.tokenising import FEWEST_TOKENS

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

Architecture = Literal["llama", "gpt2"]
"""`llama`: rotary positions, gated feed-forward, no biases. `gpt2`: learnt positions, plain feed-forward, biases."""

PAD_ID, BOS_ID, EOS_ID = 0, 1, 2
"""Where the chat's padding, beginning and end stand in every vocabulary that is grown here."""
MOST_VOCABULARY = 262_144
FEWEST_CONTEXT = 16
MOST_CONTEXT = 131_072
_HEAD = 64
"""The usual width of one head, and what matrices should be a multiple of to be multiplied quickly."""


@dataclass(frozen=True, slots=True)
class Size:
    """One shape of a model. Made through `choose_size`, which refuses shapes that cannot be built."""

    name: str
    architecture: Architecture
    layers: int
    hidden: int
    """Width: numbers a token."""
    heads: int
    feed_forward: int
    """Inner width of the feed-forward part."""
    context: int
    """The longest text, in tokens."""
    vocabulary: int
    """Tokens there are; the embedding of a token is also its output weight."""

    @property
    def parameters(self) -> int:
        """How many numbers are learnt."""
        return self.embedding_parameters + self.matrix_parameters + self.small_parameters

    @property
    def embedding_parameters(self) -> int:
        """Of tokens, and of positions where they are learnt. Counted once: input and output share them."""
        positions = self.context if self.architecture == "gpt2" else 0
        return (self.vocabulary + positions) * self.hidden

    @property
    def matrix_parameters(self) -> int:
        """Of the layers' matrices: what nearly all of the arithmetic goes through."""
        matrices = 3 if self.architecture == "llama" else 2
        return self.layers * (4 * self.hidden**2 + matrices * self.hidden * self.feed_forward)

    @property
    def small_parameters(self) -> int:
        """Of norms and biases."""
        if self.architecture == "llama":
            return self.layers * 2 * self.hidden + self.hidden
        return self.layers * (9 * self.hidden + self.feed_forward) + 2 * self.hidden

    def flops_a_token(self, context: int | None = None) -> float:
        """Arithmetic operations to learn from one token, forward and backward.

        Six for each number that a token is multiplied with, and twelve a layer for each place it attends to (Chowdhery
        et al. 2022, appendix B). Attention to what comes later is counted, as is usual, though it is thrown away.

        Args:
            context: tokens that are read together; the size's own if not given.
        """
        multiplied = self.matrix_parameters + self.vocabulary * self.hidden
        return 6.0 * multiplied + 12.0 * self.layers * self.hidden * (context or self.context)

    def shaped(
        self, architecture: Architecture | None = None, vocabulary: int | None = None, context: int | None = None
    ) -> "Size":
        """The same size in another architecture, or with another vocabulary or context.

        Between architectures the feed-forward part keeps its number of parameters: a gated one has three matrices
        where a plain one has two.

        Raises:
            WrongUsage: that cannot be built.
        """
        wanted = architecture or self.architecture
        feed_forward = self.feed_forward
        if wanted != self.architecture:
            feed_forward = _nearest(feed_forward * (2 / 3 if wanted == "llama" else 3 / 2))
        return _checked(
            replace(
                self,
                architecture=wanted,
                feed_forward=feed_forward,
                vocabulary=self.vocabulary if vocabulary is None else vocabulary,
                context=self.context if context is None else context,
            )
        )

    def configuration(
        self, architecture: Architecture | None = None, vocabulary: int | None = None, context: int | None = None
    ) -> "PreTrainedConfig":
        """What transformers builds the model from: `AutoModelForCausalLM.from_config(size.configuration())`.

        No dropout: text that is read about once needs none. Input and output embeddings are one.

        Args:
            architecture: another than the size's own.
            vocabulary: tokens of the tokenizer that is used.
            context: the longest text, in tokens.

        Raises:
            WrongUsage: that cannot be built.
        """
        size = self.shaped(architecture, vocabulary, context)
        return size._llama() if size.architecture == "llama" else size._gpt2()

    def _llama(self) -> "PreTrainedConfig":
        from transformers import LlamaConfig

        return LlamaConfig(
            vocab_size=self.vocabulary,
            hidden_size=self.hidden,
            intermediate_size=self.feed_forward,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            num_key_value_heads=self.heads,
            head_dim=self.hidden // self.heads,
            max_position_embeddings=self.context,
            rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
            tie_word_embeddings=True,
            **_ids(),
        )

    def _gpt2(self) -> "PreTrainedConfig":
        from transformers import GPT2Config

        return GPT2Config(
            vocab_size=self.vocabulary,
            n_embd=self.hidden,
            n_inner=self.feed_forward,
            n_layer=self.layers,
            n_head=self.heads,
            n_positions=self.context,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            tie_word_embeddings=True,
            **_ids(),
        )


def _ids() -> dict[str, Any]:
    return {"pad_token_id": PAD_ID, "bos_token_id": BOS_ID, "eos_token_id": EOS_ID}


SIZES = {
    size.name: size
    for size in (
        # For text of one's own, on one's own machine. `micro` is for an embedded model.
        Size("nano", "llama", 4, 128, 4, 352, 256, 2048),
        Size("micro", "llama", 4, 320, 5, 864, 512, 4096),
        Size("mini", "llama", 6, 512, 8, 1408, 1024, 8192),
        Size("small", "llama", 10, 640, 10, 1728, 1024, 16_384),
        # Radford et al. 2018 (with GPT-2's order of norms) and 2019.
        Size("gpt1", "gpt2", 12, 768, 12, 3072, 512, 40_478),
        Size("gpt2", "gpt2", 12, 768, 12, 3072, 1024, 50_257),
        Size("gpt2-medium", "gpt2", 24, 1024, 16, 4096, 1024, 50_257),
        Size("gpt2-large", "gpt2", 36, 1280, 20, 5120, 1024, 50_257),
        Size("gpt2-xl", "gpt2", 48, 1600, 25, 6400, 1024, 50_257),
        # Brown et al. 2020, table 2.1. Its 1.3B has 24 heads of 128 in a width of 2,048, and its 13B a width of 5,140 for
        # 40 heads of 128: neither can be built, so here they have 16 heads, and 5,120.
        Size("gpt3-350m", "gpt2", 24, 1024, 16, 4096, 2048, 50_257),
        Size("gpt3-760m", "gpt2", 24, 1536, 16, 6144, 2048, 50_257),
        Size("gpt3-1.3b", "gpt2", 24, 2048, 16, 8192, 2048, 50_257),
        Size("gpt3-2.7b", "gpt2", 32, 2560, 32, 10_240, 2048, 50_257),
        Size("gpt3-6.7b", "gpt2", 32, 4096, 32, 16_384, 2048, 50_257),
        Size("gpt3-13b", "gpt2", 40, 5120, 40, 20_480, 2048, 50_257),
        Size("gpt3-175b", "gpt2", 96, 12_288, 96, 49_152, 2048, 50_257),
    )
}
"""The named sizes, smallest first."""

DEFAULT_SIZE = "micro"


def choose_size(
    name: str = DEFAULT_SIZE,
    *,
    architecture: str | None = None,
    vocabulary: int | None = None,
    context: int | None = None,
    layers: int | None = None,
    hidden: int | None = None,
    heads: int | None = None,
    feed_forward: int | None = None,
) -> Size:
    """A named size, or one of one's own that differs from it.

    Another width brings the heads and the feed-forward part that go with it, unless they are given too. A size whose
    shape differs is called `custom`.

    Raises:
        WrongUsage: there is no such size or architecture (lists what there is), or the shape cannot be built.
    """
    if name not in SIZES:
        near = difflib.get_close_matches(name, SIZES, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise WrongUsage(f"There is no size {name!r}.{hint}", advice=f"The sizes are: {', '.join(SIZES)}.")
    size = SIZES[name].shaped(_architecture(architecture), vocabulary, context)
    if all(given is None for given in (layers, hidden, heads, feed_forward)):
        return size
    if hidden is not None and hidden != size.hidden:
        inner = hidden * (8 / 3 if size.architecture == "llama" else 4)
        size = replace(size, hidden=hidden, heads=max(1, round(hidden / _HEAD)), feed_forward=_nearest(inner))
    size = replace(
        size,
        name="custom",
        layers=size.layers if layers is None else layers,
        heads=size.heads if heads is None else heads,
        feed_forward=size.feed_forward if feed_forward is None else feed_forward,
    )
    return _checked(size)


def _architecture(given: str | None) -> Architecture | None:
    for known in get_args(Architecture):
        if given == known:
            return known  # type: ignore[no-any-return]  # one of the literal's own words
    if given is None:
        return None
    raise WrongUsage(f"There is no architecture {given!r}.", advice=f"Use one of: {', '.join(get_args(Architecture))}.")


def _nearest(width: float) -> int:
    """The nearest width that is multiplied quickly."""
    return max(_HEAD, round(width / _HEAD) * _HEAD)


def _checked(size: Size) -> Size:
    """The size, if it can be built.

    Raises:
        WrongUsage: it cannot; says which figure is wrong and what would do.
    """
    for what, number in (
        ("layers", size.layers),
        ("hidden", size.hidden),
        ("heads", size.heads),
        ("feed-forward", size.feed_forward),
    ):
        if number < 1:
            raise WrongUsage(f"A model cannot have {number} {what}.", advice="Give a number from 1 on.")
    if not FEWEST_TOKENS <= size.vocabulary <= MOST_VOCABULARY:
        raise WrongUsage(
            f"A vocabulary of {size.vocabulary:,} does not fit.",
            advice=f"All bytes and the chat's own tokens need {FEWEST_TOKENS}; {MOST_VOCABULARY:,} is the most.",
        )
    if not FEWEST_CONTEXT <= size.context <= MOST_CONTEXT:
        raise WrongUsage(
            f"A context of {size.context:,} tokens does not fit.",
            advice=f"Give a number from {FEWEST_CONTEXT} to {MOST_CONTEXT:,}.",
        )
    if size.hidden % size.heads or (size.architecture == "llama" and size.hidden // size.heads % 2):
        raise WrongUsage(
            f"A width of {size.hidden} cannot be shared among {size.heads} heads.",
            advice="The width must be a multiple of the heads"
            + (", with an even share for each." if size.architecture == "llama" else "."),
        )
    return size
