"""Who watches a simulation; does nothing unless told."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.values import Run

if TYPE_CHECKING:
    from mynah.simulation.story import Round


@dataclass(frozen=True)
class Onlooker:
    """What is told while it happens, from the event loop."""

    on_day: Callable[[int, str], None] = lambda _, __: None
    """A day begins: its number, and its date."""
    on_part: Callable[[str, int, int], None] = lambda _, __, ___: None
    """What people do now, how much of it is done, and of how much (0: nobody knows)."""
    on_told: Callable[[str, str], None] = lambda _, __: None
    """Something is over: its heading, and a sentence."""
    on_run: Callable[[Run], None] = lambda _: None
    """The trainer's run, whenever it changes."""
    on_round: Callable[["Round"], None] = lambda _: None
    """A day and its night are over."""
