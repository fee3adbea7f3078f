"""What became of each approved candidate: looked at once, kept, and looked at again when something changed.

Promises: an outcome is written only about the words that were judged; what is `taken` is approved, was looked at under
the rules of now, and everybody in it may be learnt from at the moment of the query. What a look costs depends on how
much is new, not on how much there is.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import and_, func, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.candidate_rows import authors_of, is_learnable, messages_from_json
from storage.curation_beside import Kept, has_heard_talk, records_of
from storage.curation_keeping import keep_outcomes
from storage.curation_marks import look_again_at
from storage.curation_values import (
    Beside,
    Curation,
    LeftOutBecause,
    NewCuration,
    Pending,
    Record,
    Taken,
)
from storage.governance import SHARED_LINE
from storage.repository import Repository, chunks
from storage.server_choices import Lines
from storage.similarity import Print
from storage.tables import (
    CandidateAuthorRow,
    CandidateRow,
    CurationRow,
    ReviewRow,
    SnapshotCandidateRow,
    SnapshotRow,
)
from storage.values import Candidate, CandidateState, Source

_PAGE = 2_000


class Curations(Repository):
    """Outcomes of curation."""

    async def pending(self, line: str, rules: str) -> list[Pending]:
        """The approved candidates of a line that may be learnt and are to be looked at, by id.

        Args:
            line: whose.
            rules: those of now; what was looked at under others is to be looked at again.
        """

        def work(session: Session) -> list[Pending]:
            lines = Lines.now(session, self._defaults)
            found: dict[int, Pending] = {}
            # Two ranges of one index: "not equal" would be a walk through all there is.
            for stale in (col(CandidateRow.curated_under) < rules, col(CandidateRow.curated_under) > rules):
                query = (
                    select(col(CandidateRow.id), col(CandidateRow.source), col(CurationRow.kept_cycle))
                    .join(CurationRow, col(CurationRow.candidate_id) == col(CandidateRow.id), isouter=True)
                    .where(col(CandidateRow.state) == CandidateState.APPROVED, stale, is_learnable(lines, line))
                )
                for candidate_id, source, kept_cycle in session.execute(query):
                    found[candidate_id] = Pending(candidate_id, Source(source), kept_cycle is not None)
            return [found[key] for key in sorted(found)]

        return await self._read(work)

    async def has_waiting(self, line: str = SHARED_LINE) -> bool:
        """Whether something approved waits for no more than another run: for its first look, or for quarantine to end."""

        def work(session: Session) -> bool:
            lines = Lines.now(session, self._defaults)
            query = (
                select(col(CandidateRow.id))
                .join(CurationRow, col(CurationRow.candidate_id) == col(CandidateRow.id), isouter=True)
                .where(
                    col(CandidateRow.state) == CandidateState.APPROVED,
                    col(CandidateRow.curated_under) == "",
                    func.coalesce(col(CurationRow.reason), "") != LeftOutBecause.YOUNG_ACCOUNT,
                    is_learnable(lines, line),
                )
            )
            return session.scalar(query.limit(1)) is not None

        return await self._read(work)

    async def beside(
        self,
        line: str,
        candidates: Sequence[Candidate],
        digests: Iterable[str],
        cycle: int,
        records: Mapping[str, Record] | None = None,
    ) -> Beside:
        """What some candidates of a line are judged beside: kept examples and members' standing, without themselves.

        Args:
            line: whose snapshots.
            candidates: those that are looked at.
            digests: content hashes of their words as they would be learnt.
            cycle: the number of this look; larger than those of all earlier ones.
            records: of members whose record was asked for already.
        """
        authors = sorted({key for one in candidates if one.source is not Source.IMPORT for key in one.author_keys})
        own = frozenset(one.id for one in candidates)
        said = list(digests)

        def work(session: Session) -> Beside:
            lines = Lines.now(session, self._defaults)
            kept = Kept(session, is_learnable(lines, line), own)
            near = kept.near(sorted({band for one in candidates for band in Print.of(one.messages).bands}))
            talk, imports = kept.in_clusters({one.cluster for one in near})
            return Beside(
                cycle=cycle,
                is_first_cycle=bool(authors) and not has_heard_talk(session, lines, line, cycle),
                digests=kept.digests(said),
                near=tuple(near),
                members=kept.standings(authors, cycle, records or {}),
                talk_in_cluster=talk,
                imports_in_cluster=imports,
            )

        return await self._read(work)

    async def keep(self, outcomes: Sequence[NewCuration], *, cycle: int, rules: str, screen_version: str) -> None:
        """Write what became of some candidates; what was edited, decided or deleted meanwhile is left for the next look.

        Args:
            outcomes: one for each candidate.
            cycle: the number of this look.
            rules: under which it was decided.
            screen_version: of the screens that looked.
        """
        at = self._clock()

        def work(session: Session) -> None:
            for some in chunks(outcomes):
                keep_outcomes(session, some, at, cycle, rules, screen_version)

        await self._write(work)

    async def taken(self, line: str, rules: str, *, limit: int) -> list[Taken]:
        """What a snapshot of a line takes now, the newest `limit` of it, by id."""
        found: list[Taken] = []
        before: int | None = None
        while len(found) < limit:
            size = min(_PAGE, limit - len(found))
            page = await self._read(_page_of_taken(self._defaults, line, rules, before, size))
            found += page
            if len(page) < size:
                break
            before = page[-1].candidate_id
        return found[::-1]

    async def left_out(self, line: str) -> dict[str, int]:
        """How many approved candidates of a line are left out, by reason."""

        def work(session: Session) -> dict[str, int]:
            lines = Lines.now(session, self._defaults)
            query = (
                select(col(CurationRow.reason), func.count())
                .join(CandidateRow, col(CandidateRow.id) == col(CurationRow.candidate_id))
                .where(col(CurationRow.reason) > "", is_learnable(lines, line))
                .group_by(col(CurationRow.reason))
            )
            return {reason: count for reason, count in session.execute(query)}  # noqa: C416 - rows are no tuples to mypy

        return await self._read(work)

    async def fix_sides(self, sides: Mapping[int, str]) -> None:
        """Note on which side of a snapshot candidates were first; it never changes.

        What is nearly the same and was left out takes the same side, in case it is taken one day.

        Args:
            sides: candidate id to `train` or `heldout`.
        """

        def work(session: Session) -> None:
            for side in sorted(set(sides.values())):
                for some in chunks(key for key, one in sides.items() if one == side):
                    clusters = select(col(CurationRow.cluster)).where(col(CurationRow.candidate_id).in_(some))
                    left_out = func.coalesce(col(CurationRow.reason), "") != ""
                    theirs = [
                        col(CurationRow.candidate_id).in_(some),
                        and_(col(CurationRow.cluster).in_(clusters), left_out),
                    ]
                    for which in theirs:
                        ids = session.scalars(select(col(CurationRow.candidate_id)).where(which)).all()
                        for part in chunks(ids):
                            session.execute(
                                update(CurationRow)
                                .where(col(CurationRow.candidate_id).in_(part), col(CurationRow.side) == "")
                                .values(side=side)
                                .execution_options(synchronize_session=False)
                            )

        await self._write(work)

    async def members_reviewed_after(self, line: str, review_id: int) -> list[str]:
        """The members of a line about whose words somebody decided since a review."""

        def work(session: Session) -> list[str]:
            lines = Lines.now(session, self._defaults)
            query = (
                select(col(CandidateAuthorRow.author_key))
                .distinct()
                .join(ReviewRow, col(ReviewRow.candidate_id) == col(CandidateAuthorRow.candidate_id))
                .join(CandidateRow, col(CandidateRow.id) == col(CandidateAuthorRow.candidate_id))
                .where(
                    col(ReviewRow.id) > review_id,
                    lines.belongs(func.coalesce(col(CandidateRow.server), ""), line),
                    func.coalesce(col(CandidateRow.source), "") != Source.IMPORT,
                )
            )
            return sorted(session.scalars(query))

        return await self._read(work)

    async def records(self, author_keys: Collection[str]) -> dict[str, Record]:
        """How some members' newest words fared."""
        return await self._read(lambda session: records_of(session, author_keys))

    async def look_again_at_members(self, author_keys: Collection[str], *, distrusted: bool) -> int:
        """Mark the talk of members whose trust has changed; returns how many candidates.

        Args:
            author_keys: whose.
            distrusted: whether they are not trusted any more: then what is taken of theirs is looked at again;
                otherwise what was left out because they were not trusted.
        """
        reason = "" if distrusted else LeftOutBecause.DISTRUSTED.value

        def work(session: Session) -> int:
            marked = 0
            for key in author_keys:
                theirs = (
                    select(col(CurationRow.candidate_id))
                    .join(CandidateAuthorRow, col(CandidateAuthorRow.candidate_id) == col(CurationRow.candidate_id))
                    .join(CandidateRow, col(CandidateRow.id) == col(CurationRow.candidate_id))
                    .where(
                        col(CandidateAuthorRow.author_key) == key,
                        func.coalesce(col(CurationRow.reason), "") == reason,
                        func.coalesce(col(CandidateRow.source), "") != Source.IMPORT,
                    )
                )
                for some in chunks(session.scalars(theirs).all()):
                    marked += len(some)
                    look_again_at(session, col(CandidateRow.id).in_(some))
            return marked

        return await self._write(work)

    async def get(self, candidate_id: int) -> Curation | None:
        """What became of a candidate; None: it was never looked at, or is gone."""

        def work(session: Session) -> Curation | None:
            row, candidate = session.get(CurationRow, candidate_id), session.get(CandidateRow, candidate_id)
            if row is None or candidate is None:
                return None
            snapshots = (
                select(col(SnapshotCandidateRow.snapshot_hash))
                .join(SnapshotRow, col(SnapshotRow.content_hash) == col(SnapshotCandidateRow.snapshot_hash))
                .where(col(SnapshotCandidateRow.candidate_id) == candidate_id)
                .order_by(col(SnapshotRow.created_at), col(SnapshotRow.content_hash))
            )
            return Curation(
                candidate_id=candidate_id,
                reason=row.reason,
                is_current=candidate.curated_under == row.rules,
                rules=row.rules,
                screen_version=row.screen_version,
                side=row.side,
                first_cycle=row.first_cycle,
                kept_cycle=row.kept_cycle,
                looked_at=row.looked_at,
                snapshots=tuple(session.scalars(snapshots)),
            )

        return await self._read(work)


