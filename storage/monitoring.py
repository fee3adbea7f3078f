"""What is seen of each version, day by day: counted from rows of talk, kept as numbers that outlive the talk."""

from collections.abc import Iterable
from dataclasses import asdict, fields
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Mapped, Session
from sqlmodel import col

from storage.candidate_rows import candidates_of, lacks_consent
from storage.consents import forbids
from storage.governance import SHARED_LINE, Feedback
from storage.monitoring_values import DayCounts, Measure, MonitoredDay, State, Surprise
from storage.repository import Repository
from storage.server_choices import Lines
from storage.tables import (
    CandidateRow,
    KeptOutRow,
    MonitoredDayRow,
    SignalRow,
    SnapshotCandidateRow,
    TurnRow,
    VoteRow,
)
from storage.values import Candidate, CandidateState, Outcome, Role, Source

_LOOKED_AT = 10
_COUNTS = tuple(one.name for one in fields(DayCounts))
_SURPRISE = tuple(one.name for one in fields(Surprise))
_KINDS: dict[str, str] = {
    Feedback.THANKED: "thanked",
    Feedback.CORRECTED: "corrected",
    Feedback.ASKED_AGAIN: "asked_again",
    Feedback.WENT_ON: "went_on",
}


class Monitoring(Repository):
    """Counts of versions by day."""

    async def tally(self, line: str, day: date, *, champion: str) -> dict[str, DayCounts]:
        """What was seen on one day (UTC) on a line, by version.

        Args:
            line: which.
            day: one that is over for longer than `storage.signals.HEARD_WITHIN`, or who left is not known yet.
            champion: the version that is asked where nobody answered that day.
        """
        return await self._read(
            lambda session: _tally(session, Lines.now(session, self._defaults), line, day, champion)
        )

    async def talk(self, line: str, begin: datetime, end: datetime, *, limit: int) -> list[str]:
        """What members said who may be learnt from, and the screens let pass: the newest `limit` texts."""

        def work(session: Session) -> list[str]:
            lines = Lines.now(session, self._defaults)
            author = cast("Mapped[str]", col(TurnRow.author_key))  # of nobody: no yes, so it is left out
            no = forbids(col(TurnRow.server), author, needs_yes=col(TurnRow.source) != Source.IMPORT)
            query = (
                select(col(TurnRow.text))
                .where(
                    *_within(begin, end, Role.USER),
                    col(TurnRow.outcome) == Outcome.PASS,
                    lines.may_learn(col(TurnRow.server), col(TurnRow.source), line),
                    ~no,
                )
                .order_by(col(TurnRow.id).desc())
                .limit(limit)
            )
            return list(session.scalars(query))

        return await self._read(work)

    async def unlearnt(
        self, line: str, begin: datetime, end: datetime, *, snapshot: str | None, limit: int
    ) -> list[Candidate]:
        """Exchanges of some time that a person approved or wrote better words for, and that a snapshot has not.

        The consent of everybody in them stands now. At most `limit`, the newest.
        """

        def work(session: Session) -> list[Candidate]:
            lines = Lines.now(session, self._defaults)
            learnt = select(col(SnapshotCandidateRow.candidate_id)).where(
                col(SnapshotCandidateRow.snapshot_hash) == (snapshot or "")
            )
            query = (
                select(CandidateRow)
                .where(
                    col(CandidateRow.created_at) >= begin,
                    col(CandidateRow.created_at) < end,
                    or_(
                        col(CandidateRow.state) == CandidateState.APPROVED,
                        (col(CandidateRow.state) == CandidateState.WAITING)
                        & (col(CandidateRow.source) == Source.CORRECTION),
                    ),
                    col(CandidateRow.outcome) != Outcome.REFUSE,
                    lines.may_learn(col(CandidateRow.server), col(CandidateRow.source), line),
                    ~lacks_consent(),
                    col(CandidateRow.id).not_in(learnt),
                )
                .order_by(col(CandidateRow.id).desc())
                .limit(limit)
            )
            return candidates_of(session, session.scalars(query).all())

        return await self._read(work)

    async def keep(self, days: Iterable[MonitoredDay]) -> None:
        """Keep some days, in place of what was known of them."""
        rows = [_row(one) for one in days]

        def work(session: Session) -> None:
            for row in rows:
                session.merge(row)

        await self._write(work)

    async def history(
        self, line: str = SHARED_LINE, *, version: str | None = None, limit: int = 90
    ) -> list[MonitoredDay]:
        """The newest days of a line, oldest first; of one version, or of all."""
        query = select(MonitoredDayRow).where(col(MonitoredDayRow.line) == line)
        if version is not None:
            query = query.where(col(MonitoredDayRow.version) == version)
        query = query.order_by(col(MonitoredDayRow.day).desc(), col(MonitoredDayRow.version)).limit(limit)
        return await self._read(lambda session: [_value(row) for row in session.scalars(query)][::-1])

    async def newest(self, line: str, version: str | None) -> MonitoredDay | None:
        """The newest day of a line's champion that says how it wears.

        Args:
            line: which.
            version: the champion; None: the base answers, whatever its name.
        """
        found = await self.history(line, version=version, limit=_LOOKED_AT)
        return next((day for day in reversed(found) if day.measures), None)


