"""The key of the keyed hash that stands for author ids, made once and kept beside the database."""

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from storage.errors import MynahError, WrongUsage

FILE_NAME = "author.key"

_BYTES = 32


def author_key_secret(home: Path) -> bytes:
    """The secret in `<home>/author.key`; a new random one, readable by its owner only, if there is none.

    Two processes that start together get the same one: the file appears whole, by a link that only one can make.

    Raises:
        MynahError: the folder cannot be written, or the file cannot be read.
        WrongUsage: the file holds no key.
    """
    path = home / FILE_NAME
    try:
        if not path.exists():
            _make(path)
        kept = path.read_text(encoding="ascii").strip()
        secret = bytes.fromhex(kept)
    except ValueError:
        secret = b""
    except OSError as error:
        raise MynahError(
            f"The author key {path} cannot be read or made: {error.strerror}.",
            advice="Check the folder's owner and permissions.",
        ) from error
    if len(secret) < _BYTES // 2:
        raise WrongUsage(
            f"The author key {path} is damaged.",
            advice="Restore it from a backup: without it, `/privacy forget` cannot find anybody's rows.",
        )
    return secret


def fingerprint(secret: bytes) -> str:
    """By which two author keys are told apart, without telling either."""
    return hmac.new(secret, b"which author key", hashlib.sha256).hexdigest()[:16]


def _make(path: Path) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # another process was first: its key is the key
            os.link(draft, path)
    finally:
        draft.unlink()
