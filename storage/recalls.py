"""Approved exchanges that may help an answer before they are trained in, and which answers they helped.

Promise: what may be learnt now is looked at in the same query that finds an exchange, each time anew: an exchange that was
rejected, undone, deleted, forgotten, or whose author said no or was blocked, is found no more from that moment on. So
is one that the answering version has learnt. An answer that it helped stays known as such, also when it is gone.

Which places an exchange may be shown in, and how much of it a model can take, is decided elsewhere.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, select, true
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.candidate_rows import candidates_of, is_learnable
from storage.governance import Neighbour
from storage.repository import Repository, chunks
from storage.server_choices import Lines
from storage.server_settings import ServerSettings
from storage.tables import (
    CandidateRow,
    CurationRow,
    ModelVersionRow,
    RecallMeasureRow,
    RecallRow,
    SnapshotCandidateRow,
    SnapshotRow,
    TurnRow,
)
from storage.values import Candidate
from storage.word_index import nearest

_SPARE = 8
"""Times as many are looked up as are asked for: some may not be recalled."""


@dataclass(frozen=True, slots=True)
class RecallMeasure:
    """What recalling was measured to do on a base."""

    base_hash: str
    helps: bool
    figures: Mapping[str, object]
    measured_at: datetime


@dataclass(frozen=True, slots=True)
class Helped:
    """What helped an answer."""

    candidates: tuple[Candidate, ...]
    """Those that may still be recalled."""
    not_shown: int
    """How many may not be shown, such as those taken back since."""


class Recalls(Repository):
    """What is recalled, and where."""

    async def find(self, server: str, text: str, *, version: str, limit: int) -> list[Neighbour]:
        """A server's approved exchanges near some words that a version has not learnt, best first.

        Args:
            server: never another's, also on a shared line.
            text: what somebody says.
            version: who answers; an exchange that it was trained on is not needed.
            limit: how many at most.
        """

        def work(session: Session) -> list[Neighbour]:
            scores = dict(nearest(session, server, text, limit=limit * _SPARE))
            if not scores:
                return []
            query = select(CandidateRow).where(
                col(CandidateRow.id).in_(list(scores)),
                _may_be_recalled(session, self._defaults, server),
                ~_is_learnt_by(version),
                ~_is_left_out(),
            )
            found = candidates_of(session, session.scalars(query).all())
            found.sort(key=lambda one: (-scores[one.id], -one.id))
            return [Neighbour(one, scores[one.id]) for one in found[:limit]]

        return await self._read(work)

    async def note(self, question_id: int, candidate_ids: Collection[int]) -> None:
        """Write down what is about to be put before the model for a question, again or not; one that was deleted is left out."""

        def work(session: Session) -> None:
            if session.get(TurnRow, question_id) is not None:
                for one in sorted(set(candidate_ids)):
                    session.merge(RecallRow(question_id=question_id, candidate_id=one))

        await self._write(work)

    async def behind(self, server: str, question_id: int) -> Helped:
        """What helped the answer to a question of a server."""

        def work(session: Session) -> Helped:
            ids = session.scalars(
                select(col(RecallRow.candidate_id)).where(col(RecallRow.question_id) == question_id)
            ).all()
            rows = session.scalars(
                select(CandidateRow)
                .where(col(CandidateRow.id).in_(ids), _may_be_recalled(session, self._defaults, server))
                .order_by(col(CandidateRow.id))
            ).all()
            return Helped(tuple(candidates_of(session, rows)), len(ids) - len(rows))

        return await self._read(work)

    async def helped(self, question_ids: Collection[int]) -> set[int]:
        """Those of some questions whose answers something helped."""
        return await self._read(lambda session: _questions(session, question_ids, true()))

    async def spoilt(self, server: str, question_ids: Collection[int]) -> set[int]:
        """Those of some questions of a server whose answers were helped by what may not be recalled any more."""

        def work(session: Session) -> set[int]:
            stands = (
                select(col(CandidateRow.id))
                .where(
                    col(CandidateRow.id) == col(RecallRow.candidate_id),
                    _may_be_recalled(session, self._defaults, server),
                )
                .correlate(RecallRow)
                .exists()
            )
            return _questions(session, question_ids, ~stands)

        return await self._read(work)

    async def measure(self, base_hash: str) -> RecallMeasure | None:
        """What was measured on a base; None: nothing yet."""

        def work(session: Session) -> RecallMeasure | None:
            row = session.get(RecallMeasureRow, base_hash)
            return None if row is None else RecallMeasure(row.base_hash, row.helps, row.figures, row.measured_at)

        return await self._read(work)

    async def set_measure(self, base_hash: str, *, helps: bool, figures: Mapping[str, object]) -> RecallMeasure:
        """Keep what was measured on a base, in place of what was measured before."""
        measured = RecallMeasure(base_hash, helps, figures, self._clock())

        def work(session: Session) -> None:
            session.merge(
                RecallMeasureRow(
                    base_hash=base_hash, helps=helps, figures=dict(figures), measured_at=measured.measured_at
                )
            )

        await self._write(work)
        return measured


def _may_be_recalled(session: Session, defaults: ServerSettings, server: str) -> ColumnElement[bool]:
    """A condition on candidates: of this server, and its line may learn them now."""
    lines = Lines.now(session, defaults)
    return and_(col(CandidateRow.server) == server, is_learnable(lines, lines.of(server)))


def _is_learnt_by(version: str) -> ColumnElement[bool]:
    """A condition on candidates: a version was trained on them. What was only held out it has not learnt."""
    return (
        select(col(SnapshotCandidateRow.candidate_id))
        .join(SnapshotRow, col(SnapshotRow.content_hash) == col(SnapshotCandidateRow.snapshot_hash))
        .join(ModelVersionRow, col(ModelVersionRow.snapshot_hash) == col(SnapshotRow.content_hash))
        .where(
            col(SnapshotCandidateRow.candidate_id) == col(CandidateRow.id),
            col(SnapshotCandidateRow.position) < col(SnapshotRow.train_examples),
            col(ModelVersionRow.version) == version,
        )
        .correlate(CandidateRow)
        .exists()
    )


def _is_left_out() -> ColumnElement[bool]:
    """A condition on candidates: curation keeps them out of snapshots, such as those of newcomers."""
    return (
        select(col(CurationRow.candidate_id))
        .where(col(CurationRow.candidate_id) == col(CandidateRow.id), col(CurationRow.reason) != "")
        .correlate(CandidateRow)
        .exists()
    )


def _questions(session: Session, question_ids: Collection[int], where: ColumnElement[bool]) -> set[int]:
    found: set[int] = set()
    for some in chunks(sorted(set(question_ids))):
        query = select(col(RecallRow.question_id)).where(col(RecallRow.question_id).in_(some), where)
        found.update(session.scalars(query))
    return found
