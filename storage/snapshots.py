"""Snapshots: the exact, content-hashed set of examples that one run used."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.errors import Refused
from storage.repository import Repository, chunks
from storage.server_choices import Lines
from storage.server_settings import ServerSettings
from storage.tables import CandidateAuthorRow, CandidateRow, SnapshotAuthorRow, SnapshotCandidateRow, SnapshotRow
from storage.values import Snapshot


class Snapshots(Repository):
    """Which examples went into which snapshot."""

    async def add(self, snapshot: Snapshot, candidate_ids: Sequence[int]) -> None:
        """Write a snapshot and its lineage; a hash already there is left as it is, unless an example of it was deleted.

        Then the same words are there again, of whoever said them: the lineage is theirs from now on, and whose words the
        snapshot had before is still known, so that receipts can name its versions.

        Raises:
            Refused: the hash is another line's snapshot (one that has a line of its own puts it into the hash), or a
                candidate belongs to a server of another line.
        """

        def work(session: Session) -> None:
            known = session.get(SnapshotRow, snapshot.content_hash)
            if known is not None and known.line != snapshot.line:
                raise Refused(f"Snapshot {snapshot.content_hash[:16]} belongs to another line.")
            is_incomplete = _misses_any(session, candidate_ids)
            if known is not None and (is_incomplete or not known.is_incomplete):
                return
            _refuse_other_lines(session, self._defaults, snapshot.line, candidate_ids)
            if known is not None:
                known.is_incomplete = False
                _write_lineage(session, snapshot.content_hash, candidate_ids)
                return
            session.add(
                SnapshotRow(
                    content_hash=snapshot.content_hash,
                    folder=snapshot.folder,
                    train_examples=snapshot.train_examples,
                    heldout_examples=snapshot.heldout_examples,
                    created_at=snapshot.created_at,
                    line=snapshot.line,
                    is_incomplete=is_incomplete,
                )
            )
            session.flush()
            _write_lineage(session, snapshot.content_hash, candidate_ids)

        await self._write(work)

    async def get(self, content_hash: str) -> Snapshot | None:
        """One snapshot."""

        def work(session: Session) -> Snapshot | None:
            row = session.get(SnapshotRow, content_hash)
            if row is None:
                return None
            return Snapshot(
                row.content_hash, row.folder, row.train_examples, row.heldout_examples, row.created_at, row.line
            )

        return await self._read(work)

    async def candidate_ids(self, content_hash: str) -> list[int]:
        """The candidates in it, in order."""
        query = (
            select(col(SnapshotCandidateRow.candidate_id))
            .where(col(SnapshotCandidateRow.snapshot_hash) == content_hash)
            .order_by(col(SnapshotCandidateRow.position))
        )
        return await self._read(lambda session: list(session.scalars(query)))

    async def incomplete(self) -> list[str]:
        """The snapshots of which an example was deleted since: what is left of them on a disk must go."""
        query = select(col(SnapshotRow.content_hash)).where(col(SnapshotRow.is_incomplete).is_(True))
        return await self._read(lambda session: list(session.scalars(query.order_by(col(SnapshotRow.content_hash)))))


def _write_lineage(session: Session, content_hash: str, candidate_ids: Sequence[int]) -> None:
    session.execute(delete(SnapshotCandidateRow).where(col(SnapshotCandidateRow.snapshot_hash) == content_hash))
    session.add_all(
        SnapshotCandidateRow(snapshot_hash=content_hash, position=position, candidate_id=candidate_id)
        for position, candidate_id in enumerate(candidate_ids)
    )
    for server, author_key in _authors(session, candidate_ids):
        session.merge(SnapshotAuthorRow(snapshot_hash=content_hash, server=server, author_key=author_key))
    session.flush()


def _misses_any(session: Session, candidate_ids: Sequence[int]) -> bool:
    """Whether one of some candidates is deleted."""
    there = sum(
        len(session.scalars(select(col(CandidateRow.id)).where(col(CandidateRow.id).in_(some))).all())
        for some in chunks(set(candidate_ids))
    )
    return there < len(set(candidate_ids))


def _refuse_other_lines(session: Session, defaults: ServerSettings, line: str, candidate_ids: Sequence[int]) -> None:
    """No model learns what belongs to another line, whatever the trainer collected."""
    lines = Lines.now(session, defaults)
    for some in chunks(candidate_ids):
        foreign = session.scalar(
            select(col(CandidateRow.id))
            .where(col(CandidateRow.id).in_(some), ~lines.belongs(col(CandidateRow.server), line))
            .limit(1)
        )
        if foreign is not None:
            raise Refused(f"Candidate {foreign} belongs to another line than {line or 'the shared one'}.")


def _authors(session: Session, candidate_ids: Sequence[int]) -> list[tuple[str, str]]:
    """Server and author of everyone whose words are in the candidates."""
    found: set[tuple[str, str]] = set()
    for some in chunks(candidate_ids):
        rows = session.execute(
            select(col(CandidateRow.server), col(CandidateAuthorRow.author_key))
            .join(CandidateAuthorRow, col(CandidateAuthorRow.candidate_id) == col(CandidateRow.id))
            .where(col(CandidateRow.id).in_(some))
        )
        found.update((server, author_key) for server, author_key in rows)
    return sorted(found)
