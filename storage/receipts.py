"""Receipts of forgetting: what was removed, which versions had learnt from it, and since when a clean one answers.

Promise: a receipt is settled only when no version that answers now, on any line or as a canary, was made from words that
the member had taken back. It holds figures, never words; the address to tell somebody at is emptied once they were told.
"""

from datetime import datetime

from sqlalchemy import Select, func, literal, select
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.aliases import champions
from storage.governance import Receipt
from storage.repository import Repository
from storage.server_choices import Lines
from storage.tables import CanaryRow, CandidateRow, ModelVersionRow, ReceiptRow, SnapshotAuthorRow, SnapshotCandidateRow
from storage.values import ForgetReceipt
from storage.waiting import EVERYWHERE


class Receipts(Repository):
    """What was promised to members who were forgotten."""

    async def get(self, receipt_id: int) -> Receipt | None:
        """One receipt."""

        def work(session: Session) -> Receipt | None:
            row = session.get(ReceiptRow, receipt_id)
            return None if row is None else receipt_of(row)

        return await self._read(work)

    async def of(self, author_key: str) -> list[Receipt]:
        """A member's receipts, oldest first."""
        return await self._list(select(ReceiptRow).where(col(ReceiptRow.author_key) == author_key))

    async def open(self) -> list[Receipt]:
        """Those for which no clean version answers yet, oldest first."""
        return await self._list(_unsettled())

    async def to_tell(self) -> list[Receipt]:
        """Those that are settled and whose member waits to hear of it, oldest first."""
        return await self._list(
            select(ReceiptRow).where(
                col(ReceiptRow.clean_at).is_not(None),
                col(ReceiptRow.told_at).is_(None),
                col(ReceiptRow.notify_id).is_not(None),
            )
        )

    async def told(self, receipt_id: int) -> None:
        """The member was told, or cannot be: their address is emptied."""
        at = self._clock()

        def work(session: Session) -> None:
            row = session.get(ReceiptRow, receipt_id)
            if row is not None and row.told_at is None:
                row.told_at, row.notify_id = at, None

        await self._write(work)

    async def settle(self) -> list[Receipt]:
        """Settle the receipts that the versions answering now have made clean; returns these.

        Call it whenever what answers changes: after a promotion, a rollback, and when a canary begins or ends.
        """
        at = self._clock()

        def work(session: Session) -> list[Receipt]:
            settled = []
            for row in session.scalars(_unsettled().order_by(col(ReceiptRow.id))).all():
                if not _is_dirty(session, row):
                    row.clean_at, row.clean_version = at, _answering(session, Lines.now(session, self._defaults), row)
                    settled.append(receipt_of(row))
            return settled

        return await self._write(work)

    async def naming(self, version: str) -> int:
        """How many receipts a version would break if it answered again: it has learnt from words taken back."""

        def work(session: Session) -> int:
            if not _misses_examples(session, version):
                return 0
            theirs = (
                select(func.count(col(ReceiptRow.id).distinct()))
                .join(SnapshotAuthorRow, col(SnapshotAuthorRow.author_key) == col(ReceiptRow.author_key))
                .where(
                    col(SnapshotAuthorRow.snapshot_hash).in_(_snapshot_of(version)),
                    col(ReceiptRow.server).in_([col(SnapshotAuthorRow.server), literal(EVERYWHERE)]),
                )
            )
            return session.scalar(theirs) or 0

        return await self._read(work)

    async def _list(self, query: Select[ReceiptRow]) -> list[Receipt]:
        query = query.order_by(col(ReceiptRow.id))
        return await self._read(lambda session: [receipt_of(row) for row in session.scalars(query)])


def write_receipt(
    session: Session,
    at: datetime,
    lines: Lines,
    author_key: str,
    server: str,
    removed: ForgetReceipt,
    notify_id: str | None,
) -> int:
    """Keep what forgetting a member removed; settled at once if no version that answers had learnt from them.

    Returns:
        The receipt's id.
    """
    row = ReceiptRow(
        server=server,
        author_key=author_key,
        notify_id=notify_id,
        turns=removed.turns,
        candidates=removed.candidates,
        votes=removed.votes,
        versions=list(removed.versions),
        created_at=at,
    )
    session.add(row)
    session.flush()
    if not _is_dirty(session, row):
        row.clean_at, row.told_at, row.notify_id = at, at, None
        row.clean_version = _answering(session, lines, row) if removed.versions else None
    return row.id


def receipts_of(session: Session, author_key: str, server: str | None) -> list[Receipt]:
    """A member's receipts, oldest first; of one server, or of all."""
    query = select(ReceiptRow).where(col(ReceiptRow.author_key) == author_key).order_by(col(ReceiptRow.id))
    if server is not None:
        query = query.where(col(ReceiptRow.server).in_([server, EVERYWHERE]))
    return [receipt_of(row) for row in session.scalars(query)]


def receipt_of(row: ReceiptRow) -> Receipt:
    """A row as a value."""
    return Receipt(
        id=row.id,
        server=row.server,
        author_key=row.author_key,
        notify_id=row.notify_id,
        turns=row.turns,
        candidates=row.candidates,
        votes=row.votes,
        versions=tuple(row.versions),
        created_at=row.created_at,
        clean_version=row.clean_version,
        clean_at=row.clean_at,
        told_at=row.told_at,
    )


def _unsettled() -> Select[ReceiptRow]:
    return select(ReceiptRow).where(col(ReceiptRow.clean_at).is_(None))


def _answering(session: Session, lines: Lines, row: ReceiptRow) -> str | None:
    """The champion that answers where the member was forgotten."""
    return champions(session).get(lines.of(row.server))


def _is_dirty(session: Session, row: ReceiptRow) -> bool:
    """Whether a version that answers now has learnt from what the member took back."""
    canaries = session.scalars(select(col(CanaryRow.version)).where(col(CanaryRow.ended_at).is_(None)))
    answering = {*champions(session).values(), *canaries}
    return any(_has_learnt(session, version, row) for version in sorted(answering))


def _has_learnt(session: Session, version: str, row: ReceiptRow) -> bool:
    """Whether a version was made from a member's words that are deleted now.

    A member may have agreed again since: then the words in newer versions are there still, and none is missing.
    """
    theirs = select(func.count()).where(
        col(SnapshotAuthorRow.snapshot_hash).in_(_snapshot_of(version)),
        col(SnapshotAuthorRow.author_key) == row.author_key,
    )
    if row.server != EVERYWHERE:
        theirs = theirs.where(col(SnapshotAuthorRow.server) == row.server)
    return bool(session.scalar(theirs)) and _misses_examples(session, version)


def _misses_examples(session: Session, version: str) -> bool:
    """Whether an example that a version was made from is deleted now."""
    missing = (
        select(col(SnapshotCandidateRow.candidate_id))
        .join(CandidateRow, col(CandidateRow.id) == col(SnapshotCandidateRow.candidate_id), isouter=True)
        .where(col(SnapshotCandidateRow.snapshot_hash).in_(_snapshot_of(version)), col(CandidateRow.id).is_(None))
    )
    return session.scalar(missing.limit(1)) is not None


def _snapshot_of(version: str) -> Select[str | None]:
    return select(col(ModelVersionRow.snapshot_hash)).where(col(ModelVersionRow.version) == version)
