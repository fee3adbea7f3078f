"""What approved candidates are judged beside: the examples that are kept, and how their members stand."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.candidate_rows import messages_from_json
from storage.curation_values import Near, Record, Standing
from storage.governance import RejectReason
from storage.repository import chunks
from storage.server_choices import Lines
from storage.tables import (
    CandidateAuthorRow,
    CandidateRow,
    ConsentRow,
    CurationRow,
    KeptBandRow,
    ReviewRow,
    TurnRow,
    VoteRow,
)
from storage.values import Decision, Outcome, Source

NEWEST_OF_MEMBER = 200
"""Of a member's candidates and messages: what trust is made of, so that it can be lost and won again."""
ABOUT_THE_ANSWER = frozenset({RejectReason.WRONG, RejectReason.POOR})
"""Reasons to turn down an exchange that, where the bot gave the answer, say nothing of the member who asked."""
_COMPARED = 64
"""Kept examples that one candidate is compared with; caps keep a bucket far below."""
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


class Kept:
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
                select(col(KeptBandRow.band), col(KeptBandRow.candidate_id))
                .where(col(KeptBandRow.band).in_(some))
                .order_by(col(KeptBandRow.candidate_id))
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
        known = {**records_of(self._session, [key for key in author_keys if key not in records]), **records}
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


def has_heard_talk(session: Session, lines: Lines, line: str, cycle: int) -> bool:
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


def records_of(session: Session, author_keys: Collection[str]) -> dict[str, Record]:
    """How some members' newest words fared. Two statements for each, and some for all of them."""
    whose: dict[str, list[int]] = {key: list(session.scalars(_NEWEST, {"author": key})) for key in author_keys}
    ids = sorted({candidate_id for theirs in whose.values() for candidate_id in theirs})
    held: set[int] = set()
    answer_of: dict[int, int | None] = {}
    corrections: set[int] = set()
    decided: dict[int, str] = {}
    for some in chunks(ids):
        for candidate_id, outcome, answer, source in session.execute(
            select(
                col(CandidateRow.id),
                col(CandidateRow.outcome),
                col(CandidateRow.assistant_turn_id),
                col(CandidateRow.source),
            ).where(col(CandidateRow.id).in_(some), func.coalesce(col(CandidateRow.source), "") != Source.IMPORT)
        ):
            answer_of[candidate_id] = answer
            if source == Source.CORRECTION:
                corrections.add(candidate_id)
            if outcome == Outcome.HOLD:
                held.add(candidate_id)
        for candidate_id, decision, reason in session.execute(
            select(col(ReviewRow.candidate_id), col(ReviewRow.decision), col(ReviewRow.reason))
            .where(col(ReviewRow.candidate_id).in_(some), col(ReviewRow.undone_at).is_(None))
            .order_by(col(ReviewRow.id))
        ):
            decided[candidate_id] = decision
            if decision == Decision.REJECT and reason in ABOUT_THE_ANSWER and candidate_id not in corrections:
                del decided[candidate_id]
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
