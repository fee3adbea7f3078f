"""Bringing a backup back into an empty home and an empty database: all of it, or nothing.

Everything is laid out and checked under `.restoring` in the home, as long as which nobody opens the database; what members
took back since the copy is taken back again there. Then the parts are moved to their places, and the mark goes last. A
restore that was killed before that leaves nothing to mend: the same command begins anew, or finishes the moves.
"""

import asyncio
import logging
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from mynah.backing_up import DATABASE_MEMBERS, STATE_FILES
from mynah.restore_checks import begun_at, check_empty, check_header, known_withdrawals
from mynah.restore_places import DATABASE, begin_anew, is_ready, marked, move_home, note_filling, note_ready
from mynah.settings import Settings
from mynah.world import OPERATOR, Clock
from storage import secret
from storage.archive import Unpacked, read_header, unpack
from storage.database_copies import DatabaseCopies, SqliteCopies, copies_of
from storage.errors import MynahError
from storage.half_restored import MARK
from storage.manifest import sync_file
from storage.model_store import open_model_store
from storage.registry import ModelRegistry
from storage.store import Store, database_of, open_store
from storage.waiting import EVERYWHERE
from storage.withdrawals import FILE_NAME as WITHDRAWALS
from storage.withdrawals import Taken, Withdrawal, write_withdrawals
from trainer.taking_back import TakenBack

logger = logging.getLogger(__name__)

_CLOCKS_DIFFER = timedelta(minutes=10)
"""How much earlier than the copy a withdrawal may be noted and yet not be in it."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of a restore."""

    begun_at: datetime | None
    """When the copy was made; None: an interrupted restore was only finished."""
    versions: tuple[str, ...]
    left_out: Mapping[str, str]
    """Versions whose rows are there, and whose files the backup had not."""
    forgotten: tuple[int, ...]
    """The numbers of the receipts of members who were forgotten since the copy, and now once more."""
    denials: int
    """How many noes to learning since the copy were recorded again."""
    kept_out: int
    """How many messages that somebody asked not to be learnt since the copy were marked again."""
    withdrawals_known: bool


async def restore(
    settings: Settings, file: Path, *, lists: Sequence[Path], without_withdrawals: bool, clock: Clock
) -> Restored:
    """Bring a backup back.

    Args:
        settings: name the home and the database.
        file: the backup.
        lists: further lists of what members took back, from other machines.
        without_withdrawals: whether to go on where there is no such list at all.
        clock: the time.

    Raises:
        WrongUsage: home or database is not empty, the author key is missing or another one, the file is no backup.
        Refused: nobody can tell what members took back since the copy, or a member of the file is none of a backup.
        BackupDamaged: the file is not whole.
        MynahError: a newer Mynah made it, or the disk or the database failed.
    """
    home = settings.home
    database = database_of(settings.store, home)
    copies = copies_of(database)
    try:
        if not (home / MARK).exists():  # a home that is in use is not even marked
            await asyncio.to_thread(check_empty, home)
        with marked(home) as mark:
            if is_ready(mark, copies):
                await copies.finished()
                await asyncio.to_thread(move_home, mark, home, copies)
                return Restored(None, (), {}, (), 0, 0, withdrawals_known=True)
            await begin_anew(mark, copies)
            await asyncio.to_thread(check_empty, home)
            header = await asyncio.to_thread(read_header, file)
            check_header(file, header, settings, copies.kind)
            await copies.check_unused()
            known = known_withdrawals(home, lists, file, header, without_withdrawals=without_withdrawals)
            unpacked = await asyncio.to_thread(unpack, file, mark / "unpacked")
            staged = await asyncio.to_thread(_lay_out, mark, settings, unpacked)
            try:
                restored = await _fill(mark, staged, settings, copies, unpacked, known, clock)
            except BaseException:
                await begin_anew(mark, copies)
                raise
            write_withdrawals(staged / WITHDRAWALS, known or [])
            await asyncio.to_thread(_sync, staged)
            note_ready(mark, copies)
            await copies.finished()
            await asyncio.to_thread(move_home, mark, home, copies)
    except OSError as error:
        raise MynahError(
            f"The home folder {home} failed: {error.strerror or type(error).__name__}.",
            advice="Check its disk's space and permissions, then give the same command again.",
        ) from error
    finally:
        await database.close()
    logger.info("backup restored", extra={"versions": len(restored.versions), "forgotten": len(restored.forgotten)})
    return restored


