"""What must hold before a backup is restored: an empty place, the same author key, and knowing who took something back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from mynah.backing_up import DATABASE_MEMBERS
from mynah.settings import Settings
from storage import secret
from storage.errors import MynahError, Refused, WrongUsage
from storage.half_restored import DONE, MARK
from storage.migrations import HEAD
from storage.withdrawals import FILE_NAME as WITHDRAWALS
from storage.withdrawals import Withdrawal, in_order, read_withdrawals

_MAY_BE_THERE = frozenset({secret.FILE_NAME, WITHDRAWALS, MARK, DONE, "logs", "hub", "lost+found"})
"""What an empty home may hold: the two files that are kept apart from backups, and what means nothing to a restore."""


def check_empty(home: Path) -> None:
    """Nothing, where a home may be restored into.

    Raises:
        WrongUsage: there is something in it.
    """
    held = sorted({path.name for path in home.glob("*")} - _MAY_BE_THERE)
    if held:
        raise WrongUsage(
            f"The home folder {home} is not empty: {', '.join(held[:5])}.",
            advice="Restore into an empty one: move what is there aside, all but author.key and withdrawals.jsonl.",
        )


def check_header(file: Path, header: Mapping[str, Any], settings: Settings, kind: str) -> None:
    """Nothing, where a backup may be restored here.

    Args:
        file: the backup, for errors.
        header: what it says it is.
        settings: name the home, and perhaps the author key.
        kind: of the database that the settings name.

    Raises:
        WrongUsage: it holds another kind of database, or the author key is missing or another one.
        MynahError: a newer Mynah made it.
    """
    if header.get("database") not in DATABASE_MEMBERS or header["database"] != kind:
        raise WrongUsage(
            f"{file} holds a {header.get('database')} database, and the settings name a {kind} one.",
            advice="Set MYNAH_STORE__URL to a database of the same kind.",
        )
    if begun_at(header) is None:
        raise WrongUsage(f"{file} does not say when it was made.", advice="Give a file that `mynah backup` wrote.")
    if str(header.get("schema")) > HEAD:
        raise MynahError(
            f"{file} was made by a newer Mynah ({header.get('mynah')}, tables {header.get('schema')}).",
            advice="Upgrade Mynah.",
        )
    own = _own_key(settings)
    if own is None and not header.get("has_author_key"):
        raise WrongUsage(
            f"The author key is neither in {settings.home} nor in the settings nor in {file}.",
            advice=(
                f"Put the old {secret.FILE_NAME} into the home folder, or set MYNAH_STORE__AUTHOR_KEY_SECRET. "
                "With another one nobody's consent, noes and rows would be found again."
            ),
        )
    if own is not None and secret.fingerprint(own) != header.get("author_key"):
        raise WrongUsage(
            f"The author key here is not the one of {file}.",
            advice="Give the old one: with another nobody's consent, noes and rows would be found again.",
        )


def begun_at(header: Mapping[str, Any]) -> datetime | None:
    """When a copy was begun, if its header says so."""
    try:
        found = datetime.fromisoformat(str(header.get("begun_at")))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _own_key(settings: Settings) -> bytes | None:
    """The author key of the settings or of the home; none is made."""
    if settings.store.author_key_secret is not None:
        return settings.store.author_key_secret.get_secret_value().encode("utf-8")
    return secret.author_key_secret(settings.home) if (settings.home / secret.FILE_NAME).exists() else None


def known_withdrawals(
    home: Path, lists: Sequence[Path], file: Path, header: Mapping[str, Any], *, without_withdrawals: bool
) -> list[Withdrawal] | None:
    """What members took back, as far as anybody noted it; None: nobody did.

    Raises:
        WrongUsage: a list cannot be read, or a line of it is broken.
        Refused: nobody noted it, and the operator did not say that this is known.
    """
    own = home / WITHDRAWALS
    named = [*([own] if own.exists() else []), *lists]
    if named:
        return in_order(one for path in named for one in read_withdrawals(path))
    if without_withdrawals:
        return None
    raise Refused(
        f"Nobody can tell who was forgotten, or said no, since {file} was made ({header.get('begun_at')}).",
        advice=(
            f"Put the old home's {WITHDRAWALS} into the new one, or name it with --withdrawals FILE. If it is lost, or "
            "there was none, --without-withdrawals goes on; then ask in your servers who took something back since."
        ),
    )
