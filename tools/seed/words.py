"""What the embedded model learns from us: intents with many wordings, and talks, made into conversations.

`intents_*.jsonl` hold `asks` and `replies` that fit one another, and `slots` whose values fill both alike;
`wordings_*.jsonl` hold templates of further asks of the same intents;
`talks_*.jsonl` hold conversations of several turns; `prompts.txt` what the model is judged by and never learns from.
"""

import json
import random
import re
from collections.abc import Iterable, Iterator
from itertools import cycle, islice
from pathlib import Path

from storage.similarity import normalised
from tools.grammar import Template, tidy
from trainer.growing.dataset import Talk

LICENCE = "Apache-2.0"
SOURCES = ("mynah_everyday", "mynah_knowledge", "mynah_self", "mynah_talks")
"""What our words are called where sources are weighed: intents by their file, and all talks together."""
REPLIES_AN_ASK = 3
"""Each wording meets so many of its intent's replies, so that it learns the meaning and not one line."""
COMPOSED_AN_INTENT = 40
"""So many further wordings of an intent are composed from its templates."""
VALUES_AN_ASK = 2
"""And each reply so many of the values that fill its slots."""
OPENED, ENDED = 0.3, 0.15
"""Shares of the wordings that get a word before or after them that means nothing, as people write."""
_OPENERS = (
    *("hey", "hey,", "so", "ok", "ok so", "well", "um", "hmm", "oh", "mynah,", "hey mynah,", "lol", "btw", "anyway,"),
    *("honestly,", "haha", "yo", "alright,", "look,", "you know,", "ah", "by the way,", "wow", "man,", "listen,"),
)
_ENDERS = ("lol", "haha", "btw", "mynah", "tbh", ":)", "...", "though", "bot", "friend", "<3", "xd", "hm")
_SLOT = re.compile(r"\{(\w+)\}")


def words(folder: Path, dice: random.Random) -> list[Talk]:
    """All of our exchanges and talks, shuffled; nothing that holds one of the prompts.

    Args:
        folder: with the files.
        dice: which replies and values meet which wording.

    Raises:
        ValueError: a line has a slot without values.
    """
    talks = [*_exchanges(folder, dice), *_talks(folder)]
    unseen = without_prompts(talks, prompts(folder))
    found = list(unseen)
    dice.shuffle(found)
    return found


def prompts(folder: Path) -> list[str]:
    """What the model is judged by."""
    return [line for line in (folder / "prompts.txt").read_text("utf-8").splitlines() if line.strip()]


def without_prompts(talks: Iterable[Talk], judged_by: Iterable[str]) -> Iterator[Talk]:
    """The talks in which nobody says one of the prompts, however it is typed."""
    unwanted = {normalised(prompt) for prompt in judged_by}
    for talk in talks:
        if not any(normalised(message["content"]) in unwanted for message in talk.messages):
            yield talk


def templates(path: Path) -> dict[str, list[Template]]:
    """Further asks of the intents of a file, by their names.

    Raises:
        ValueError: a bracket of one is not closed or not opened.
    """
    beside = path.with_name(path.name.replace("intents", "wordings"))
    rows = map(json.loads, beside.read_text("utf-8").splitlines()) if beside.exists() else ()
    return {row["intent"]: [Template(ask) for ask in row["asks"]] for row in rows}


def _composed(known: list[Template], dice: random.Random) -> list[str]:
    """Different wordings, each template as often as the others as far as it can say so much."""
    return list(dict.fromkeys(tidy(one.chosen(dice)) for one in islice(cycle(known), COMPOSED_AN_INTENT)))


def _exchanges(folder: Path, dice: random.Random) -> Iterator[Talk]:
    for path in sorted(folder.glob("intents_*.jsonl")):
        further = templates(path)
        for line in path.read_text("utf-8").splitlines():
            intent = json.loads(line)
            slots: dict[str, list[str]] = intent.get("slots", {})
            for ask in [*intent["asks"], *_composed(further.get(intent["intent"], []), dice)]:
                for reply in dice.sample(intent["replies"], min(REPLIES_AN_ASK, len(intent["replies"]))):
                    for _ in range(VALUES_AN_ASK if slots else 1):
                        values = {name: dice.choice(known) for name, known in slots.items()}
                        said = _chattier(_filled(ask, values), dice)
                        yield _exchange(said, _filled(reply, values), path.stem.replace("intents", "mynah"))


def _talks(folder: Path) -> Iterator[Talk]:
    for path in sorted(folder.glob("talks_*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            yield Talk(json.loads(line)["messages"], "mynah_talks")


def _exchange(said: str, answered: str, source: str) -> Talk:
    return Talk([{"role": "user", "content": said}, {"role": "assistant", "content": answered}], source)


def _chattier(ask: str, dice: random.Random) -> str:
    """The wording, at times with a word around it that changes nothing."""
    if dice.random() < OPENED:
        is_name = ask[:2] in {"I ", "I'"} or ask[:2].isupper()
        ask = f"{dice.choice(_OPENERS)} {ask if is_name else ask[:1].lower() + ask[1:]}"
    if dice.random() < ENDED:
        ask = f"{ask} {dice.choice(_ENDERS)}"
    return ask


def _filled(text: str, values: dict[str, str]) -> str:
    """The text with its slots filled; what begins a sentence begins with a capital, as the text would have it."""

    def value(slot: re.Match[str]) -> str:
        name = slot.group(1)
        if name not in values:
            raise ValueError(f"no values for the slot {name}: {text}")
        opens = slot.start() == 0 or text[: slot.start()].rstrip().endswith((".", "!", "?"))
        return values[name][:1].upper() + values[name][1:] if opens else values[name]

    return _SLOT.sub(value, text)
