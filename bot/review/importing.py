"""Import of conversations that an operator vouches for, from a file of JSON lines.

Each line is `{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}], "author"?: "…",
"channel"?: "…"}`; other keys are ignored. Every message is screened. The file is read as a stream, so its size does
not matter.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bot.screening.protocol import Screener
from storage.store import Store


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did."""

    lines: int = 0
    """Lines that held something; blank ones are not counted."""
    added: int = 0
    duplicates: int = 0
    """Conversations that were there already, or twice in the file."""
    approved: int = 0
    """Candidates that this import approved."""
    held: int = 0
    """Added ones that screening wants a person to look at; approved all the same when the operator vouches."""
    refused: dict[str, int] = field(default_factory=dict)
    """How many conversations were refused, by reason (`toxicity:insult`, `consent:denied`)."""
    broken: tuple[tuple[int, str], ...] = ()
    """Line number (from 1) and what is wrong, for the first broken lines."""
    broken_lines: int = 0
    """How many lines are broken, also those that `broken` has no room for."""


async def import_file(
    path: Path,
    *,
    store: Store,
    screening: Screener,
    server: str,
    reviewer_key: str,
    approve: bool,
    author_key_of: Callable[[str], str],
) -> ImportReport:
    """Read a file of conversations into candidates; the same file again adds nothing.

    A conversation becomes one candidate, up to its last assistant message: training learns every assistant message of
    an example, so one per message would count the early ones again and again.

    Raises:
        WrongUsage: the file is missing, a folder, empty, or not text.
    """
    raise NotImplementedError
