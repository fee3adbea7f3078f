"""How turns become one text: by the tokenizer's own chat template, or by a plain one of ours where it has none.

Chat templates differ in what they allow (a system message, two turns of one role in a row, an assistant speaking
first). What a template allows is found out once, by rendering made-up turns; conversations are then arranged to suit.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

from storage.values import Message, Role

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_FIRST, _SECOND, _THIRD = "zqfirst", "zqsecond", "zqthird"


class Template(Protocol):
    """Arranges and renders turns."""

    @property
    def after_answer(self) -> str:
        """What is rendered between an answer and the next turn's words."""
        ...

    @property
    def answer_opening(self) -> str:
        """What goes between a prompt and the first word of its answer."""
        ...

    @property
    def stop_strings(self) -> tuple[str, ...]:
        """Text that begins somebody's next turn, where no token ends an answer reliably."""
        ...

    def arrange(self, messages: Sequence[Message]) -> list[Message]:
        """The turns in a form that `render` accepts."""
        ...

    def quote(self, text: str) -> str:
        """A message's text, so that it cannot pass for the template's own."""
        ...

    def render(self, messages: Sequence[Message], *, asks: bool) -> str:
        """One text; with `asks`, it ends where the next answer begins."""
        ...


@dataclass(frozen=True, slots=True)
class PlainTemplate:
    """`User: …`, `Assistant: …` lines, for models that were never given a chat template, such as GPT-2.

    An answer ends with the tokenizer's end token, so a trained model learns to stop; an untrained one goes on to
    invent the user's next line, which `stop_strings` catch.
    """

    beginning: str
    end: str
    after_answer: str
    answer_opening: str = " "
    stop_strings: tuple[str, ...] = ("\nUser:", "\nAssistant:", "\nSystem:")

    @classmethod
    def of(cls, tokenizer: "PreTrainedTokenizerBase") -> "PlainTemplate":
        """The plain template in the words of a tokenizer."""
        opens_with = [int(token) for token in tokenizer.encode("")]
        bos = tokenizer.bos_token_id
        beginning = str(tokenizer.bos_token) if opens_with and opens_with[0] == bos else ""
        end = str(tokenizer.eos_token) if isinstance(tokenizer.eos_token, str) else ""
        return cls(beginning, end, f"{end}\nUser: ")

    def arrange(self, messages: Sequence[Message]) -> list[Message]:
        """The turns, with system messages put together in front."""
        return system_first(messages)

    def quote(self, text: str) -> str:
        """The text, indented where a line of it would pass for a turn."""
        return re.sub(r"(?i)(?<=[\n\r\u2028\u2029\v\f\x85])(user|assistant|system)(?=\s*:)", r" \1", text)

    def render(self, messages: Sequence[Message], *, asks: bool) -> str:
        """One line a turn, the end token after each answer."""
        lines = [
            f"{message.role.capitalize()}: {message.text}{self.end if message.role is Role.ASSISTANT else ''}"
            for message in messages
        ]
        return self.beginning + "\n".join([*lines, "Assistant:"] if asks else lines)


@dataclass(frozen=True, slots=True)
class TokenizerTemplate:
    """A tokenizer's chat template, and what it allows."""

    tokenizer: "PreTrainedTokenizerBase"
    allows_system: bool = True
    allows_same_role_again: bool = True
    allows_assistant_first: bool = True
    after_answer: str = ""
    answer_opening: str = ""
    stop_strings: tuple[str, ...] = ()

    @classmethod
    def of(cls, tokenizer: "PreTrainedTokenizerBase") -> "TokenizerTemplate | None":
        """The tokenizer's template; None if it has none, or one that cannot hold a plain conversation."""
        if not tokenizer.chat_template:
            return None
        template = cls(tokenizer)
        between = template._between_answer_and_user()
        if between is None:
            return None
        has_end_token = any(token.content in between for token in tokenizer.added_tokens_decoder.values())
        return replace(
            template,
            allows_system=template._holds(Role.SYSTEM, Role.USER),
            allows_same_role_again=template._holds(Role.USER, Role.USER)
            and template._holds(Role.USER, Role.ASSISTANT, Role.ASSISTANT),
            allows_assistant_first=template._holds(Role.ASSISTANT, Role.USER),
            after_answer=between,
            stop_strings=() if has_end_token or not between.strip() else (between.rstrip(),),
        )

    def arrange(self, messages: Sequence[Message]) -> list[Message]:
        """The turns as this template wants them: see the fields."""
        turns = system_first(messages)
        if not self.allows_system and turns and turns[0].role is Role.SYSTEM:
            turns = _told_by_the_user(turns)
        if not self.allows_assistant_first:
            spoken = next((index for index, turn in enumerate(turns) if turn.role is Role.USER), len(turns))
            turns = [*[turn for turn in turns[:spoken] if turn.role is Role.SYSTEM], *turns[spoken:]]
        return turns if self.allows_same_role_again else merged(turns)

    def quote(self, text: str) -> str:
        """The text as it is: its control tokens are the renderer's to cut."""
        return text

    def render(self, messages: Sequence[Message], *, asks: bool) -> str:
        """The template's text. Models that can think aloud are asked not to."""
        rendered = self.tokenizer.apply_chat_template(
            [{"role": message.role.value, "content": message.text} for message in messages],
            tokenize=False,
            add_generation_prompt=asks,
            enable_thinking=False,
        )
        return str(rendered)

    def _between_answer_and_user(self) -> str | None:
        words = (_FIRST, _SECOND, _THIRD)
        text = self._try(Role.USER, Role.ASSISTANT, Role.USER)
        if text is None or not _in_order(text, words):
            return None
        return text.split(_SECOND)[1].split(_THIRD)[0]

    def _holds(self, *roles: Role) -> bool:
        text = self._try(*roles)
        return text is not None and _in_order(text, (_FIRST, _SECOND, _THIRD)[: len(roles)])

    def _try(self, *roles: Role) -> str | None:
        from jinja2 import TemplateError

        words = (_FIRST, _SECOND, _THIRD)
        turns = [Message(role, word) for role, word in zip(roles, words, strict=False)]
        try:
            return self.render(turns, asks=roles[-1] is Role.USER)
        except (TemplateError, TypeError, ValueError, KeyError, AttributeError, IndexError):
            return None  # a template says no in whatever way it likes


def _in_order(text: str, words: Sequence[str]) -> bool:
    places = [text.find(word) for word in words]
    return all(text.count(word) == 1 for word in words) and all(a < b for a, b in pairwise(places))


def system_first(messages: Sequence[Message]) -> list[Message]:
    """The turns, with all system messages as one in front."""
    system = [message.text for message in messages if message.role is Role.SYSTEM and message.text]
    spoken = [message for message in messages if message.role is not Role.SYSTEM]
    return [Message(Role.SYSTEM, "\n".join(system)), *spoken] if system else spoken


def _told_by_the_user(turns: Sequence[Message]) -> list[Message]:
    """The system message moved into the first thing the user says."""
    system, *rest = turns
    first = next((index for index, turn in enumerate(rest) if turn.role is Role.USER), None)
    if first is None:
        return [Message(Role.USER, system.text), *rest]
    told = replace(rest[first], text=f"{system.text}\n\n{rest[first].text}")
    return [*rest[:first], told, *rest[first + 1 :]]


def merged(turns: Sequence[Message]) -> list[Message]:
    """The turns, those of one role in a row as one."""
    whole: list[Message] = []
    for turn in turns:
        if whole and whole[-1].role is turn.role:
            whole[-1] = replace(turn, text=f"{whole[-1].text}\n{turn.text}")
        else:
            whole.append(turn)
    return whole
