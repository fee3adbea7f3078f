"""Canaries: a version that answers a share of a line's channels until votes and screen rates decide.

Storage keeps which one is open and what was seen of its answers; deciding is the watcher's business. Figures are numbers
only, so that no text can stand in them.
"""

import hashlib
import math
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.aliases import current, refuse_other_line
from storage.audit import note
from storage.errors import Refused, WrongUsage
from storage.governance import SHARED_LINE, Canary, CanaryOutcome, Evidence
from storage.repository import Repository
from storage.server_choices import Lines
from storage.tables import CanaryRow, TurnRow, VoteRow
from storage.values import Alias, Outcome, Role


def answers(canary: Canary, server: str, channel: str) -> bool:
    """Whether a canary answers in a channel; a channel stays with it while the share only grows."""
    place = hashlib.blake2b(f"{canary.id}\n{server}\n{channel}".encode(), digest_size=8).digest()
    return int.from_bytes(place, "big") / 2**64 < canary.share


class Canaries(Repository):
    """At most one is open on a line."""

    async def start(self, version: str, share: float, *, actor: str, line: str = SHARED_LINE) -> Canary:
        """Let a version answer a share of a line's channels.

        Raises:
            Refused: one is open there already, the version is the champion, or was trained for another line.
            UnknownModel: no such version.
            WrongUsage: the share is not above 0 and at most 1.
        """
        _check_share(share)
        at = self._clock()

        def work(session: Session) -> Canary:
            refuse_other_line(session, version, line)
            champion = current(session, Alias.CHAMPION, line)
            if session.scalar(_open(line)) is not None:
                raise Refused("A canary answers here already.", advice="Promote it or end it first.")
            if champion == version:
                raise Refused(f"Version {version} is the champion.", advice="Try another version.")
            row = CanaryRow(line=line, version=version, champion=champion, share=share, started_by=actor, started_at=at)
            session.add(row)
            note(session, at, actor, "canary", version, {"share": share}, server=line or None)
            session.flush()
            return _canary(row)

        return await self._write(work)

    async def open(self, line: str = SHARED_LINE) -> Canary | None:
        """The canary of a line."""

        def work(session: Session) -> Canary | None:
            row = session.scalar(_open(line))
            return None if row is None else _canary(row)

        return await self._read(work)

    async def all_open(self) -> list[Canary]:
        """The canaries of all lines."""
        query = select(CanaryRow).where(col(CanaryRow.ended_at).is_(None)).order_by(col(CanaryRow.line))
        return await self._read(lambda session: [_canary(row) for row in session.scalars(query)])

    async def get(self, canary_id: int) -> Canary | None:
        """One canary, open or not."""

        def work(session: Session) -> Canary | None:
            row = session.get(CanaryRow, canary_id)
            return None if row is None else _canary(row)

        return await self._read(work)

    async def set_share(self, canary_id: int, share: float, *, actor: str) -> Canary:
        """Let it answer more or fewer channels.

        Raises:
            Refused: it has ended.
            WrongUsage: there is none, or the share is not above 0 and at most 1.
        """
        _check_share(share)
        at = self._clock()

        def work(session: Session) -> Canary:
            row = _still_open(session, canary_id)
            row.share = share
            note(session, at, actor, "canary", row.version, {"share": share}, server=row.line or None)
            session.flush()
            return _canary(row)

        return await self._write(work)

    async def end(
        self,
        canary_id: int,
        outcome: CanaryOutcome,
        *,
        actor: str,
        figures: Mapping[str, float] | None = None,
    ) -> Canary:
        """Let it answer no more; the first to say so decides.

        Args:
            canary_id: which.
            outcome: why. Promoting the version is another step, and comes first.
            actor: who.
            figures: what decided, numbers only.

        Raises:
            Refused: it has ended already.
            WrongUsage: there is none, or a figure is no number.
        """
        kept = {name: _number(name, value) for name, value in (figures or {}).items()}
        at = self._clock()

        def work(session: Session) -> Canary:
            row = _still_open(session, canary_id)
            row.ended_at, row.ended_by, row.outcome, row.figures = at, actor, outcome.value, kept
            details: dict[str, object] = {"outcome": outcome.value, **kept}
            note(session, at, actor, "end canary", row.version, details, server=row.line or None)
            session.flush()
            return _canary(row)

        return await self._write(work)

    async def history(self, *, line: str | None = None, limit: int = 20) -> list[Canary]:
        """The newest canaries, newest first; of one line, or of all."""
        query = select(CanaryRow).order_by(col(CanaryRow.id).desc()).limit(limit)
        if line is not None:
            query = query.where(col(CanaryRow.line) == line)
        return await self._read(lambda session: [_canary(row) for row in session.scalars(query)])

    async def evidence(self, canary_id: int) -> tuple[Evidence, Evidence]:
        """What was seen of the canary's and of the champion's answers on its line while it was open.

        Raises:
            WrongUsage: there is no such canary.
        """

        def work(session: Session) -> tuple[Evidence, Evidence]:
            row = _existing(session, canary_id)
            lines = Lines.now(session, self._defaults)
            found = [
                _evidence(session, lines, row.line, version, row.started_at, row.ended_at)
                for version in (row.version, row.champion or "")
            ]
            return found[0], found[1]

        return await self._read(work)


