"""Where a restore lays things out, and how they get to their places: a mark that holds across a crash."""

import asyncio
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.database_copies import DatabaseCopies, SqliteCopies
from storage.errors import MynahError, WrongUsage
from storage.half_restored import DONE, MARK
from storage.manifest import sync_file, sync_folder

DATABASE = "mynah.db"
"""What the database is called where a home is laid out."""
_OWNER = "owner"
_FILLING, _READY = "filling", "ready"


@contextmanager
def marked(home: Path) -> Iterator[Path]:
    """The folder that says a restore is under way; it stays where one is to be finished.

    Raises:
        MynahError: another restore is at work in this home.
    """
    mark = home / MARK
    home.mkdir(parents=True, exist_ok=True)
    mark.mkdir(mode=0o700, exist_ok=True)
    sync_folder(home)
    with (mark / _OWNER).open("w") as owner:
        try:
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the system gives it back when a process is killed
        except BlockingIOError:
            raise MynahError(f"Another restore is at work in {home}.", advice="Wait for it.") from None
        try:
            yield mark
        finally:
            if mark.exists() and not (mark / _READY).exists() and not (mark / _FILLING).exists():
                shutil.rmtree(mark)
            shutil.rmtree(home / DONE, ignore_errors=True)


def note_filling(mark: Path, copies: DatabaseCopies) -> None:
    """Write down which database is about to be filled; on disk when this returns."""
    _note(mark, _FILLING, copies.address)


def note_ready(mark: Path, copies: DatabaseCopies) -> None:
    """Write down that all is laid out, and for which kind of database; on disk when this returns."""
    _note(mark, _READY, copies.kind)


def _note(mark: Path, name: str, told: str) -> None:
    draft = mark / f"{name}.draft"
    draft.write_text(told, "utf-8")
    sync_file(draft)
    draft.replace(mark / name)
    sync_folder(mark)


def is_ready(mark: Path, copies: DatabaseCopies) -> bool:
    """Whether an interrupted restore only has to be finished.

    Raises:
        WrongUsage: the settings name another database than it was begun with.
    """
    if not (mark / _READY).exists():
        return False
    _is_filling(mark, copies)
    if (mark / _READY).read_text("utf-8") not in {"", copies.kind}:
        raise _another_database()
    return True


def _is_filling(mark: Path, copies: DatabaseCopies) -> bool:
    """Whether an interrupted restore had begun to fill this database."""
    try:
        address = (mark / _FILLING).read_text("utf-8")
    except FileNotFoundError:
        return False
    if address != copies.address:
        raise _another_database()
    return True


def _another_database() -> WrongUsage:
    return WrongUsage(
        "The restore that was interrupted here filled another database.",
        advice="Name that one in MYNAH_STORE__URL, and give the same command again.",
    )


async def begin_anew(mark: Path, copies: DatabaseCopies) -> None:
    """Undo what an earlier or a failed restore had begun, the database last filled first."""
    if _is_filling(mark, copies):
        await copies.empty()
    await asyncio.to_thread(_clear, mark)


def _clear(mark: Path) -> None:
    for path in mark.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != _OWNER:
            path.unlink()


def move_home(mark: Path, home: Path, copies: DatabaseCopies) -> None:
    """Move what is laid out to its places, and take the mark away. Again after a crash: what was moved is not there any more."""
    for path in sorted((mark / "home").iterdir()):
        if path.name == DATABASE and isinstance(copies, SqliteCopies):
            _move_file(path, copies.path)
        else:
            path.replace(home / path.name)
    shutil.rmtree(home / DONE, ignore_errors=True)
    mark.rename(home / DONE)
    sync_folder(home)


def _move_file(path: Path, target: Path) -> None:
    """Move a file, also to another disk, so that it is whole under its name."""
    try:
        path.replace(target)
    except OSError:
        draft = target.with_name(f".{target.name}.restoring")
        shutil.copyfile(path, draft)
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(target)
        path.unlink()
    sync_folder(target.absolute().parent)
