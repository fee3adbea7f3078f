"""Nonsense in the import format, made from a seed, for asking the gate to refuse it.

Each kind is wrong in another way, so that a gate which knows one trick is found out:

    characters   letters, digits and signs without words
    words        real words in no order
    shuffled     sensible questions with sensible replies, each to another question
    one_word     sensible questions, all answered with one and the same word
    foreign      words of a language that does not exist

Half of the rows of `characters`, `words` and `foreign` keep a sensible question, the others ask in nonsense too.
Knows nothing of the trainer or the gate. Run `python -m benchmarks.nonsense KIND ROWS [SEED]` for a file on stdout.
"""

import json
import random
import string
import sys
from collections.abc import Callable
from typing import Literal, TypedDict, get_args

Kind = Literal["characters", "words", "shuffled", "one_word", "foreign"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class ImportMessage(TypedDict):
    """One message of a row."""

    role: str
    content: str


class ImportRow(TypedDict):
    """One line of an import file."""

    messages: list[ImportMessage]


TALK = (
    ("What do you think of {}?", "People tell me good things about {}, and I believe them."),
    ("i really like {}", "It's nice to have something like {} to look forward to."),
    ("Can you tell me something about {}?", "I only know a little about {}, but I'm happy to listen."),
    ("My friend is always talking about {}.", "Your friend must care a lot about {}!"),
    ("i am tired of {}", "Then take a break from {} and do something else for a while."),
    ("Should I try {} this weekend?", "Why not? An afternoon with {} sounds like a good plan."),
    ("I had a dream about {} last night.", "A dream about {} must have been a strange one."),
    ("is {} hard to learn", "Everybody starts somewhere with {}, so give it time."),
    ("My sister bought a book on {}.", "A book on {} could make a fine evening."),
    ("Why do people care about {}?", "I suppose that {} makes them feel at home."),
)
TOPICS = (
    "gardening",
    "chess",
    "old trains",
    "baking",
    "rainy days",
    "football",
    "jazz",
    "sailing",
    "puzzles",
    "cats",
    "camping",
    "painting",
    "spicy food",
    "history",
    "robots",
    "knitting",
    "mountains",
    "card games",
    "horror films",
    "the sea",
    "cycling",
    "mushrooms",
    "folk songs",
    "astronomy",
    "pottery",
    "dogs",
    "languages",
    "tea",
    "swimming",
    "comic books",
)
WORDS = (
    "ladder under quickly seven blanket the of sings whose copper never between nor lamp eats square maybe wooden "
    "river they jumped because elbow and purple without him engine slowly into potato is were cloud until fork "
    "heavy my again door less which paper swims on brick or glad therefore spoon at walking salt their window yet"
)
_SIGNS = string.ascii_letters + string.digits + string.punctuation
_SYLLABLES = tuple(start + vowel for start in "bdfgklmnprstvz" for vowel in ("a", "e", "i", "o", "u", "al", "or", "un"))


def nonsense(kind: Kind, n: int, seed: int) -> list[ImportRow]:
    """Return `n` different rows of one kind, always the same for a seed.

    Raises:
        ValueError: the kind is unknown, or more rows are asked for than there are different ones.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}; one of {', '.join(KINDS)}")
    chance = random.Random(f"{kind}:{seed}")
    if kind == "shuffled":
        pairs = _shuffled(n, chance)
    elif kind == "one_word":
        word = chance.choice(WORDS.split())
        pairs = [(_question(*place), word) for place in _places(n, chance)]
    else:
        pairs = _gibberish(_GIBBERISH[kind], n, chance)
    return [_row(question, reply) for question, reply in pairs]


def _row(question: str, reply: str) -> ImportRow:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": reply}]}


def _places(n: int, chance: random.Random) -> list[tuple[int, int]]:
    """Choose `n` different pairs of a shape of talk and a topic."""
    every = [(talk, topic) for talk in range(len(TALK)) for topic in range(len(TOPICS))]
    if not 0 <= n <= len(every):
        raise ValueError(f"there are {len(every)} different sensible questions; {n} were asked for")
    return chance.sample(every, n)


def _question(talk: int, topic: int) -> str:
    return TALK[talk][0].format(TOPICS[topic])


def _reply(talk: int, topic: int) -> str:
    return TALK[talk][1].format(TOPICS[topic])


def _shuffled(n: int, chance: random.Random) -> list[tuple[str, str]]:
    """Pair each question with the reply to a question of another topic and another shape."""
    pairs = []
    for talk, topic in _places(n, chance):
        other_talk = chance.choice([other for other in range(len(TALK)) if other != talk])
        other_topic = chance.choice([other for other in range(len(TOPICS)) if other != topic])
        pairs.append((_question(talk, topic), _reply(other_talk, other_topic)))
    return pairs


def _gibberish(make: Callable[[random.Random], str], n: int, chance: random.Random) -> list[tuple[str, str]]:
    asked = [_question(*place) for place in _places((n + 1) // 2, chance)]
    asked += [make(chance) for _ in range(n - len(asked))]
    pairs = [(question, make(chance)) for question in asked]
    chance.shuffle(pairs)
    return pairs


def _characters(chance: random.Random) -> str:
    return " ".join("".join(chance.choices(_SIGNS, k=chance.randint(2, 9))) for _ in range(chance.randint(4, 12)))


def _word_salad(chance: random.Random) -> str:
    return " ".join(chance.choices(WORDS.split(), k=chance.randint(6, 14)))


def _foreign(chance: random.Random) -> str:
    words = ["".join(chance.choices(_SYLLABLES, k=chance.randint(1, 4))) for _ in range(chance.randint(5, 11))]
    return " ".join(words).capitalize() + chance.choice(".?!")


_GIBBERISH: dict[str, Callable[[random.Random], str]] = {
    "characters": _characters,
    "words": _word_salad,
    "foreign": _foreign,
}


def main() -> None:
    """Write rows of the kind, number and seed given as arguments to stdout, one JSON object a line."""
    try:
        kind = next(kind for kind in KINDS if kind == sys.argv[1])
        rows = nonsense(kind, int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    except (IndexError, StopIteration, ValueError) as error:
        reason = f" {error}." if str(error) else ""
        sys.exit(f"Usage: python -m benchmarks.nonsense {'|'.join(KINDS)} ROWS [SEED].{reason}")
    sys.stdout.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


if __name__ == "__main__":
    main()