def day_of(at: datetime) -> date:
    """The day (UTC) that a time lies in."""
    return at.astimezone(UTC).date()


def bounds(day: date) -> tuple[datetime, datetime]:
    """When a day begins, and when the next one does (UTC)."""
    begin = datetime.combine(day, time(), UTC)
    return begin, begin + timedelta(days=1)


def _within(begin: datetime, end: datetime, role: Role) -> list[ColumnElement[bool]]:
    return [col(TurnRow.created_at) >= begin, col(TurnRow.created_at) < end, col(TurnRow.role) == role]


def _tally(session: Session, lines: Lines, line: str, day: date, champion: str) -> dict[str, DayCounts]:
    begin, end = bounds(day)
    version = col(TurnRow.model_version)
    was_kept_out = (  # its turn says that the screens refused it, which they did not
        select(col(KeptOutRow.message))
        .where(col(KeptOutRow.server) == col(TurnRow.server), col(KeptOutRow.message) == col(TurnRow.external_id))
        .correlate(TurnRow)
        .exists()
    )
    here = lines.belongs(col(TurnRow.server), line) & ~was_kept_out
    given = [*_within(begin, end, Role.ASSISTANT), here, version.is_not(None)]
    found: dict[str, dict[str, int]] = {}

    def add(of: str | None, name: str, count: int) -> None:
        counts = found.setdefault(of or "", dict.fromkeys(_COUNTS, 0))
        counts[name] += count

    outcomes = select(version, col(TurnRow.outcome), func.count()).where(*given)
    for of, outcome, count in session.execute(outcomes.group_by(version, col(TurnRow.outcome))):
        add(of, "answers", count)
        if outcome != Outcome.PASS:
            add(of, "held" if outcome == Outcome.HOLD else "refused", count)
    votes = select(version, col(VoteRow.value), func.count()).join(TurnRow, col(TurnRow.id) == col(VoteRow.turn_id))
    for of, value, count in session.execute(votes.where(*given).group_by(version, col(VoteRow.value))):
        add(of, "votes_up" if value > 0 else "votes_down", count)
    was_shown = col(TurnRow.outcome) != Outcome.REFUSE
    next_words = (
        select(version, col(SignalRow.kind), func.count())
        .join(SignalRow, col(SignalRow.turn_id) == col(TurnRow.id), isouter=True)
        .where(*given, was_shown, col(TurnRow.reply_to).is_not(None))
        .group_by(version, col(SignalRow.kind))
    )
    for of, kind, count in session.execute(next_words):
        add(of, _KINDS.get(kind, "left"), count)
    asked = select(col(TurnRow.outcome), func.count()).where(*_within(begin, end, Role.USER), here)
    main = max(found, key=lambda of: (found[of]["answers"], of), default=champion)
    for outcome, count in session.execute(asked.group_by(col(TurnRow.outcome))):
        add(main, "asked", count)
        if outcome != Outcome.PASS:
            add(main, "asked_held" if outcome == Outcome.HOLD else "asked_refused", count)
    return {of: DayCounts(**counts) for of, counts in found.items()}


def _row(day: MonitoredDay) -> MonitoredDayRow:
    surprise: dict[str, Any] = dict.fromkeys(_SURPRISE) if day.surprise is None else asdict(day.surprise)
    return MonitoredDayRow(
        line=day.line,
        version=day.version,
        day=day.day.isoformat(),
        **asdict(day.counts),
        **surprise,
        measures=[asdict(one) for one in day.measures],
        measured_at=day.measured_at,
    )


def _value(row: MonitoredDayRow) -> MonitoredDay:
    return MonitoredDay(
        line=row.line,
        version=row.version,
        day=date.fromisoformat(row.day),
        counts=DayCounts(**{name: getattr(row, name) for name in _COUNTS}),
        measured_at=row.measured_at,
        surprise=None if row.items is None else Surprise(**{name: getattr(row, name) for name in _SURPRISE}),
        measures=tuple(_measure(one) for one in row.measures),
    )


def _measure(kept: dict[str, Any]) -> Measure:
    return Measure(**{**kept, "state": State(kept["state"])})
