"""Evaluations: figures of a version on a set of items, and how they went over time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.governance import SHARED_LINE
from storage.repository import Repository
from storage.tables import EvaluationRow, RunRow
from storage.values import Evaluation, RunState


@dataclass(frozen=True, slots=True)
class Measured:
    """One point of the history: a version's figures on a set, when they were taken, and what came of it."""

    id: int
    figures: Evaluation
    created_at: datetime
    outcome: RunState
    """Of the run that measured it."""
    is_challenger: bool
    """Whether the run made this version; otherwise it was the champion that the new one was compared with."""


class Evaluations(Repository):
    """Perplexity and accuracy, by version and set."""

    async def add(self, evaluations: Sequence[Evaluation]) -> None:
        """Write figures."""
        at = self._clock()
        kept = list(evaluations)

        def work(session: Session) -> None:
            session.add_all(
                EvaluationRow(
                    run_id=figures.run_id,
                    version=figures.version,
                    set_name=figures.set_name,
                    items=figures.items,
                    tokens=figures.tokens,
                    perplexity=_number(figures.perplexity),
                    token_accuracy=_number(figures.token_accuracy),
                    bits_per_byte=_number(figures.bits_per_byte),
                    created_at=at,
                )
                for figures in kept
            )

        await self._write(work)

    async def of_version(self, version: str) -> list[Evaluation]:
        """All figures of a version, oldest first."""
        query = select(EvaluationRow).where(col(EvaluationRow.version) == version).order_by(col(EvaluationRow.id))

        return await self._read(lambda session: [_evaluation(row) for row in session.scalars(query)])

    async def history(
        self, line: str = SHARED_LINE, *, set_name: str | None = None, before_id: int | None = None, limit: int = 200
    ) -> list[Measured]:
        """The newest figures of a line's runs, oldest first: those of refused versions too, and of their rivals.

        Args:
            line: whose model.
            set_name: only of this set, such as `general`.
            before_id: only points before this one, to read on from the oldest of the last page.
            limit: at most so many.
        """
        # A run writes the champion's row of a set, then the challenger's.
        rivals = select(func.min(col(EvaluationRow.id))).group_by(
            col(EvaluationRow.run_id), col(EvaluationRow.set_name)
        )
        query = (
            select(EvaluationRow, col(RunRow.state), col(EvaluationRow.id).not_in(rivals))
            .join(RunRow, col(RunRow.id) == col(EvaluationRow.run_id))
            .where(col(RunRow.line) == line)
            .order_by(col(EvaluationRow.id).desc())
            .limit(limit)
        )
        if set_name is not None:
            query = query.where(col(EvaluationRow.set_name) == set_name)
        if before_id is not None:
            query = query.where(col(EvaluationRow.id) < before_id)

        def work(session: Session) -> list[Measured]:
            return [
                Measured(row.id, _evaluation(row), row.created_at, RunState(state), bool(is_challenger))
                for row, state, is_challenger in session.execute(query)
            ][::-1]

        return await self._read(work)


def _evaluation(row: EvaluationRow) -> Evaluation:
    return Evaluation(
        run_id=row.run_id,
        version=row.version,
        set_name=row.set_name,
        items=row.items,
        tokens=row.tokens,
        perplexity=_figure(row.perplexity),
        token_accuracy=_figure(row.token_accuracy),
        bits_per_byte=_figure(row.bits_per_byte),
    )


def _number(figure: float) -> float | None:
    return None if math.isnan(figure) else float(figure)


def _figure(number: float | None) -> float:
    return math.nan if number is None else number
