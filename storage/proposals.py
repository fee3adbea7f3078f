"""Retrains that are proposed because a version wears. A proposal starts nothing; it ends with the next run of its line."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.governance import SHARED_LINE
from storage.monitoring_values import Proposal
from storage.repository import Repository
from storage.tables import ProposalNoteRow, ProposalRow, RunRow


class Proposals(Repository):
    """At most one between two runs of a line."""

    async def make(self, line: str, version: str, reasons: Sequence[str]) -> Proposal | None:
        """Propose a retrain; None where one was proposed already since the line's last run."""
        at = self._clock()

        def work(session: Session) -> Proposal | None:
            if _newest(session, line) is not None:
                return None
            row = ProposalRow(
                line=line, version=version, after_run=_last_run(session, line), reasons=list(reasons), created_at=at
            )
            session.add(row)
            session.flush()
            return _value(row)

        return await self._write(work)

    async def standing(self, line: str = SHARED_LINE) -> Proposal | None:
        """What is proposed on a line and nobody has asked a run for yet."""

        def work(session: Session) -> Proposal | None:
            row = _newest(session, line)
            return None if row is None else _value(row)

        return await self._read(work)

    async def claim_note(self, proposal_id: int, server: str, channel: str) -> bool:
        """Take it upon oneself to tell a server of a proposal; False where that was done before, or it is gone."""
        at = self._clock()

        def work(session: Session) -> bool:
            if session.get(ProposalRow, proposal_id) is None:
                return False
            if session.get(ProposalNoteRow, (proposal_id, server)) is not None:
                return False
            session.add(ProposalNoteRow(proposal_id=proposal_id, server=server, channel=channel, created_at=at))
            return True

        return await self._write(work)


def _last_run(session: Session, line: str) -> int:
    return session.scalar(select(func.max(col(RunRow.id))).where(col(RunRow.line) == line)) or 0


def _newest(session: Session, line: str) -> ProposalRow | None:
    return session.scalar(
        select(ProposalRow).where(col(ProposalRow.line) == line, col(ProposalRow.after_run) == _last_run(session, line))
    )


def _value(row: ProposalRow) -> Proposal:
    return Proposal(row.id, row.line, row.version, tuple(row.reasons), row.created_at)
