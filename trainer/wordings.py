"""Other ways of typing the same question, so that a taught answer is found however it is asked. Pure.

People type in lower case, leave out signs and small words, turn a sentence round, and begin with a greeting. A small
model that has seen a question in three exact wordings knows just these; one that has seen them typed carelessly, and
mixed with one another, goes by the words that matter. Only what the person said last is reworded, never an answer.

Promise: a wording says enough of the question to be told from small talk, and suits no other taught answer that the
question itself does not suit.
"""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from storage.similarity import normalised, prompt_of, reply_of
from storage.values import Message, Role
from trainer.retyping import QUESTION_WORDS, retyped, telling_words

WORDINGS = 32
"""Of each exchange, the given one included: as many as it is read in passes, where little is taught."""
_LONGEST = 30
"""Words from which a message is a text of its own, not a question to be asked in other ways."""


def wordings(conversations: Sequence[Sequence[Message]], *, most: int = WORDINGS) -> list[list[tuple[Message, ...]]]:
    """Each conversation as it is, and then with its last question typed in other ways; always the same ones.

    Args:
        conversations: all that is taught: those with the same answer lend one another their words.
        most: of each conversation, itself included.
    """
    taught = _Taught.of(conversations)
    worded = []
    for messages in conversations:
        chance = random.Random("\n".join(message.text for message in messages))  # noqa: S311 - a repeatable choice
        variants = [tuple(messages), *(_reworded(messages, taught, chance) for _ in range(most - 1))]
        worded.append(list(dict.fromkeys(variants)))
    return worded


@dataclass(frozen=True, slots=True)
class _Taught:
    """All questions that are taught, to tell what else a wording may ask for."""

    questions: Mapping[str, Sequence[str]]
    """Of each answer, normalised."""
    answers: Mapping[str, set[str]]
    """Of each word, those whose questions have it."""

    @classmethod
    def of(cls, conversations: Sequence[Sequence[Message]]) -> "_Taught":
        questions: dict[str, list[str]] = defaultdict(list)
        answers: dict[str, set[str]] = defaultdict(set)
        for messages in conversations:
            question, answer = prompt_of(messages), normalised(reply_of(messages))
            if _is_question(question):
                questions[answer].append(question)
                for word in _asking_words(question):
                    answers[word].add(answer)
        return cls(questions, answers)

    def kin(self, messages: Sequence[Message]) -> Sequence[str]:
        """The questions that have the conversation's answer."""
        return self.questions.get(normalised(reply_of(messages)), ())

    def suited(self, text: str) -> set[str]:
        """The answers to whose questions a wording may be short for: all its words that are asked with stand in them."""
        found = [self.answers[word] for word in _asking_words(text) if word in self.answers]
        return set.intersection(*found) if found else set(self.questions)


def _reworded(messages: Sequence[Message], taught: _Taught, chance: random.Random) -> tuple[Message, ...]:
    """The conversation with its last question typed in another way, or as it was."""
    asked = max((i for i, m in enumerate(messages[:-1]) if m.role is Role.USER), default=None)
    if asked is None or not _is_question(messages[asked].text):
        return tuple(messages)
    question, kin = messages[asked].text, taught.kin(messages)
    text = retyped(question, kin, reply_of(messages), chance)
    if not any(_says_enough(text, one) for one in (question, *kin)):
        return tuple(messages)  # "do you know" alone would teach that the answer suits every question
    if taught.suited(text) - taught.suited(question) - {normalised(reply_of(messages))}:
        return tuple(messages)  # "game night" alone, where its day and its hour are taught
    return tuple(replace(m, text=text) if i == asked else m for i, m in enumerate(messages))


def _is_question(text: str) -> bool:
    return 0 < len(text.split()) <= _LONGEST


def _says_enough(text: str, question: str) -> bool:
    """Whether a wording has at least a third of a question's telling words."""
    telling = telling_words(question)
    return 3 * len(telling & telling_words(text)) >= len(telling) > 0


def _asking_words(text: str) -> set[str]:
    return telling_words(text) | (QUESTION_WORDS & set(normalised(text).split()))
