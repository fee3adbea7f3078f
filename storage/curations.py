"""What became of each approved candidate: looked at once, kept, and looked at again when something changed.

Promises: an outcome is written only about the words that were judged; what is `taken` is approved, was looked at under
the rules of now, and everybody in it may be learnt from at the moment of the query. What a look costs depends on how
much is new, not on how much there is.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.candidate_rows import authors_of, is_learnable, messages_from_json, messages_to_json
from storage.curation_marks import look_again_at, look_behind
from storage.curation_values import (
    COMES_BACK,
    Beside,
    Curation,
    LeftOutBecause,
    Near,
    NewCuration,
    Pending,
    Record,
    Standing,
    Taken,
)
from storage.governance import SHARED_LINE
from storage.repository import Repository, chunks
from storage.server_choices import Lines
from storage.similarity import Print
from storage.tables import (
    CandidateAuthorRow,
    CandidateBandRow,
    CandidateRow,
    ConsentRow,
    CurationRow,
    ReviewRow,
    SnapshotCandidateRow,
    SnapshotRow,
    TurnRow,
    VoteRow,
)
from storage.values import Candidate, CandidateState, Decision, Outcome, Source

NEWEST_OF_MEMBER = 200
"""Of a member's candidates and messages: what trust is made of, so that it can be lost and won again."""
_COMPARED = 64
"""Kept examples that one candidate is compared with; caps keep a bucket far below."""
_PAGE = 2_000
_NEWEST = (
    select(col(CandidateAuthorRow.candidate_id))
    .where(col(CandidateAuthorRow.author_key) == bindparam("author"))
    .order_by(col(CandidateAuthorRow.candidate_id).desc())
    .limit(NEWEST_OF_MEMBER)
)
_NEWEST_TURNS = (
    select(col(TurnRow.outcome))
    .where(col(TurnRow.author_key) == bindparam("author"))
    .order_by(col(TurnRow.id).desc())
    .limit(NEWEST_OF_MEMBER)
)


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
            kept = _Kept(session, is_learnable(lines, line), own)
            near = kept.near(sorted({band for one in candidates for band in Print.of(one.messages).bands}))
            talk, imports = kept.in_clusters({one.cluster for one in near})
            return Beside(
                cycle=cycle,
                is_first_cycle=bool(authors) and not _has_heard_talk(session, lines, line, cycle),
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
                _keep(session, some, at, cycle, rules, screen_version)

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
        return await self._read(lambda session: _records(session, author_keys))

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


class _Kept:
    """Questions about what snapshots of a line take now, but for some candidates."""

    def __init__(self, session: Session, learnable: ColumnElement[bool], without: frozenset[int]) -> None:
        self._session = session
        self._learnable = learnable
        self._without = without

    def near(self, bands: Sequence[int]) -> list[Near]:
        """Those that share a band."""
        met: dict[int, list[int]] = defaultdict(list)
        for some in chunks(bands):
            query = (
                select(col(CandidateBandRow.band), col(CandidateBandRow.candidate_id))
                .join(CurationRow, col(CurationRow.candidate_id) == col(CandidateBandRow.candidate_id))
                .where(col(CandidateBandRow.band).in_(some), func.coalesce(col(CurationRow.reason), "x") == "")
                .order_by(col(CandidateBandRow.candidate_id))
            )
            for band, candidate_id in self._session.execute(query):
                if candidate_id not in self._without and len(met[band]) < _COMPARED:
                    met[band].append(candidate_id)
        found: list[Near] = []
        for some in chunks(sorted({candidate_id for ids in met.values() for candidate_id in ids})):
            query = self._of(
                select(
                    col(CandidateRow.id),
                    col(CandidateRow.messages),
                    col(CurationRow.messages),
                    col(CurationRow.cluster),
                    col(CurationRow.side),
                ),
                col(CurationRow.candidate_id).in_(some),
            ).order_by(col(CandidateRow.id))
            for candidate_id, written, learnt, cluster, side in self._session.execute(query):
                found.append(Near(candidate_id, messages_from_json(learnt or written), cluster, side))
        return found

    def in_clusters(self, clusters: Collection[int]) -> tuple[dict[int, int], dict[int, int]]:
        """How many each cluster has: of members' talk, and of imports."""
        talk: dict[int, int] = {}
        imports: dict[int, int] = {}
        is_import = col(CandidateRow.source) == Source.IMPORT
        for some in chunks(sorted(clusters)):
            query = self._of(
                select(col(CurationRow.cluster), is_import, func.count()), col(CurationRow.cluster).in_(some)
            ).group_by(col(CurationRow.cluster), is_import)
            for cluster, imported, count in self._session.execute(query):
                (imports if imported else talk)[cluster] = count
        return talk, imports

    def digests(self, digests: Sequence[str]) -> frozenset[str]:
        """Those of some digests that are kept."""
        found: set[str] = set()
        for some in chunks(digests):
            query = self._of(
                select(col(CurationRow.digest), col(CurationRow.candidate_id)), col(CurationRow.digest).in_(some)
            )
            found.update(digest for digest, one in self._session.execute(query) if one not in self._without)
        return frozenset(found)

    def standings(self, author_keys: Sequence[str], cycle: int, records: Mapping[str, Record]) -> dict[str, Standing]:
        """How members stand, without what the given candidates would add."""
        kept: Counter[str] = Counter()
        kept_now: Counter[str] = Counter()
        for some in chunks(author_keys):
            query = self._of(
                select(col(CandidateAuthorRow.author_key), col(CurationRow.kept_cycle), col(CurationRow.candidate_id)),
                col(CandidateAuthorRow.author_key).in_(some),
                func.coalesce(col(CandidateRow.source), "") != Source.IMPORT,
                with_authors=True,
            )
            for key, kept_cycle, candidate_id in self._session.execute(query):
                if candidate_id not in self._without:
                    kept[key] += 1
                    kept_now[key] += kept_cycle == cycle
        first = self._first_cycles(author_keys)
        made_on = self._accounts(author_keys)
        known = {**_records(self._session, [key for key in author_keys if key not in records]), **records}
        return {
            key: Standing(kept[key], kept_now[key], first.get(key), made_on.get(key), known[key]) for key in author_keys
        }

    def _first_cycles(self, author_keys: Sequence[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for some in chunks(author_keys):
            query = (
                select(col(CandidateAuthorRow.author_key), func.min(col(CurationRow.first_cycle)))
                .join(CurationRow, col(CurationRow.candidate_id) == col(CandidateAuthorRow.candidate_id))
                .where(col(CandidateAuthorRow.author_key).in_(some))
                .group_by(col(CandidateAuthorRow.author_key))
            )
            found.update({key: first for key, first in self._session.execute(query)})  # noqa: C416 - rows are no tuples to mypy
        return found

    def _accounts(self, author_keys: Sequence[str]) -> dict[str, datetime]:
        """Since when their accounts exist, as far as that is known."""
        found: dict[str, datetime] = {}
        for some in chunks(author_keys):
            query = select(col(ConsentRow.author_key), col(ConsentRow.account_made_on)).where(
                col(ConsentRow.author_key).in_(some), col(ConsentRow.account_made_on).is_not(None)
            )
            for key, made_on in self._session.execute(query.order_by(col(ConsentRow.id))):
                if made_on is not None:
                    found[key] = made_on
        return found

    def _of(self, query: Any, *which: ColumnElement[bool], with_authors: bool = False) -> Any:
        """A query over kept candidates, their curations and, where wanted, their authors."""
        rows = query.select_from(CurationRow).join(CandidateRow, col(CandidateRow.id) == col(CurationRow.candidate_id))
        if with_authors:
            rows = rows.join(CandidateAuthorRow, col(CandidateAuthorRow.candidate_id) == col(CurationRow.candidate_id))
        return rows.where(func.coalesce(col(CurationRow.reason), "x") == "", self._learnable, *which)


def _has_heard_talk(session: Session, lines: Lines, line: str, cycle: int) -> bool:
    """Whether members' talk of a line was looked at in an earlier cycle; the newest first, where it is found at once."""
    query = (
        select(col(CurationRow.candidate_id))
        .join(CandidateRow, col(CandidateRow.id) == col(CurationRow.candidate_id))
        .where(
            col(CurationRow.first_cycle) < cycle,
            lines.belongs(func.coalesce(col(CandidateRow.server), ""), line),
            func.coalesce(col(CandidateRow.source), "") != Source.IMPORT,
        )
        .order_by(col(CurationRow.candidate_id).desc())
    )
    return session.scalar(query.limit(1)) is not None


def _records(session: Session, author_keys: Collection[str]) -> dict[str, Record]:
    """How some members' newest words fared. Two statements for each, and some for all of them."""
    whose: dict[str, list[int]] = {key: list(session.scalars(_NEWEST, {"author": key})) for key in author_keys}
    ids = sorted({candidate_id for theirs in whose.values() for candidate_id in theirs})
    held: set[int] = set()
    answer_of: dict[int, int | None] = {}
    decided: dict[int, str] = {}
    for some in chunks(ids):
        for candidate_id, outcome, answer in session.execute(
            select(col(CandidateRow.id), col(CandidateRow.outcome), col(CandidateRow.assistant_turn_id)).where(
                col(CandidateRow.id).in_(some), func.coalesce(col(CandidateRow.source), "") != Source.IMPORT
            )
        ):
            answer_of[candidate_id] = answer
            if outcome == Outcome.HOLD:
                held.add(candidate_id)
        for candidate_id, decision in session.execute(
            select(col(ReviewRow.candidate_id), col(ReviewRow.decision))
            .where(col(ReviewRow.candidate_id).in_(some), col(ReviewRow.undone_at).is_(None))
            .order_by(col(ReviewRow.id))
        ):
            decided[candidate_id] = decision
    votes: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for some in chunks(sorted({answer for answer in answer_of.values() if answer is not None})):
        for turn_id, voter, value in session.execute(
            select(col(VoteRow.turn_id), col(VoteRow.author_key), col(VoteRow.value)).where(
                col(VoteRow.turn_id).in_(some)
            )
        ):
            votes[turn_id].append((voter, value))
    found: dict[str, Record] = {}
    for key, theirs in whose.items():
        talk = [candidate_id for candidate_id in theirs if candidate_id in answer_of]
        answers = {answer for one in talk if (answer := answer_of[one]) is not None}
        cast = [value for answer in answers for voter, value in votes[answer] if voter != key]
        decisions = [decided[one] for one in talk if one in decided]
        rejected = decisions.count(Decision.REJECT)
        found[key] = Record(
            approved=len(decisions) - rejected,
            rejected=rejected,
            votes_up=cast.count(1),
            votes_down=cast.count(-1),
            held=sum(one in held for one in talk),
            refused=list(session.scalars(_NEWEST_TURNS, {"author": key})).count(Outcome.REFUSE),
        )
    return found


def _keep(
    session: Session, outcomes: Sequence[NewCuration], at: datetime, cycle: int, rules: str, screen_version: str
) -> None:
    ids = [one.candidate_id for one in outcomes]
    hashes = select(col(CandidateRow.id), col(CandidateRow.content_hash)).where(
        col(CandidateRow.id).in_(ids), func.coalesce(col(CandidateRow.state), "") == CandidateState.APPROVED
    )
    standing: dict[int, str] = {key: value for key, value in session.execute(hashes)}  # noqa: C416 - rows are no tuples to mypy
    judged = [one for one in outcomes if standing.get(one.candidate_id) == one.seen_hash]
    if not judged:
        return
    earlier = {
        row.candidate_id: row
        for row in session.execute(
            select(
                col(CurationRow.candidate_id),
                col(CurationRow.reason),
                col(CurationRow.digest),
                col(CurationRow.side),
                col(CurationRow.first_cycle),
                col(CurationRow.kept_cycle),
            ).where(col(CurationRow.candidate_id).in_([one.candidate_id for one in judged]))
        )
    }
    taken = {candidate_id for candidate_id, row in earlier.items() if not row.reason}
    if lost := [one.candidate_id for one in judged if one.reason and one.candidate_id in taken]:
        look_behind(session, col(CandidateRow.id).in_(lost))
    session.execute(delete(CurationRow).where(col(CurationRow.candidate_id).in_(list(earlier))))
    session.execute(
        insert(CurationRow),
        [
            _row(one, earlier.get(one.candidate_id), cycle)
            | {"rules": rules, "screen_version": screen_version, "looked_at": at}
            for one in judged
        ],
    )
    for one in judged:
        if one.joins:
            session.execute(
                update(CurationRow)
                .where(col(CurationRow.cluster).in_(one.joins))
                .values(cluster=one.cluster)
                .execution_options(synchronize_session=False)
            )
    for mark, some in (
        (rules, [one.candidate_id for one in judged if one.reason not in COMES_BACK]),
        ("", [one.candidate_id for one in judged if one.reason in COMES_BACK]),
    ):
        session.execute(
            update(CandidateRow)
            .where(col(CandidateRow.id).in_(some))
            .values(curated_under=mark)
            .execution_options(synchronize_session=False)
        )
    _index_learnt_words(session, judged)


def _row(one: NewCuration, earlier: Any, cycle: int) -> dict[str, Any]:
    kept_cycle = None if earlier is None else earlier.kept_cycle
    return {
        "candidate_id": one.candidate_id,
        "reason": one.reason,
        "digest": one.digest,
        "messages": None if one.messages is None else messages_to_json(one.messages),
        "cluster": one.cluster,
        "side": earlier.side if earlier is not None and earlier.digest == one.digest else "",
        "first_cycle": cycle if earlier is None else earlier.first_cycle,
        "kept_cycle": cycle if kept_cycle is None and not one.reason else kept_cycle,
    }


def _index_learnt_words(session: Session, judged: Sequence[NewCuration]) -> None:
    """Let what screening has changed be met under the words that are learnt, too."""
    changed = {one.candidate_id: one.messages for one in judged if one.messages is not None}
    for candidate_id, messages in changed.items():
        known = set(
            session.scalars(
                select(col(CandidateBandRow.band)).where(col(CandidateBandRow.candidate_id) == candidate_id)
            )
        )
        rows = [{"candidate_id": candidate_id, "band": band} for band in Print.of(messages).bands if band not in known]
        if rows:
            session.execute(insert(CandidateBandRow), rows)


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
