"""Runs of the trainer: requested by anyone allowed, done by whoever holds the lease."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.errors import Refused, WrongUsage
from storage.governance import SHARED_LINE
from storage.repository import Repository
from storage.run_quotes import clear_quotes, may_quote_what_is_gone
from storage.tables import RunRow
from storage.text import storable, storable_json
from storage.values import Run, RunState

_FINAL = [state.value for state in RunState if state.is_final]
_REACHED_THE_GATE = [RunState.GATING, RunState.PUBLISHING, RunState.PROMOTED, RunState.REFUSED]


class Runs(Repository):
    """Requests, progress and outcomes."""

    async def request(self, by: str, line: str = SHARED_LINE) -> Run:
        """Ask for a run for a line; returns the one already requested and not begun, if there is one."""
        at = self._clock()

        def work(session: Session) -> Run:
            row = session.scalar(_requested().where(col(RunRow.line) == line))
            if row is None:
                row = RunRow(
                    state=RunState.REQUESTED.value,
                    requested_by=storable(by),
                    progress=0.0,
                    note="",
                    newest_review_id=0,
                    cancel_requested=False,
                    created_at=at,
                    updated_at=at,
                    line=line,
                )
                session.add(row)
                session.flush()
            return run_of(row)

        return await self._write(work)

    async def next_requested(self) -> Run | None:
        """The oldest run that waits to begin, for whichever line."""
        return await self._first(_requested())

    async def unfinished(self) -> Run | None:
        """A run that began and has no outcome: its process died, or works on it now."""
        begun = select(RunRow).where(col(RunRow.state).not_in([RunState.REQUESTED, *_FINAL]))
        return await self._first(begun.order_by(col(RunRow.id)).limit(1))

    async def advance(
        self,
        run_id: int,
        state: RunState,
        *,
        progress: float | None = None,
        note: str | None = None,
        snapshot_hash: str | None = None,
        version: str | None = None,
        report: Mapping[str, object] | None = None,
        newest_review_id: int | None = None,
    ) -> Run:
        """Move a run on; what is None stays as it was. A final state sets `finished_at`.

        A report that may quote words which were taken back meanwhile is kept without its quotes.

        Raises:
            Refused: the run has ended already, in another state.
            WrongUsage: no such run.
        """
        at = self._clock()
        changes: dict[str, Any] = {
            "progress": progress,
            "note": None if note is None else storable(note),
            "snapshot_hash": snapshot_hash,
            "version": version,
            "report": None if report is None else storable_json(report),
            "newest_review_id": newest_review_id,
        }

        def work(session: Session) -> Run:
            row = _existing(session, run_id)
            if RunState(row.state).is_final and row.state != state:
                raise Refused(f"Run {run_id} has ended already: {row.state}.")
            for name, value in changes.items():
                if value is not None:
                    setattr(row, name, value)
            if report is not None and may_quote_what_is_gone(session, row):
                clear_quotes(row)
            _move(row, at, state)
            session.flush()
            return run_of(row)

        return await self._write(work)

    async def cancel(self, run_id: int) -> Run:
        """Ask for a run to be cancelled; one not begun is cancelled at once.

        Raises:
            Refused: the run has ended already.
            WrongUsage: no such run.
        """
        at = self._clock()

        def work(session: Session) -> Run:
            row = _existing(session, run_id)
            if RunState(row.state).is_final:
                raise Refused(f"Run {run_id} has ended already: {row.state}.")
            row.cancel_requested = True
            _move(row, at, RunState.CANCELLED if row.state == RunState.REQUESTED else RunState(row.state))
            session.flush()
            return run_of(row)

        return await self._write(work)

    async def get(self, run_id: int) -> Run | None:
        """One run."""
        return await self._first(select(RunRow).where(col(RunRow.id) == run_id))

    async def latest(self, *, limit: int = 10, line: str | None = None) -> list[Run]:
        """The newest runs, newest first; of one line, or of all."""
        query = select(RunRow).order_by(col(RunRow.id).desc()).limit(limit)
        if line is not None:
            query = query.where(col(RunRow.line) == line)
        return await self._read(lambda session: [run_of(row) for row in session.scalars(query)])

    async def counts(self) -> dict[RunState, int]:
        """How many runs there are in each state, of all lines."""
        query = select(col(RunRow.state), func.count()).group_by(col(RunRow.state))

        def work(session: Session) -> dict[RunState, int]:
            found = {RunState(state): count for state, count in session.execute(query)}
            return {state: found.get(state, 0) for state in RunState}

        return await self._read(work)

    async def without_quotes(self) -> list[int]:
        """The runs whose reports must not quote anybody any more."""
        query = select(col(RunRow.id)).where(col(RunRow.quotes_cleared).is_(True)).order_by(col(RunRow.id))
        return await self._read(lambda session: list(session.scalars(query)))

    async def newest_review_learnt(self, line: str = SHARED_LINE) -> int:
        """The newest review id that any run of a line which reached the gate has taken into account; 0 if none."""
        query = select(func.max(col(RunRow.newest_review_id))).where(
            col(RunRow.state).in_(_REACHED_THE_GATE), col(RunRow.line) == line
        )
        return await self._read(lambda session: session.scalar(query) or 0)

    async def _first(self, query: Select[RunRow]) -> Run | None:
        def work(session: Session) -> Run | None:
            row = session.scalar(query)
            return None if row is None else run_of(row)

        return await self._read(work)


def _requested() -> Select[RunRow]:
    return select(RunRow).where(col(RunRow.state) == RunState.REQUESTED).order_by(col(RunRow.id)).limit(1)


def _existing(session: Session, run_id: int) -> RunRow:
    row = session.get(RunRow, run_id)
    if row is None:
        raise WrongUsage(f"There is no run {run_id}.")
    return row


def _move(row: RunRow, at: datetime, state: RunState) -> None:
    row.state = state.value
    row.updated_at = at
    if state.is_final and row.finished_at is None:
        row.finished_at = at


def run_of(row: RunRow) -> Run:
    """A row as a value."""
    return Run(
        id=row.id,
        state=RunState(row.state),
        requested_by=row.requested_by,
        progress=row.progress,
        note=row.note,
        snapshot_hash=row.snapshot_hash,
        version=row.version,
        report=row.report,
        cancel_requested=row.cancel_requested,
        created_at=row.created_at,
        updated_at=row.updated_at,
        finished_at=row.finished_at,
        line=row.line,
    )
