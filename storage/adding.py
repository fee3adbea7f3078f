"""Writing candidates, many in one transaction: the same questions as for one, asked once for all of them.

A statement costs a millisecond of SQLAlchemy's time, whatever it asks. So an import that adds its rows together is
some ten times as fast as one that adds them one by one.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import and_, func, insert, select
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.candidate_rows import (
    authors_hash,
    candidate_of,
    candidate_with,
    content_hash,
    may_be_learnt,
    messages_to_json,
    no_consent,
)
from storage.consents import may_learn_from
from storage.decisions import was_rejected_by_a_person
from storage.errors import Refused
from storage.likeness import print_of
from storage.repository import chunks
from storage.review_order import rank
from storage.similarity import Print
from storage.tables import CandidateBandRow, CandidateRow, KeptOutRow, Row, TurnRow
from storage.text import storable
from storage.values import Candidate, CandidateState, NewCandidate, Source
from storage.verdicts import verdict_to_json

_Words = tuple[str, str, str]
"""Server, content hash, and the hash of the members."""


def add_together(session: Session, at: datetime, new: Sequence[NewCandidate]) -> list[Candidate | Refused]:
    """Write candidates, or find those that are there; one that may not be written gets its refusal, the others stand."""
    return _Adding(session, at, new).all(new)


class _Adding:
    """What is known about all of them."""

    def __init__(self, session: Session, at: datetime, new: Sequence[NewCandidate]) -> None:
        self._session = session
        self._at = at
        self._may_learn: dict[tuple[str, str, bool], bool] = {}
        self._known = _rows_of(session, {_words(one) for one in new})
        self._turns = _present(session, {turn_id for one in new for turn_id in _turn_ids(one)})

    def all(self, new: Sequence[NewCandidate]) -> list[Candidate | Refused]:
        """Write them, in order."""
        found: list[Candidate | Refused | _Words] = []
        fresh: dict[_Words, tuple[CandidateRow, NewCandidate]] = {}
        for one in new:
            words = _words(one)
            if refusal := self._why_not(one):
                found.append(refusal)
            elif words in self._known:
                found.append(self._again(self._known[words]))
            elif words in fresh:
                found.append(words)
            elif refusal := self._why_not_made_of(_turn_ids(one)):
                found.append(refusal)
            else:
                fresh[words] = self._row(one), one
                found.append(words)
        self._write(list(fresh.values()))
        made = {
            words: candidate_with(row, sorted(set(one.author_keys)), _turn_ids(one))
            for words, (row, one) in fresh.items()
        }
        return [made[one] if isinstance(one, tuple) else one for one in found]

    def _why_not(self, one: NewCandidate) -> Refused | None:
        needs_yes = one.source is not Source.IMPORT
        for key in set(one.author_keys):
            asked = (one.server, key, needs_yes)
            if asked not in self._may_learn:
                self._may_learn[asked] = may_learn_from(self._session, one.server, key, needs_yes=needs_yes)
            if not self._may_learn[asked]:
                return no_consent()
        return None

    def _why_not_made_of(self, turn_ids: Sequence[int]) -> Refused | None:
        if not self._turns.keys() >= set(turn_ids):
            return Refused("A message of this exchange was deleted meanwhile.")
        if any(self._turns[turn_id] for turn_id in turn_ids):
            return Refused("Somebody asked me not to learn a message of this exchange.")
        return None

    def _again(self, row: CandidateRow) -> Candidate:
        """A row that is there; one that was rejected only because consent was taken back waits again."""
        if (
            row.state == CandidateState.REJECTED
            and not was_rejected_by_a_person(self._session, row.id)
            and may_be_learnt(self._session, row)
        ):
            row.state = CandidateState.WAITING.value
        return candidate_of(self._session, row)

    def _row(self, one: NewCandidate) -> CandidateRow:
        return CandidateRow(
            server=one.server,
            channel=one.channel,
            source=one.source.value,
            state=CandidateState.WAITING.value,
            messages=messages_to_json(one.messages),
            content_hash=content_hash(one.messages),
            outcome=one.verdict.outcome.value,
            screen_version=one.verdict.screen_version,
            verdict=verdict_to_json(one.verdict),
            user_turn_id=one.user_turn_id,
            assistant_turn_id=one.assistant_turn_id,
            created_at=self._at,
            authors_hash=authors_hash(one.author_keys),
        )

    def _write(self, fresh: Sequence[tuple[CandidateRow, NewCandidate]]) -> None:
        if not fresh:
            return
        rows = [row for row, _ in fresh]
        prints = [print_of(row) for row in rows]
        for row, is_novel in zip(rows, _are_novel(self._session, rows, prints), strict=True):
            row.is_novel = is_novel
            rank(self._session, row)
        self._session.add_all(rows)
        self._session.flush()
        authors: list[tuple[int, str | int]] = [
            (row.id, key) for row, one in fresh for key in sorted(set(one.author_keys))
        ]
        turns: list[tuple[int, str | int]] = [(row.id, turn_id) for row, one in fresh for turn_id in _turn_ids(one)]
        bands: list[tuple[int, str | int]] = [
            (row.id, band) for row, own in zip(rows, prints, strict=True) for band in own.bands
        ]
        for table, name, pairs in (
            ("candidate_authors", "author_key", authors),
            ("candidate_turns", "turn_id", turns),
            ("candidate_bands", "band", bands),
        ):
            if pairs:
                values = [{"candidate_id": candidate_id, name: value} for candidate_id, value in pairs]
                # The table itself, not its class: rows that nobody looks at again need no identity.
                self._session.connection().execute(insert(Row.metadata.tables[table]), values)


def _words(one: NewCandidate) -> _Words:
    return storable(one.server), content_hash(one.messages), authors_hash(one.author_keys)


def _turn_ids(one: NewCandidate) -> list[int]:
    return sorted({*one.turn_ids, *(turn for turn in (one.user_turn_id, one.assistant_turn_id) if turn is not None)})


def _present(session: Session, turn_ids: Iterable[int]) -> dict[int, bool]:
    """Those of some turns that are there, and whether each is of a message that is kept out."""
    is_marked = and_(col(KeptOutRow.server) == col(TurnRow.server), col(KeptOutRow.message) == col(TurnRow.external_id))
    query = select(col(TurnRow.id), col(KeptOutRow.message).is_not(None)).outerjoin(KeptOutRow, is_marked)
    found: dict[int, bool] = {}
    for some in chunks(sorted(turn_ids)):
        found.update((row[0], row[1]) for row in session.execute(query.where(col(TurnRow.id).in_(some))))
    return found


def _rows_of(session: Session, words: set[_Words]) -> dict[_Words, CandidateRow]:
    """The candidates that say these words already."""
    found: dict[_Words, CandidateRow] = {}
    for server in sorted({server for server, _, _ in words}):
        for hashes in chunks(sorted({digest for where, digest, _ in words if where == server})):
            query = select(CandidateRow).where(
                col(CandidateRow.server) == server, col(CandidateRow.content_hash).in_(hashes)
            )
            found.update({(row.server, row.content_hash, row.authors_hash): row for row in session.scalars(query)})
    return found


def _are_novel(session: Session, rows: Sequence[CandidateRow], prints: Sequence[Print]) -> list[bool]:
    """For each of some new rows whether nothing near it is approved in its server."""
    met: dict[int, set[int]] = defaultdict(set)
    for some in chunks(sorted({band for one in prints for band in one.bands})):
        query = (
            select(col(CandidateBandRow.band), col(CandidateBandRow.candidate_id))
            .join(CandidateRow, col(CandidateRow.id) == col(CandidateBandRow.candidate_id))
            .where(
                col(CandidateBandRow.band).in_(some),
                func.coalesce(col(CandidateRow.state), "") == CandidateState.APPROVED,
            )
        )
        for band, candidate_id in session.execute(query):
            met[band].add(candidate_id)
    others: dict[int, tuple[str, Print]] = {}
    for some in chunks(sorted(set().union(*met.values()))):
        for other in session.scalars(select(CandidateRow).where(col(CandidateRow.id).in_(some))):
            others[other.id] = other.server, print_of(other)
    return [
        not any(
            others[key][0] == row.server and own.is_like(others[key][1])
            for key in set().union(*(met[band] for band in own.bands if band in met))
        )
        for row, own in zip(rows, prints, strict=True)
    ]
