"""What goes from screen to screen: one text in the forms that screens look at, and what one screen found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from storage.values import Outcome


@dataclass(frozen=True, slots=True)
class Subject:
    """One text, ready to be looked at."""

    original: str
    """As written, without characters that cannot be stored; never longer than the bound."""
    plain: str
    """`original` without look-alikes and invisible characters; letter case is kept."""
    forms: tuple[str, ...]
    """`original` (or `plain`, where that is all ASCII), then each reading in lower case that differs; the worst counts."""
    kept: str
    """What will be kept: `original`, or what the screens before this one made of it."""
    is_cut: bool = False
    """Whether the text was longer than the bound, and the rest was thrown away unseen."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one screen thinks of one subject."""

    outcome: Outcome = Outcome.PASS
    reasons: tuple[str, ...] = ()
    """`screen:detail` each."""
    scores: Mapping[str, float] = field(default_factory=dict)
    blocks_reply: bool = False
    is_crisis: bool = False
    text: str | None = None
    """What to keep instead of `Subject.kept`; None leaves it alone."""


NOTHING_FOUND = Finding()


class Screen(Protocol):
    """One check. Screens do not know each other, the chain or the verdicts."""

    @property
    def name(self) -> str:
        """The first half of its reasons."""
        ...

    @property
    def version(self) -> str:
        """Changes whenever the same subject could get another finding."""
        ...

    @property
    def scrubs(self) -> bool:
        """Whether it takes out what must not be kept; where such a screen fails, nothing is kept."""
        ...

    def examine(self, subjects: Sequence[Subject]) -> list[Finding]:
        """A finding for each subject, in order."""
        ...
