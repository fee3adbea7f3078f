"""The `.env` file: set some variables in it, and leave every other line as it was."""

import os
from collections.abc import Mapping
from pathlib import Path

from storage.errors import MynahError

MODE = 0o600
"""Readable by its owner only: it holds the token."""


def set_variables(path: Path, values: Mapping[str, str]) -> None:
    """Write `NAME=value` lines, in place of the same names where they are and at the end where they are not.

    The file appears whole or not at all, and readable by its owner only.

    Raises:
        MynahError: the file cannot be read or written.
    """
    waiting = dict(values)
    try:
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        kept = []
        for line in lines:
            name = line.removeprefix("export ").partition("=")[0].strip()
            if name not in values:
                kept.append(line)
            elif name in waiting:
                kept.append(f"{name}={waiting.pop(name)}")
        kept += [f"{name}={value}" for name, value in waiting.items()]
        _write(path, "\n".join(kept) + "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise MynahError(
            f"{path} cannot be changed: {error}.", advice="Mend its permissions, or put the lines in by hand."
        ) from None


def _write(path: Path, text: str) -> None:
    target = path.resolve()  # a link stays a link
    staged = target.with_name(f"{target.name}.{os.getpid()}.new")
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, MODE)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), MODE)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(target)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