def _evidence(
    session: Session, lines: Lines, line: str, version: str, begin: datetime, end: datetime | None
) -> Evidence:
    during = [
        col(TurnRow.model_version) == version,
        col(TurnRow.role) == Role.ASSISTANT,
        col(TurnRow.created_at) >= begin,
        lines.belongs(col(TurnRow.server), line),
    ]
    if end is not None:
        during.append(col(TurnRow.created_at) <= end)
    outcomes = session.execute(
        select(col(TurnRow.outcome), func.count()).where(*during).group_by(col(TurnRow.outcome))
    ).all()
    votes = session.execute(
        select(col(VoteRow.value), func.count())
        .join(TurnRow, col(TurnRow.id) == col(VoteRow.turn_id))
        .where(*during)
        .group_by(col(VoteRow.value))
    ).all()
    by_outcome: dict[str, int] = {outcome: count for outcome, count in outcomes}  # noqa: C416 - rows are no tuples to mypy
    by_value: dict[int, int] = {value: count for value, count in votes}  # noqa: C416 - rows are no tuples to mypy
    return Evidence(
        version=version,
        answers=sum(by_outcome.values()),
        held=by_outcome.get(Outcome.HOLD, 0),
        refused=by_outcome.get(Outcome.REFUSE, 0),
        votes_up=by_value.get(1, 0),
        votes_down=by_value.get(-1, 0),
    )


def _check_share(share: float) -> None:
    if not 0 < share <= 1:
        raise WrongUsage(f"A canary cannot answer {share:g} of the channels.", advice="Say 0.2 for one in five.")


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise WrongUsage(f"The figure {name} of a canary must be a number.")
    return float(value)


def _open(line: str) -> Select[CanaryRow]:
    return select(CanaryRow).where(col(CanaryRow.line) == line, col(CanaryRow.ended_at).is_(None))


def _existing(session: Session, canary_id: int) -> CanaryRow:
    row = session.get(CanaryRow, canary_id)
    if row is None:
        raise WrongUsage(f"There is no canary {canary_id}.")
    return row


def _still_open(session: Session, canary_id: int) -> CanaryRow:
    row = _existing(session, canary_id)
    if row.ended_at is not None:
        raise Refused(f"Canary {canary_id} has ended already: {row.outcome}.")
    return row


def _canary(row: CanaryRow) -> Canary:
    return Canary(
        id=row.id,
        line=row.line,
        version=row.version,
        champion=row.champion,
        share=row.share,
        started_by=row.started_by,
        started_at=row.started_at,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
        outcome=None if row.outcome is None else CanaryOutcome(row.outcome),
        figures=dict(row.figures or {}),
    )
