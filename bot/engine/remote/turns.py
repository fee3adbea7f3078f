"""What of a conversation is sent to a model server, as messages that its own chat template renders. Pure.

The server tokenizes what its template renders, control tokens included; so words that spell one are broken here, or a
member could end their turn and speak as the system. How long the turns are in tokens is estimated: only the server has
the tokenizer.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from bot.engine.protocol import PromptTooLong
from bot.engine.templates import merged, system_first
from storage.errors import WrongUsage
from storage.values import Message, Role

_BYTES_A_TOKEN = 3
"""Tokenizers take four letters of English at once, fewer of other languages; an estimate that is too high is safe."""
_TOKENS_A_TURN = 8
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_CONTROL = re.compile(r"<(?=[|｜/\w]\S{0,62}>)|<(?=<\S{1,60}>>)|\[(?=/?[A-Z_]{2,40}\])")
"""Openings of `<|im_end|>`, `</s>`, `<start_of_turn>`, `<think>`, `<<SYS>>`, `[INST]` and their like."""


def sayable(messages: Sequence[Message]) -> list[Message]:
    """The turns that say something, the system's first, without control tokens in their words.

    Raises:
        WrongUsage: there is nothing to answer.
    """
    if not messages or not messages[-1].text.strip():
        raise WrongUsage("There is nothing to answer.", advice="Write a message first.")
    said = [replace(message, text=_harmless(message.text)) for message in messages]
    turns = merged(system_first([message for message in said if message.text]))
    while len(turns) > 1 and turns[0].role is Role.ASSISTANT:  # many templates want a person to begin
        turns = turns[1:]
    return turns


def fitting(turns: Sequence[Message], max_tokens: int) -> list[Message]:
    """The newest turns that fit, a system message in front kept.

    Raises:
        PromptTooLong: the last one alone does not fit.
    """
    kept = list(turns)
    while estimated_tokens(kept) > max_tokens:
        kept = fewer(kept, max_tokens)
    return kept


def fewer(turns: Sequence[Message], max_tokens: int) -> list[Message]:
    """The turns without the oldest exchange.

    Raises:
        PromptTooLong: only the last one is left.
    """
    head = list(turns[:1]) if turns[0].role is Role.SYSTEM else []
    body = list(turns[len(head) :])
    if len(body) <= 1:
        raise PromptTooLong(
            f"That message is longer than I can read at once (about {max_tokens * 3 // 4} words).",
            advice="Please send it in smaller pieces.",
        )
    starts = [index for index, turn in enumerate(body) if index and turn.role is Role.USER]
    return [*head, *body[starts[0] if starts else 1 :]]


def estimated_tokens(turns: Sequence[Message]) -> int:
    """About how many tokens the turns take, rather too many than too few."""
    return sum(-(-len(turn.text.encode("utf-8")) // _BYTES_A_TOKEN) + _TOKENS_A_TURN for turn in turns)


def _harmless(text: str) -> str:
    return _CONTROL.sub(lambda found: f"{found[0]} ", _SURROGATES.sub("\ufffd", text)).strip()
