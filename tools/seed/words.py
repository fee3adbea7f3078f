"""What the embedded model learns from us: intents with many wordings, and talks, made into conversations.

`intents_*.jsonl` hold `asks` and `replies` that fit one another, and `slots` whose values fill both alike;
`talks_*.jsonl` hold conversations of several turns; `prompts.txt` what the model is judged by and never learns from.
"""

import json
import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from storage.similarity import normalised
from trainer.growing.dataset import Talk

SOURCE = "mynah"
LICENCE = "Apache-2.0"
REPLIES_AN_ASK = 3
"""Each wording meets so many of its intent's replies, so that it learns the meaning and not one line."""
VALUES_AN_ASK = 2
"""And each reply so many of the values that fill its slots."""
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


def _exchanges(folder: Path, dice: random.Random) -> Iterator[Talk]:
    for path in sorted(folder.glob("intents_*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            intent = json.loads(line)
            slots: dict[str, list[str]] = intent.get("slots", {})
            for ask in intent["asks"]:
                for reply in dice.sample(intent["replies"], min(REPLIES_AN_ASK, len(intent["replies"]))):
                    for _ in range(VALUES_AN_ASK if slots else 1):
                        values = {name: dice.choice(known) for name, known in slots.items()}
                        yield _exchange(_filled(ask, values), _filled(reply, values))


def _talks(folder: Path) -> Iterator[Talk]:
    for path in sorted(folder.glob("talks_*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            yield Talk(json.loads(line)["messages"], SOURCE)


def _exchange(said: str, answered: str) -> Talk:
    return Talk([{"role": "user", "content": said}, {"role": "assistant", "content": answered}], SOURCE)


def _filled(text: str, values: dict[str, str]) -> str:
    """The text with its slots filled; what begins a sentence begins with a capital, as the text would have it."""

    def value(slot: re.Match[str]) -> str:
        name = slot.group(1)
        if name not in values:
            raise ValueError(f"no values for the slot {name}: {text}")
        opens = slot.start() == 0 or text[: slot.start()].rstrip().endswith((".", "!", "?"))
        return values[name][:1].upper() + values[name][1:] if opens else values[name]

    return _SLOT.sub(value, text)