def _lay_out(mark: Path, settings: Settings, unpacked: Unpacked) -> Path:
    """The home as it will be, from what was unpacked; the database of PostgreSQL stays beside it."""
    found, staged = mark / "unpacked", mark / "home"
    staged.mkdir(mode=0o700)
    key = secret.FILE_NAME
    if (settings.home / key).exists():
        shutil.copyfile(settings.home / key, staged / key)
        (staged / key).chmod(0o600)
    elif settings.store.author_key_secret is None and (found / "home" / key).exists():
        (found / "home" / key).rename(staged / key)
        if secret.fingerprint(secret.author_key_secret(staged)) != unpacked.header.get("author_key"):
            raise MynahError(
                "The author key in the backup is not the one it says it is.", advice="Nothing was restored."
            )
    elif settings.store.author_key_secret is None:
        raise MynahError("The backup says that it has the author key, and has not.", advice="Nothing was restored.")
    for name in STATE_FILES:
        if (found / "home" / name).exists():
            (found / "home" / name).rename(staged / name)
    for folder in ("models", "work"):
        if (found / folder).exists():
            (found / folder).rename(staged / folder)
    for path in (staged / "models").glob("*/*"):
        path.chmod(0o444)
    if not (found / DATABASE_MEMBERS[unpacked.header["database"]]).exists():
        raise MynahError("The backup holds no database.", advice="Nothing was restored.")
    return staged


async def _fill(
    mark: Path,
    staged: Path,
    settings: Settings,
    copies: DatabaseCopies,
    unpacked: Unpacked,
    known: Sequence[Withdrawal] | None,
    clock: Clock,
) -> Restored:
    """Bring the rows in, take back again what was taken back since, and look at every version."""
    source = mark / "unpacked" / DATABASE_MEMBERS[copies.kind]
    store_settings = settings.store
    if isinstance(copies, SqliteCopies):  # opened where it is laid out, and moved with the rest
        await SqliteCopies(staged / DATABASE).fill(source)
        store_settings = store_settings.model_copy(update={"url": None})
    else:
        note_filling(mark, copies)
        await copies.fill(source)
    made_at = begun_at(unpacked.header)
    left_out = {str(version): str(why) for version, why in dict(unpacked.more.get("left_out") or {}).items()}
    async with open_store(store_settings, staged, clock=clock) as store:
        receipts, denials, kept_out = await _take_back_again(store, _since(made_at, known or ()))
        await TakenBack(store, staged / "work").clear()
        shared = open_model_store(settings.models.url) if settings.models.url else None
        registry = ModelRegistry(staged / "models", store, shared)
        rows = {one.version for one in await store.aliases.versions()}
        await asyncio.to_thread(_drop_others, staged / "models", rows)
        states = await registry.verify_all()
        bad = {version: state for version, state in states.items() if state != "ok" and version not in left_out}
        if bad:
            raise MynahError(
                f"After restoring, {len(bad)} model versions are not whole: {next(iter(bad.values()))}",
                advice="Nothing was restored. Take another backup.",
            )
        await store.audit.record(
            store.author_key(OPERATOR), "restore", str(unpacked.header.get("begun_at")), {"versions": len(states)}
        )
    (staged / f"{DATABASE}-journal").unlink(missing_ok=True)  # closed, it is empty
    kept = tuple(sorted(states.keys() - left_out.keys()))
    return Restored(made_at, kept, left_out, tuple(receipts), denials, kept_out, withdrawals_known=known is not None)


def _sync(folder: Path) -> None:
    """Put all files and names under a folder on disk; the system's own `sync` would wait for everybody else's, too."""
    for path in (*folder.rglob("*"), folder):
        sync_file(path)


def _since(made_at: datetime | None, known: Sequence[Withdrawal]) -> list[Withdrawal]:
    """Those that may not be in the copy."""
    return [one for one in known if made_at is None or one.at >= made_at - _CLOCKS_DIFFER]


def _drop_others(models: Path, known: Collection[str]) -> None:
    """Remove versions that were published while the backup was made, after its rows were copied.

    Nobody could tell whose words such a version has learnt; its run is under way in the copy, and comes to it again.
    """
    for folder in list(models.glob("*")):
        if folder.name not in known:
            shutil.rmtree(folder)


async def _take_back_again(store: Store, since: Sequence[Withdrawal]) -> tuple[list[int], int, int]:
    """Forget again who was forgotten, record again who said no, keep out what was kept out, in the order in which they did."""
    receipts, denials, kept_out = [], 0, 0
    for one in since:
        if one.taken is Taken.WORDS:
            server = None if one.server == EVERYWHERE else one.server
            receipt = await store.members.forget(one.author_key, server=server)
            receipts += [] if receipt.id is None else [receipt.id]
        elif one.taken is Taken.MESSAGE:
            turns = [] if one.turn_id is None else [one.turn_id]
            await store.kept_out.mark(one.server, [one.message] if one.message else [], one.author_key, turn_ids=turns)
            kept_out += 1
        else:
            await store.consents.set(one.server, one.author_key, allowed=False)
            denials += 1
    return receipts, denials, kept_out
