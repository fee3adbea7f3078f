"""Evaluations: figures of a version on a set of items."""

import math
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.repository import Repository
from storage.tables import EvaluationRow
from storage.values import Evaluation


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

        def work(session: Session) -> list[Evaluation]:
            return [
                Evaluation(
                    run_id=row.run_id,
                    version=row.version,
                    set_name=row.set_name,
                    items=row.items,
                    tokens=row.tokens,
                    perplexity=_figure(row.perplexity),
                    token_accuracy=_figure(row.token_accuracy),
                    bits_per_byte=_figure(row.bits_per_byte),
                )
                for row in session.scalars(query)
            ]

        return await self._read(work)


def _number(figure: float) -> float | None:
    return None if math.isnan(figure) else float(figure)


def _figure(number: float | None) -> float:
    return math.nan if number is None else number
