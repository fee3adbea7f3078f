"""The mark of a restore that is under way in a home folder: as long as it is there, nobody opens the database."""

from pathlib import Path

from storage.errors import MynahError

MARK = ".restoring"
"""A folder in the home: what is being restored lies in it until all of it is whole."""

DONE = ".restored"
"""What the mark is called when all is in its place, until it is removed."""


def refuse_half_restored(home: Path) -> None:
    """Nothing, unless a restore has not come to its end in this home.

    Raises:
        MynahError: one has not.
    """
    if (home / MARK).exists():
        raise MynahError(
            f"A restore into {home} is under way, or was interrupted.",
            advice="Wait for it, or give the same `mynah restore` command again: it finishes or begins anew.",
        )
