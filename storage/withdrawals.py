"""What members took back, noted beside the database, so that an older copy of it cannot bring it back.

A copy of the database knows who was forgotten and who said no until it was made. Whoever did so afterwards would be
learnt from again when the copy is restored, unless it stands somewhere else, too: in `withdrawals.jsonl` of the home
folder, one line each, with the member's keyed hash and no words. A forget is written here before the database is asked,
a no and a message that is not to be learnt at the same time, since nothing may be approved meanwhile; nobody is told that it is
done before both are. A line too many only takes back once more what somebody wanted taken back.
"""

import asyncio
import errno
import json
import logging
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from storage.errors import WrongUsage
from storage.manifest import sync_folder

logger = logging.getLogger(__name__)

FILE_NAME = "withdrawals.jsonl"


class Taken(StrEnum):
    """What a member took back."""

    WORDS = "forget"
    """Everything they said."""
    CONSENT = "no"
    """That they may be learnt from."""
    MESSAGE = "keep out"
    """That a message may be learnt from, whoever's it is."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """One line of the file."""

    at: datetime
    taken: Taken
    author_key: str
    """Whose words or consent it is; of a message, who asked."""
    server: str
    """Where, or `storage.waiting.EVERYWHERE`."""
    message: str = ""
    """Its id at the face, where it is about one."""
    turn_id: int | None = None
    """Of what is no message at the face."""


class Withdrawals:
    """The file of one home folder."""

    def __init__(self, home: Path) -> None:
        self._path = home / FILE_NAME

    async def note(self, withdrawal: Withdrawal) -> None:
        """Add a line, on disk when this returns. A disk that cannot take it keeps nobody from being forgotten."""
        try:
            await asyncio.to_thread(self._append, withdrawal)
        except OSError as error:
            logger.warning("withdrawal not noted", extra={"error": type(error).__name__})

    def _append(self, withdrawal: Withdrawal) -> None:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            is_torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"  # a full disk took half of a line
            line = (b"\n" if is_torn else b"") + _line(withdrawal)
            if os.write(descriptor, line) < len(line):  # which a disk that is nearly full calls no error
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if size == 0:
            sync_folder(self._path.parent)


def read_withdrawals(path: Path) -> list[Withdrawal]:
    """All lines of a file, oldest first.

    Raises:
        WrongUsage: it cannot be read, or a line is broken; names the line.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUsage(f"{path} cannot be read.", advice=f"Give a {FILE_NAME} of a home folder.") from error
    return in_order(_withdrawal(path, number, line) for number, line in enumerate(lines, 1) if line.strip())


def in_order(withdrawals: Iterable[Withdrawal]) -> list[Withdrawal]:
    """Each once, oldest first."""
    return sorted(set(withdrawals), key=lambda one: (one.at, _line(one)))


def write_withdrawals(path: Path, withdrawals: Iterable[Withdrawal]) -> None:
    """Write a file anew, each once, oldest first."""
    path.write_bytes(b"".join(_line(one) for one in in_order(withdrawals)))
    path.chmod(0o600)


def _line(withdrawal: Withdrawal) -> bytes:
    told = {name: value for name, value in asdict(withdrawal).items() if value not in ("", None)}
    told["at"] = withdrawal.at.isoformat()
    return json.dumps(told, ensure_ascii=True).encode("ascii") + b"\n"


def _withdrawal(path: Path, number: int, line: str) -> Withdrawal:
    try:
        told = json.loads(line)
        found = Withdrawal(
            datetime.fromisoformat(told["at"]).astimezone(UTC),
            Taken(told["taken"]),
            str(told["author_key"]),
            str(told["server"]),
            str(told.get("message", "")),
            None if told.get("turn_id") is None else int(told["turn_id"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise WrongUsage(
            f"Line {number} of {path} is no withdrawal.",
            advice="Mend or remove that line: a crash may have cut it short. Somebody may have been forgotten then.",
        ) from error
    return found