def _page_of_taken(
    defaults: Any, line: str, rules: str, before: int | None, size: int
) -> Callable[[Session], list[Taken]]:
    def work(session: Session) -> list[Taken]:
        lines = Lines.now(session, defaults)
        query: Any = (
            select(
                col(CandidateRow.id),
                col(CandidateRow.messages),
                col(CurationRow.messages).label("learnt"),
                col(CurationRow.digest),
                col(CandidateRow.source),
                col(CandidateRow.server),
                col(CandidateRow.channel),
                col(CurationRow.cluster),
                col(CurationRow.side),
            )
            .join(CurationRow, col(CurationRow.candidate_id) == col(CandidateRow.id))
            .where(
                col(CandidateRow.state) == CandidateState.APPROVED,
                col(CandidateRow.curated_under) == rules,
                func.coalesce(col(CurationRow.reason), "x") == "",
                is_learnable(lines, line),
            )
            .order_by(col(CandidateRow.id).desc())
            .limit(size)
        )
        if before is not None:
            query = query.where(col(CandidateRow.id) < before)
        rows = session.execute(query).all()
        authors = authors_of(session, [row.id for row in rows])
        return [
            Taken(
                candidate_id=row.id,
                messages=messages_from_json(row.learnt or row.messages),
                digest=row.digest,
                source=Source(row.source),
                author_keys=tuple(authors[row.id]),
                server=row.server,
                channel=row.channel,
                cluster=row.cluster,
                side=row.side,
            )
            for row in rows
        ]

    return work
