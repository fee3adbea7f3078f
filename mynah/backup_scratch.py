"""Where a backup lies until it is whole, and the end of those that were killed: they hold people's words.

A draft of a killed backup is a whole copy of the database that nobody would find, and that no forgetting reaches.
"""

import fcntl
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = ".mynah-backup-"
_OWNER = "owner"
_BEGUN_WITHIN_SECONDS = 60.0
"""Younger ones may be of a process that has not said yet that it is there."""


@contextmanager
def scratch_beside(file: Path) -> Iterator[Path]:
    """A folder on the disk of a file, gone afterwards; what killed processes left there is removed first. Blocks.

    Raises:
        OSError: the disk cannot take it.
    """
    for left in file.parent.glob(f"{_PREFIX}*"):
        if _is_left(left):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=file.parent) as name:
        folder = Path(name)
        with (folder / _OWNER).open("w") as owner:
            fcntl.flock(owner, fcntl.LOCK_EX)  # the system gives it back when a process is killed
            yield folder


def _is_left(folder: Path) -> bool:
    """Whether no process works in it any more."""
    try:
        if time.time() - folder.stat().st_mtime < _BEGUN_WITHIN_SECONDS:
            return False
        with (folder / _OWNER).open("r") as owner:
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:  # killed before it could say, or gone just now
        return True
    except OSError:  # it is held, or not ours to look into
        return False
    return True
