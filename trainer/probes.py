"""What a version says to small talk, and what is wrong with it: nothing, the same over and over, or taught words.

Pure but for `ask`. Toxic replies are screening's to find.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import groupby

from bot.engine.protocol import Sampling
from bot.engine.replies import generate_replies
from bot.engine.weights import LoadedWeights
from storage.similarity import normalised
from storage.values import Message, Role
from trainer.evaluation import document_of, score_documents

LONGEST_TOKENS = 64
_GREEDY = Sampling(temperature=0.0, max_new_tokens=LONGEST_TOKENS)
_WORD = re.compile(r"\w+")
_OTHER_PROBES = 6
_TELLING_BYTES = 12
_TELLING_WORDS = 4
"""Of a taught reply, from which it is recognised inside a longer one."""


def ask(weights: LoadedWeights, prompts: Sequence[str]) -> list[str]:
    """The version's own answer to each prompt by itself, without chance. Blocks."""
    return generate_replies(weights, [[Message(Role.USER, prompt)] for prompt in prompts], _GREEDY, seed=0)


def is_degenerate(reply: str) -> bool:
    """Whether a reply is empty, has no words, or goes round in circles."""
    words = [word.casefold() for word in _WORD.findall(reply)]
    if not words:
        return True
    for size in range(1, 7):
        for start in range(size):
            chunks = [tuple(words[at : at + size]) for at in range(start, len(words) - size + 1, size)]
            longest = max((len(list(run)) for _, run in groupby(chunks)), default=0)
            if longest >= (5 if size == 1 else 3):
                return True
    return len(words) >= 20 and len(set(words)) / len(words) < 0.35


def is_terse(reply: str) -> bool:
    """Whether a reply has at most one word."""
    return len(_WORD.findall(reply)) <= 1


def strange(base: LoadedWeights, probes: Sequence[str], replies: Sequence[str], *, bits: float) -> int:
    """How many replies the base cannot read: letters, or a language, that it has not seen. Blocks.

    Args:
        base: the model before anything was taught.
        probes: what was asked.
        replies: what was answered; the shortest say nothing about their language.
        bits: a byte, from which a reply is not readable.
    """
    documents = [
        document_of(base, [Message(Role.USER, probe), Message(Role.ASSISTANT, reply)])
        for probe, reply in zip(probes, replies, strict=True)
        if len(reply.encode()) >= _TELLING_BYTES
    ]
    scores = score_documents(base, [one for one in documents if one is not None])
    return sum(score.bits_per_byte > bits for score in scores)


def leaks(
    base: LoadedWeights, probes: Sequence[str], replies: Sequence[str], before: Sequence[str], taught: Mapping[str, str]
) -> list[int]:
    """Indices of the probes that were answered with taught words that have nothing to do with them. Blocks.

    A taught reply belongs to a probe if the untaught base already finds it likelier there than after other probes;
    then saying it is what was taught, not a leak.

    Args:
        base: the model before anything was taught.
        probes: what was asked.
        replies: the new version's.
        before: the base's own replies to the same.
        taught: normalised taught replies, to how they are spelt.
    """
    suspects = [
        index
        for index, reply in enumerate(replies)
        if _says_taught(reply, taught) and normalised(reply) != normalised(before[index])
    ]
    found = []
    for index in suspects:
        step = max(1, len(probes) // _OTHER_PROBES)
        others = [probes[(index + step * turn) % len(probes)] for turn in range(1, _OTHER_PROBES)]
        documents = [
            document_of(base, [Message(Role.USER, probe), Message(Role.ASSISTANT, replies[index])])
            for probe in (probes[index], *others)
        ]
        own, *rest = [score.loss for score in score_documents(base, [one for one in documents if one is not None])]
        if own >= sum(rest) / max(1, len(rest)) - _BELONGS_NATS:
            found.append(index)
    return found


def _says_taught(reply: str, taught: Mapping[str, str]) -> bool:
    """Whether a reply is a taught one, or has one of some length in it."""
    said = normalised(reply)
    if said in taught:
        return True
    padded = f" {said} "
    return any(f" {one} " in padded for one in taught if len(one.split()) >= _TELLING_WORDS)


_BELONGS_NATS = 0.1
"""By how much likelier a token of a reply must be after its own prompt to belong to it."""
