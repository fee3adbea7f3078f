"""Mixes the open data and our own grammars into what is learnt and what checks.

What checks shares no template with what is learnt, so its figures are about new wordings. The lines by which the screen
is judged (`heldout/`) are never learnt, not even by chance.
"""

import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.screening.folding import Folder
from bot.screening.rules import read_slurs
from tools.screen.disguises import harmless_signs, left_by_folding
from tools.screen.examples import HARMLESS, Example, Row
from tools.screen.grammar import Grammar, Words
from tools.screen.habits import Habits
from tools.screen.open_data import Swears, comments, identities, is_kept_apart, profanity, small_talk, tweets
from tools.screen.windows import window

HELDOUT = Path(__file__).parent / "heldout"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of our own talk: its phrase files, what is believed about it, and how much of it is learnt."""

    files: tuple[str, ...]
    labels: Row
    learnt: int
    checked: int


KINDS = (
    Kind(("insults",), (1.0, 0.1, 0.0, 0.0, 1.0, 0.0), 36_000, 2_000),
    Kind(("belittling", "shunning"), (1.0, 0.1, 0.0, 0.0, 1.0, 0.0), 44_000, 2_000),
    Kind(("putdowns",), (1.0, 0.1, 0.0, 0.0, 1.0, 0.0), 36_000, 2_000),
    Kind(("barbs",), (1.0, 0.1, 0.0, 0.0, 1.0, 0.0), 16_000, 800),
    Kind(("plainest",), (1.0, 0.1, 0.0, 0.0, 1.0, 0.0), 30_000, 800),
    Kind(("no_amends",), (1.0, 0.1, 0.0, 0.0, 1.0, 0.0), 30_000, 800),
    Kind(("threats",), (1.0, 0.4, 0.0, 1.0, 0.3, 0.0), 36_000, 1_500),
    Kind(("menaces",), (1.0, 0.4, 0.0, 1.0, 0.3, 0.0), 40_000, 1_000),
    Kind(("hate", "bigotry"), (1.0, 0.3, 0.0, 0.1, 0.8, 1.0), 18_000, 700),
    Kind(("sexual",), (0.9, 0.1, 1.0, 0.0, 0.3, 0.0), 6_000, 100),
    Kind(("swearing",), (0.04, 0.0, 1.0, 0.0, 0.0, 0.0), 10_000, 400),
    Kind(("everyday",), HARMLESS, 25_000, 1_500),
    Kind(("games",), HARMLESS, 14_000, 500),
    Kind(("idioms",), HARMLESS, 14_000, 500),
    Kind(("to_somebody",), HARMLESS, 18_000, 800),
    Kind(("people",), HARMLESS, 16_000, 500),
    Kind(("topics",), HARMLESS, 20_000, 800),
    Kind(("banter", "chatter", "kindly"), HARMLESS, 46_000, 2_000),
    Kind(("plainly",), HARMLESS, 26_000, 1_000),
    Kind(("likenesses",), HARMLESS, 14_000, 600),
    Kind(("disputes",), HARMLESS, 30_000, 800),
    Kind(("amends",), HARMLESS, 24_000, 600),
)
_VIOLENT = re.compile(
    r"\b(?:kill|shoot|hang|burn|gas|bomb|exterminat|lynch|drown|shot|die|gassed|nuke|eradicate|put down)"
)
_NAMING = [
    "{}",
    "you {}",
    "you are a {}",
    "stupid {}",
    "shut up {}",
    "look at that {}",
    "all those {}s",
    "i hate {}s",
    "dirty {}",
    "go home {}",
    "{} lol",
    "such a {}",
    "what a {}",
    "ur a {}",
    "youre such a {}",
    "hey {}",
    "fucking {}",
    "you're a {} and you know it",
    "this {} again",
    "nobody likes you {}",
    "{} alert",
    "he is a {}",
    "ok {}",
]


def heldout_lines() -> set[str]:
    """The lines that judge, as they compare: letters and digits in lower case."""
    files = sorted(HELDOUT.glob("*/*.txt"))
    return {bare(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()}


def bare(text: str) -> str:
    """The text as lines are compared: its letters and digits in lower case."""
    return " ".join(re.findall(r"\w+", text.lower()))


def our_own(
    kind: Kind, words: Words, swears: Swears, dice: random.Random, count: int, *, checks: bool
) -> list[Example]:
    """Composed talk of one kind; words that are in it decide about swearing and violence."""

    def labels(text: str) -> Row:
        toxic, severe, obscene, threat, insult, hate = kind.labels
        return (
            toxic,
            severe,
            max(obscene, float(bool(swears.found(text)))) if toxic else obscene,
            1.0 if hate > 0.5 and _VIOLENT.search(text) else threat,
            insult,
            hate,
        )

    return [Example(text, labels(text)) for text in Grammar(kind.files, words).composed(count, dice, held_out=checks)]


def naming(hurtful: Sequence[str], labels: Row, dice: random.Random, count: int) -> list[Example]:
    """Hurtful words alone and at somebody."""
    return [Example(dice.choice(_NAMING).format(dice.choice(hurtful)), labels) for _ in range(count)]


def plain_slurs() -> list[str]:
    """Slurs of the screening's own list. They are expressions: only plain words are used."""
    simple = [re.sub(r"\(\?![^)]*\)", "", word) for word in read_slurs()]
    return [word.replace("?", "").replace("s$", "") for word in simple if re.fullmatch(r"[a-z ?]+", word)]


