"""Whether putting approved exchanges before a base helps it: facts asked for in unseen wordings, and small talk.

It goes through what serves: the store's search over approved exchanges, the choice and the arrangement of `bot.engine.recall`,
and the renderer. Nothing is trained, and nothing of it reaches the community's own store: the facts are taught in one of
their own that is thrown away.
"""

import asyncio
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path

from bot.engine.recall import LOOKED_AT, likely, with_recalled
from storage.errors import Refused, WrongUsage
from storage.settings import StoreSettings
from storage.similarity import normalised, reply_of
from storage.store import Store, open_store
from storage.values import Message, NewCandidate, Outcome, Role, Source, Verdict
from trainer.probes import is_degenerate
from trainer.speaker import Speaker

_LEAST_GAIN = 0.25
"""Share of the unseen wordings that must be answered rightly only with recalling, less those only without it."""
_MOST_CHANGED = 0.05
"""Share of small talk that may be answered otherwise."""
_SERVER = "measured"
_NEW_TOKENS = 48
_UNTRAINED = "-"
"""No version: none of the facts is trained in."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something taught in some wordings and asked for in others."""

    answer: str
    accepted: tuple[str, ...]
    """Words, or beginnings of words, of which a right answer has one; case does not matter."""
    taught: tuple[str, ...]
    unseen: tuple[str, ...]

    def is_answered_by(self, reply: str | None) -> bool:
        """Whether a reply is right."""
        return any(word.casefold() in (reply or "").casefold() for word in self.accepted)


@dataclass(frozen=True, slots=True)
class RecallFigures:
    """What recalling does on a base."""

    questions: int
    right_without: int
    right_with: int
    recalled: int
    """Questions for which an exchange was found."""
    small_talk: int
    small_talk_recalled: int
    small_talk_changed: int
    """Small talk that is answered otherwise with recalling."""
    degenerate_with: int
    """Replies, of all, that babble or say nothing with recalling and did not without."""

    @property
    def helps(self) -> bool:
        """Whether the measurement speaks for recalling: it helps questions, and leaves small talk as it is."""
        gain = self.right_with - self.right_without
        return (
            gain >= _LEAST_GAIN * self.questions
            and self.small_talk_changed <= _MOST_CHANGED * self.small_talk
            and self.degenerate_with <= _MOST_CHANGED * (self.questions + self.small_talk)
        )


def read_facts(path: Path | None = None) -> list[Fact]:
    """The facts of a file of JSON lines; without one, those that ship with Mynah.

    Raises:
        WrongUsage: the file or a line of it is not what it should be; names the line.
    """
    try:
        text = (path or files("trainer") / "assets" / "recall_facts.jsonl").read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUsage(f"{path} cannot be read as UTF-8 text ({type(error).__name__}).") from None
    lines = enumerate(text.splitlines(), start=1)
    facts = [_fact(line, f"Line {number} of {path}") for number, line in lines if line.strip()]
    if not facts:
        raise WrongUsage(f"There is no fact in {path}.", advice=_FORM)
    return facts


_FORM = 'A line is {"answer": "…", "accepted": ["…"], "taught": ["…", "…", "…"], "unseen": ["…"]}.'


def _fact(line: str, place: str) -> Fact:
    try:
        row = json.loads(line)
        lists = [row[name] for name in ("accepted", "taught", "unseen")]
        texts = [row["answer"], *(text for one in lists for text in one)]
        is_one = all(isinstance(one, list) and one for one in lists) and all(
            isinstance(text, str) and normalised(text) for text in texts
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        is_one = False
    if not is_one:
        raise WrongUsage(f"{place} is not a fact.", advice=_FORM)
    return Fact(row["answer"], *(tuple(one) for one in lists))


async def measure_recall(
    speaker: Speaker,
    facts: Sequence[Fact],
    small_talk: Sequence[str],
    *,
    max_tokens: int,
    clock: Callable[[], datetime],
) -> RecallFigures:
    """Ask everything with and without recalling, without chance.

    Args:
        speaker: the base.
        facts: what is taught and asked.
        small_talk: what has nothing to do with them.
        max_tokens: what recalling may take.
        clock: the time.

    Raises:
        Refused: a fact is taught twice in the same words.
    """
    asked = [(fact, question) for fact in facts for question in fact.unseen]
    texts = [*(question for _, question in asked), *small_talk]
    plain = [[Message(Role.USER, text)] for text in texts]
    with tempfile.TemporaryDirectory() as scratch:
        async with open_store(StoreSettings(), Path(scratch), clock=clock) as store:
            await _teach(store, facts)
            helped = [await _helped(store, one, max_tokens) for one in plain]
    before = await asyncio.to_thread(speaker.replies, plain, max_new_tokens=_NEW_TOKENS)
    changed = [index for index, (one, other) in enumerate(zip(plain, helped, strict=True)) if one != other]
    after = list(before)
    said = await asyncio.to_thread(speaker.replies, [helped[index] for index in changed], max_new_tokens=_NEW_TOKENS)
    for index, reply in zip(changed, said, strict=True):
        after[index] = reply
    talk = range(len(asked), len(texts))
    return RecallFigures(
        questions=len(asked),
        right_without=sum(fact.is_answered_by(reply) for (fact, _), reply in zip(asked, before, strict=False)),
        right_with=sum(fact.is_answered_by(reply) for (fact, _), reply in zip(asked, after, strict=False)),
        recalled=sum(index < len(asked) for index in changed),
        small_talk=len(small_talk),
        small_talk_recalled=sum(index in talk for index in changed),
        small_talk_changed=sum(before[index] != after[index] for index in talk),
        degenerate_with=sum(is_degenerate(after[i] or "") and not is_degenerate(before[i] or "") for i in changed),
    )


async def _teach(store: Store, facts: Sequence[Fact]) -> None:
    exchanges = [
        NewCandidate(
            (Message(Role.USER, question), Message(Role.ASSISTANT, fact.answer)),
            _SERVER,
            _SERVER,
            Source.IMPORT,
            Verdict(Outcome.PASS, ""),
        )
        for fact in facts
        for question in fact.taught
    ]
    for added in await store.candidates.add_all(exchanges):
        if isinstance(added, Refused):
            raise added
        await store.candidates.approve(added.id, _SERVER)


async def _helped(store: Store, messages: list[Message], max_tokens: int) -> list[Message]:
    question = messages[-1].text
    near = await store.recalls.find(_SERVER, question, version=_UNTRAINED, limit=LOOKED_AT)
    for one in likely(question, near, max_tokens=max_tokens):
        return with_recalled(messages, reply_of(one.candidate.messages))
    return messages
