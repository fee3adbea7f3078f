"""Figures for people who run a server: counts by day, perplexity by version. Numbers only, never words.

Everything is of one server, or of one line of champions; nothing is summed over servers that do not share a model.
"""

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import BigInteger, ColumnElement, cast, extract, func, or_, select
from sqlalchemy.orm import Mapped, Session
from sqlmodel import col

from storage.aliases import version_of_row
from storage.governance import SHARED_LINE
from storage.repository import Repository
from storage.tables import (
    AliasChangeRow,
    CandidateRow,
    EvaluationRow,
    ModelVersionRow,
    ReviewRow,
    SnapshotRow,
    TurnRow,
    VoteRow,
)
from storage.values import Alias, CandidateState, ModelVersion, Outcome, Role

_DAY_SECONDS = 86400


@dataclass(frozen=True, slots=True)
class DayFigures:
    """What happened in a server on one day (UTC)."""

    day: date
    messages: int = 0
    """Of people."""
    answers: int = 0
    held: int = 0
    """Answers that the screens held."""
    refused: int = 0
    """Answers that the screens refused."""
    votes_up: int = 0
    votes_down: int = 0
    decided: int = 0
    """Decisions of moderators, also those taken back since."""


@dataclass(frozen=True, slots=True)
class VersionFigures:
    """How well a version knows a set of items, by its newest evaluation."""

    version: str
    set_name: str
    perplexity: float
    created_at: datetime


class Figures(Repository):
    """Counts and measurements."""

    async def days(self, server: str, *, days: int = 30) -> list[DayFigures]:
        """The last days of a server, oldest first, today included; days on which nothing happened as well."""
        today = self._clock().astimezone(UTC).date()
        first = today - timedelta(days=days - 1)
        begin = datetime.combine(first, datetime.min.time(), UTC)

        def work(session: Session) -> list[DayFigures]:
            found: dict[int, dict[str, int]] = {}
            turn_day, vote_day, review_day = map(
                _day, (col(TurnRow.created_at), col(VoteRow.created_at), col(ReviewRow.created_at))
            )
            turns = (
                select(turn_day, col(TurnRow.role), col(TurnRow.outcome), func.count())
                .where(col(TurnRow.server) == server, col(TurnRow.created_at) >= begin)
                .group_by(turn_day, col(TurnRow.role), col(TurnRow.outcome))
            )
            for day, role, outcome, count in session.execute(turns):
                for name in _names(role, outcome):
                    _add(found, day, name, count)
            votes = (
                select(vote_day, col(VoteRow.value), func.count())
                .join(TurnRow, col(TurnRow.id) == col(VoteRow.turn_id))
                .where(col(TurnRow.server) == server, col(VoteRow.created_at) >= begin)
                .group_by(vote_day, col(VoteRow.value))
            )
            for day, value, count in session.execute(votes):
                _add(found, day, "votes_up" if value > 0 else "votes_down", count)
            reviews = (
                select(review_day, func.count())
                .where(col(ReviewRow.server) == server, col(ReviewRow.created_at) >= begin)
                .group_by(review_day)
            )
            for day, count in session.execute(reviews):
                _add(found, day, "decided", count)
            every = [first + timedelta(days=ahead) for ahead in range(days)]
            return [DayFigures(day, **found.get(_seconds(day), {})) for day in every]

        return await self._read(work)

    async def candidates(self, server: str) -> dict[CandidateState, int]:
        """How many examples of a server wait, are approved and are rejected."""
        query = (
            select(col(CandidateRow.state), func.count())
            .where(col(CandidateRow.server) == server)
            .group_by(col(CandidateRow.state))
        )

        def work(session: Session) -> dict[CandidateState, int]:
            counted = {CandidateState(state): count for state, count in session.execute(query)}
            return {state: counted.get(state, 0) for state in CandidateState}

        return await self._read(work)

    async def versions(self, line: str = SHARED_LINE) -> list[ModelVersion]:
        """The versions that a line may use, newest first: those trained for it, and those made of nobody's words."""
        query = (
            select(ModelVersionRow)
            .outerjoin(SnapshotRow, col(SnapshotRow.content_hash) == col(ModelVersionRow.snapshot_hash))
            .where(or_(col(ModelVersionRow.snapshot_hash).is_(None), col(SnapshotRow.line) == line))
            .order_by(col(ModelVersionRow.created_at).desc(), col(ModelVersionRow.version).desc())
        )
        return await self._read(lambda session: [version_of_row(row) for row in session.scalars(query)])

    async def perplexities(self, line: str = SHARED_LINE, *, versions: int = 12) -> list[VersionFigures]:
        """Perplexities of the versions that became champions of a line, in the order in which they first did.

        Args:
            line: which line.
            versions: at most so many, the newest.
        """
        champions = (
            select(col(AliasChangeRow.to_version), func.min(col(AliasChangeRow.id)))
            .where(
                col(AliasChangeRow.line) == line,
                col(AliasChangeRow.alias) == Alias.CHAMPION,
                col(AliasChangeRow.to_version).is_not(None),
            )
            .group_by(col(AliasChangeRow.to_version))
            .order_by(func.min(col(AliasChangeRow.id)).desc())
            .limit(versions)
        )

        def work(session: Session) -> list[VersionFigures]:
            order = [version for version, _ in session.execute(champions)][::-1]
            rows = session.scalars(
                select(EvaluationRow).where(col(EvaluationRow.version).in_(order)).order_by(col(EvaluationRow.id))
            )
            newest = {(row.version, row.set_name): row for row in rows if row.perplexity is not None}
            return [
                VersionFigures(version, row.set_name, row.perplexity or math.nan, row.created_at)
                for version in order
                for (of, _), row in sorted(newest.items())
                if of == version
            ]

        return await self._read(work)


def _names(role: str, outcome: str) -> tuple[str, ...]:
    if role == Role.USER:
        return ("messages",)
    if role != Role.ASSISTANT:
        return ()
    stopped = {Outcome.HOLD: ("held",), Outcome.REFUSE: ("refused",)}
    return ("answers", *stopped.get(Outcome(outcome), ()))


def _day(at: Mapped[datetime]) -> ColumnElement[int]:
    """The first second of the day that a time lies in, since 1970; the same on SQLite and PostgreSQL."""
    seconds = extract("epoch", at)
    return cast(seconds - seconds % _DAY_SECONDS, BigInteger)


def _seconds(day: date) -> int:
    return int(datetime.combine(day, datetime.min.time(), UTC).timestamp())


def _add(found: dict[int, dict[str, int]], day: int, name: str, count: int) -> None:
    of_day = found.setdefault(day, {})
    of_day[name] = of_day.get(name, 0) + count