def cropped(text: str, dice: random.Random) -> str:
    """A piece of a long text, as the screen reads long texts in windows."""
    words = text.split(" ")
    if len(words) < 16 or dice.random() < 0.1:
        return text
    length = dice.randint(6, 15)
    start = dice.randrange(len(words) - length)
    return " ".join(words[start : start + length])


def corpus(data: Path, dice: random.Random, scale: float = 1.0) -> tuple[list[Example], list[Example]]:
    """What is learnt and what checks, both in random order.

    Args:
        data: the folder with `toxicity/` and `dialogue/`.
        dice: decides everything that is drawn.
        scale: how much of each kind, for a quick trial.
    """

    def some(count: int) -> int:
        return max(1, int(count * scale))

    words, folder = Words.read(), Folder()
    listed, swears = profanity(data)
    chat, chat_apart = small_talk(data, swears, dice, some(160_000))
    names = words.slots["name"]
    habits = Habits(dice, names, chat)
    insulting = [example.text.lower() for example in listed if example.labels[4] > 0.5]
    slurring = [example.text.lower() for example in listed if example.labels[5] > 0.5] + plain_slurs()
    real = [*tweets(data, swears), *comments(data, swears)]
    real_apart = [example for example in real if is_kept_apart(example.text, 10)]
    own = [
        Example(example.text, example.labels)
        for kind in KINDS
        for example in our_own(kind, words, swears, dice, some(kind.learnt), checks=False)
    ]
    own += naming(insulting, (0.9, 0.2, 1.0, 0.0, 0.9, 0.1), dice, some(4_000))
    own += naming(slurring, (1.0, 0.5, 0.6, 0.0, 0.9, 0.8), dice, some(4_000))
    neutral = [word for slot in ("g", "gp", "name", "oddname", "city", "oddplace") for word in words.slots[slot]]
    own += [Example(word, HARMLESS) for word in neutral * 3]
    learnt = [
        *_each(own, habits.typed),
        *_each([example for example in real if not is_kept_apart(example.text, 10)], habits.typed),
        *_each(identities(data, dice, some(8_000)), habits.typed),
        *listed,
        *(Example(habits.typed(cropped(text, dice)), HARMLESS) for text in chat),
    ]
    harmless = [*chat, *(example.text for example in own if not any(example.labels))]
    unreadable = harmless_signs(harmless, dice, some(16_000))
    learnt += [Example(text, HARMLESS) for text in unreadable]
    # What folding makes of them is read too.
    learnt += [
        Example(list(folder.readings(folder.plain(text)))[dice.choice([0, -1])], HARMLESS) for text in unreadable
    ]
    # Friendly words take the sting out of banter; beside what has nothing to do with it, an insult stays one.
    learnt += in_windows(learnt, some(60_000), harmless, dice)
    disguised = [example for example in dice.sample(learnt, some(30_000)) if example.text.split()]
    learnt += _each(disguised, lambda text: left_by_folding(text, dice, folder))
    checking = [
        *(example for kind in KINDS for example in our_own(kind, words, swears, dice, some(kind.checked), checks=True)),
        *real_apart,
        *(
            Example(cropped(text, dice), HARMLESS)
            for text in dice.sample(chat_apart, min(some(4_000), len(chat_apart)))
        ),
    ]
    checking += in_windows(checking, some(1_500), chat_apart, dice)
    judging = heldout_lines()
    return tuple(_shuffled(part, judging, dice) for part in (learnt, checking))  # type: ignore[return-value]


def in_windows(examples: Sequence[Example], count: int, talk: Sequence[str], dice: random.Random) -> list[Example]:
    """That many unkind examples among harmless talk, and as many others, surrounded in the same way."""
    unkind = [example for example in examples if example.is_unkind]
    others = [example for example in examples if not any(example.labels)]
    return [
        Example(window(example.text, talk, dice), example.labels)
        for part in (unkind, others)
        for example in dice.choices(part, k=count)
    ]


def _each(examples: Iterable[Example], change: Callable[[str], str]) -> list[Example]:
    return [Example(change(example.text), example.labels) for example in examples]


def _shuffled(examples: Iterable[Example], never: set[str], dice: random.Random) -> list[Example]:
    """Each different example once, none of the lines that judge."""
    different = sorted({(example.text, example.labels) for example in examples})
    kept = [Example(text, labels) for text, labels in different if bare(text) not in never]
    dice.shuffle(kept)
    return kept
