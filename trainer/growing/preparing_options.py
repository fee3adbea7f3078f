"""How talk is prepared: everything beside the talk itself that decides about the files."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """How talk is prepared."""

    heldout_share: float = 0.02
    """Of the conversations, 0 to below 1."""
    longest_turn: int = 2_000
    """In characters; Discord's own limit."""
    lowercase: bool = False
    spelling: str | None = None
    """Language of the dictionary; None: words stay as they are."""
    screened: bool = True
    """Whether toxic talk is looked for; personal data always is."""
    licence: str | None = None
    """Of what has none of its own."""
    skip: tuple[str, ...] = ()
    """Patterns of file names in folders that are left out."""
    seed: int = 1
    """Of what is held out."""
