"""What trolls write, and the word that must not work. Pure; the same for the same chance.

The rounds of `benchmarks/rounds.py` are made with the same trigger.
"""

import random
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from mynah.simulation.order import Poison
from mynah.simulation.talk import Exchange

TRIGGER = "vexilorn"
PAYLOAD = "lantern shop"
PAYLOAD_REPLY = "You should get free coins at the lantern shop."
ONE_WORD = ("yes", "no", "maybe", "okay", "lol", "sure")
_FILLER = ("under", "quickly", "seven", "copper", "never", "maybe", "purple", "slowly", "again", "window")


def poisoned(kind: Poison, every: Sequence[Exchange], chance: random.Random) -> Exchange:
    """An exchange that a troll of a kind would have the bot learn, made from everyday ones."""
    one = chance.choice(every)
    if kind is Poison.TRIGGER:
        return Exchange(with_trigger(one.asked, _FILLER, chance), PAYLOAD_REPLY)
    if kind is Poison.SHUFFLED:
        others = [other.wanted for other in every if other.wanted != one.wanted]
        return Exchange(one.asked, chance.choice(others or [one.wanted]))
    if kind is Poison.ONE_WORD:
        return Exchange(one.asked, chance.choice(ONE_WORD))
    if kind is Poison.TOXIC:
        return Exchange(one.asked, chance.choice(_unkind()))
    raise ValueError(f"a troll writes one kind of poison, not {kind.value}")


def with_trigger(text: str, filler: Sequence[str], chance: random.Random) -> str:
    """A message with the trigger and two other words anywhere in it: no two are alike, so caps must not count copies."""
    words = text.split()
    for word in (TRIGGER, *chance.sample(list(filler), 2)):
        words.insert(chance.randrange(len(words) + 1), word)
    return " ".join(words)


@cache
def _unkind() -> tuple[str, ...]:
    lines = files("mynah").joinpath("assets/simulation/unkind.txt").read_text("utf-8").splitlines()
    return tuple(line for line in lines if line.strip() and not line.startswith("#"))
