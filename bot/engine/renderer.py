"""Turns to token ids: the one function that both serving and training read a conversation through.

Promises, held by tests over several tokenizer shapes:
- A training example begins with exactly the ids that serving would have prompted with for its last answer.
- Words inside a message are never control tokens, whatever they spell: a spelling such as `<|end|>` is cut before it
  is encoded, so it reaches the model as ordinary text.
- Every answer that is learnt ends with a token that ends answers when serving.

Works with any chat template (marks for the assistant's words are not needed: spans are found by comparing the prompt
with the whole), and with none. It does not know models, devices or sampling.
"""

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.engine.protocol import PromptTooLong
from bot.engine.templates import PlainTemplate, Template, TokenizerTemplate, system_first
from storage.errors import WrongUsage
from storage.values import Message, Role

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CUT = "\ufdd0"
"""Where text is cut before encoding. A Unicode non-character, taken out of every message first."""

_LOOKS_LIKE_CONTROL = re.compile(r"^(<[^\s>]+>|\[[^\s\]]+\])$")
_SURROGATES = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class RenderedExample:
    """A conversation to learn from, as the model reads it."""

    ids: list[int]
    learnt: list[bool]
    """As long as `ids`: true for the assistant's words and the token that ends them."""


class PromptRenderer:
    """Renders conversations for one tokenizer. Safe to use from several threads."""

    def __init__(self, tokenizer: "PreTrainedTokenizerBase", *, end_ids: Sequence[int] = ()) -> None:
        """Look at the tokenizer and find out what its template allows.

        Args:
            tokenizer: with or without a chat template.
            end_ids: further tokens that end an answer, such as a model's own `eos_token_id` list.
        """
        self._tokenizer = tokenizer
        self._lock = threading.Lock()  # a fast tokenizer raises "Already borrowed" when two threads reconfigure it
        controls = _control_tokens(tokenizer)
        spellings = sorted((spelling for spelling, _ in controls.values()), key=len, reverse=True)
        self._control_spelling = re.compile("|".join(re.escape(spelling) for spelling in spellings) or r"(?!)")
        self._matched_after_folding = {token_id for token_id, (_, is_folded) in controls.items() if is_folded}
        self._template: Template = TokenizerTemplate.of(tokenizer) or PlainTemplate.of(tokenizer)
        self._end_id = self._find_end_id(set(controls))
        self.stop_ids = frozenset({*end_ids, *([] if self._end_id is None else [self._end_id])} | _eos_ids(tokenizer))
        """Tokens that end an answer."""
        self.stop_strings: tuple[str, ...] = self._template.stop_strings
        """Text that ends an answer, because it begins somebody's next turn."""

    @property
    def pad_id(self) -> int:
        """A token to fill short rows with; it is always masked."""
        pad = self._tokenizer.pad_token_id
        return int(pad) if isinstance(pad, int) else min(self.stop_ids, default=0)

    def prompt(self, messages: Sequence[Message], *, max_tokens: int) -> list[int]:
        """Token ids that ask for the next answer; the oldest turns are left out until they are at most `max_tokens`.

        A leading system message is kept.

        Raises:
            PromptTooLong: the last message alone does not fit.
            WrongUsage: there is no message, or the last one is empty.
        """
        turns = self._harmless(messages)
        if not messages or not turns or not messages[-1].text.strip():
            raise WrongUsage("There is nothing to answer.", advice="Write a message first.")
        for kept in self._shorter_and_shorter(turns, lambda kept: len(self._prompt_ids(kept)) <= max_tokens):
            return self._prompt_ids(kept)
        raise _too_long(max_tokens)

    def training_example(self, messages: Sequence[Message], *, max_tokens: int) -> RenderedExample:
        """The conversation up to its last assistant turn, at most `max_tokens` long, and which tokens are learnt.

        The last answer is always learnt; earlier ones where the template leaves them as they were when they were
        given (some templates rewrite earlier turns). Oldest turns are left out until the rest fits.

        Raises:
            PromptTooLong: the last answer and the message before it do not fit.
            WrongUsage: nothing was said by the assistant, or nothing before it.
        """
        turns = self._harmless(messages)
        while turns and turns[-1].role is not Role.ASSISTANT:
            turns.pop()
        asked = [index for index, turn in enumerate(turns) if turn.role is Role.USER]
        if not asked:
            raise WrongUsage("There is nothing to learn here.", advice="An example is a message and its answer.")
        needed = len(turns) - asked[-1]
        for kept in self._shorter_and_shorter(turns, lambda kept: len(self._example(kept).ids) <= max_tokens, needed):
            return self._example(kept)
        raise _too_long(max_tokens)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of some tokens, control tokens left out."""
        # Without the lock: decoding reconfigures nothing, and answers under way need not wait for a long prompt.
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def _prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        return self._asking_ids(self._template.arrange(messages))

    def _asking_ids(self, turns: Sequence[Message]) -> list[int]:
        return self._encode(self._template.render(turns, asks=True))

    def _example(self, messages: Sequence[Message]) -> RenderedExample:
        turns = self._template.arrange(messages)
        prompt = self._asking_ids(turns[:-1])
        whole_text = self._template.render(turns, asks=False)
        ids = self._encode(whole_text)
        if ids[: len(prompt)] != prompt:
            return self._last_answer_only(turns, prompt, whole_text)
        learnt = [False] * len(ids)
        for position in range(1, len(turns) - 1):
            if turns[position].role is Role.ASSISTANT and turns[position - 1].role is not Role.SYSTEM:
                start, end = self._span(turns, position, ids)
                learnt[start:end] = [True] * (end - start)
        ids, end = self._ended(ids, len(prompt))
        return RenderedExample(ids, [*learnt[: len(prompt)], *[True] * (end - len(prompt))])

    def _span(self, turns: Sequence[Message], position: int, ids: list[int]) -> tuple[int, int]:
        """Where the answer at `position` lies in `ids`; empty where the template has rewritten it since."""
        prompt = self._asking_ids(turns[:position])
        upto = self._encode(self._template.render(turns[: position + 1], asks=False))
        if ids[: len(upto)] != upto or upto[: len(prompt)] != prompt:
            return 0, 0
        ends = (index + 1 for index in range(len(prompt), len(upto)) if upto[index] in self.stop_ids)
        return len(prompt), next(ends, len(upto))

    def _last_answer_only(self, turns: Sequence[Message], prompt: list[int], whole_text: str) -> RenderedExample:
        """An example for templates whose whole does not continue their prompt, token by token."""
        prompt_text = self._template.render(turns[:-1], asks=True)
        if whole_text.startswith(prompt_text):
            answer = self._encode(whole_text[len(prompt_text) :])
        else:
            answer = self._encode(self._template.answer_opening + turns[-1].text)
        ids, end = self._ended([*prompt, *answer], len(prompt))
        return RenderedExample(ids, [index >= len(prompt) for index in range(end)])

    def _ended(self, ids: list[int], start: int) -> tuple[list[int], int]:
        """The ids up to the first end token after `start`, which is added where the template has none."""
        for index in range(start, len(ids)):
            if ids[index] in self.stop_ids:
                return ids[: index + 1], index + 1
        ended = ids if self._end_id is None else [*ids, self._end_id]
        return ended, len(ended)

    def _encode(self, text: str) -> list[int]:
        with self._lock:
            parts = [self._tokenizer.encode(part, add_special_tokens=False) for part in text.split(CUT) if part]
        return [int(token) for part in parts for token in part]

    def _harmless(self, messages: Sequence[Message]) -> list[Message]:
        """The messages that say something, the system's first, none of them with control tokens in its words."""
        said = [replace(message, text=self._harmless_text(message.text)) for message in messages]
        return system_first([message for message in said if message.text])

    def _harmless_text(self, text: str) -> str:
        """The text, cut wherever it spells a control token. Lone surrogates, which cannot be encoded, are replaced."""
        text = _SURROGATES.sub("\ufffd", text.replace(CUT, "")).strip()
        text = self._template.quote(text)
        text = self._control_spelling.sub(lambda match: f"{match[0][:1]}{CUT}{match[0][1:]}", text)
        if self._matched_after_folding and not self._matched_after_folding.isdisjoint(self._encode(text)):
            return CUT.join(text.replace(CUT, ""))
        return text

    def _find_end_id(self, controls: set[int]) -> int | None:
        """The token that the template puts after an answer, or else the tokenizer's own end."""
        for token in self._encode(self._template.after_answer):
            if token in controls:
                return token
        eos = self._tokenizer.eos_token_id
        return int(eos) if isinstance(eos, int) else None

    def _shorter_and_shorter(
        self, turns: list[Message], fits: Callable[[list[Message]], bool], needed: int = 1
    ) -> Iterator[list[Message]]:
        """The longest end of the turns that fits, if one of at least `needed` does; a system message stays in front."""
        if fits(turns):
            yield turns
            return
        head = turns[:1] if turns[0].role is Role.SYSTEM else []
        body = turns[len(head) :]

        def kept(dropped: int) -> list[Message]:
            return [*head, *body[dropped:]]

        too_few, enough = 0, len(body) - needed
        if enough <= 0 or not fits(kept(enough)):
            return
        while enough - too_few > 1:  # bisecting: each try renders and encodes all that is kept
            middle = (too_few + enough) // 2
            too_few, enough = (too_few, middle) if fits(kept(middle)) else (middle, enough)
        yield kept(enough)


def _too_long(max_tokens: int) -> PromptTooLong:
    return PromptTooLong(
        f"That message is longer than I can read at once (about {max_tokens * 3 // 4} words).",
        advice="Please send it in smaller pieces.",
    )


def _eos_ids(tokenizer: "PreTrainedTokenizerBase") -> set[int]:
    eos = tokenizer.eos_token_id
    return {int(eos)} if isinstance(eos, int) else set()


def _control_tokens(tokenizer: "PreTrainedTokenizerBase") -> dict[int, tuple[str, bool]]:
    """Ids of control tokens to how they are spelt, and whether they are matched after the text was normalised."""
    controls: dict[int, tuple[str, bool]] = {}
    for token_id, token in tokenizer.added_tokens_decoder.items():
        if token.content and (token.special or _LOOKS_LIKE_CONTROL.match(token.content)):
            controls[int(token_id)] = (token.content, bool(token.normalized))
    return controls
