"""Whether taught answers come for their own questions, or for one another's: "game night" gets movie night's day.

Only what was taught as a fact is asked: an answer with at least two wordings, to questions that have no other answer.
"""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from storage.similarity import normalised, prompt_of, reply_of
from storage.values import Message
from trainer.checks import Check
from trainer.settings import TrainerSettings
from trainer.snapshots import Conversation
from trainer.speaker import Speaker

MOST_ASKED = 60
ENOUGH_ASKED = 8
"""Fewer say nothing about a share."""
_WORDINGS = 2
_LONGEST_ANSWER = 30
"""Words from which an answer is a text, which no model of this size says word by word."""
_ANSWER_TOKENS = 64


@dataclass(frozen=True, slots=True)
class Swaps:
    """How the facts came out."""

    asked: int = 0
    swapped: int = 0
    """Questions that got the taught answer to another question."""

    @property
    def share(self) -> float:
        """Of the questions."""
        return self.swapped / self.asked if self.asked else 0.0


def swaps(challenger: Speaker, conversations: Sequence[Conversation], *, seed: int) -> Swaps:
    """Ask for some of the facts among the conversations. Blocks."""
    answers: dict[str, set[str]] = defaultdict(set)
    questions: dict[str, dict[str, tuple[Message, ...]]] = defaultdict(dict)
    for one in conversations:
        if len(one.messages) != 2:
            continue
        asked, answered = normalised(prompt_of(one.messages)), normalised(reply_of(one.messages))
        answers[asked].add(answered)
        questions[answered].setdefault(asked, one.messages[:1])
    facts = [
        (answered, message)
        for answered, wordings in sorted(questions.items())
        if len(wordings) >= _WORDINGS and 0 < len(answered.split()) <= _LONGEST_ANSWER
        for asked, message in sorted(wordings.items())
        if answers[asked] == {answered}
    ]
    chance = random.Random(seed)  # noqa: S311 - a repeatable choice, not a secret
    chosen = chance.sample(facts, min(MOST_ASKED, len(facts)))
    taught = {answered for answered, _ in facts}
    said = challenger.replies([message for _, message in chosen], max_new_tokens=_ANSWER_TOKENS)
    replies = [(answered, normalised(reply)) for (answered, _), reply in zip(chosen, said, strict=True) if reply]
    return Swaps(len(replies), sum(reply != answered and reply in taught for answered, reply in replies))


def check(found: Swaps, settings: TrainerSettings) -> Check:
    """Refuses when too many facts are told in place of others."""
    limit = settings.max_swapped_share
    if found.asked < ENOUGH_ASKED:
        return Check("swapped", True, None, limit, "Too few facts were taught to say whether they are mixed up.")
    passed = found.share <= limit
    sentence = (
        f"Facts are not mixed up ({found.swapped} of {found.asked} questions get another's answer)."
        if passed
        else f"It mixes up what it was taught: {found.swapped} of {found.asked} questions get the answer to another one "
        f"({found.share:.0%}, at most {limit:.0%} is let through). Make facts that are alike differ in their wording."
    )
    return Check("swapped", passed, found.share, limit, sentence)
