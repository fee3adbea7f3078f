"""Candidate examples: written, read, and what of them may be learnt.

Promise: consent, blocks and the choices of servers are looked at when a candidate is written, when it is decided (see
`storage.decisions`), and again in `learnable`; deleted or edited words leave no candidate behind; no line learns what
belongs to another. Deciding which of them a snapshot takes is the trainer's business.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.adding import add_together
from storage.candidate_rows import (
    candidate_of,
    candidates_of,
    content_hash,
    is_learnable,
    lacks_consent,
    unfitness,
)
from storage.decisions import Decisions
from storage.errors import Refused, WrongUsage
from storage.governance import SHARED_LINE, Neighbour
from storage.repository import chunks
from storage.server_choices import Lines
from storage.tables import CandidateRow, ReviewRow, SnapshotCandidateRow
from storage.values import Candidate, CandidateState, Decision, NewCandidate, Role
from storage.word_index import nearest

__all__ = ["Candidates", "content_hash"]

_SPARE_NEIGHBOURS = 8
"""Times as many are looked up as are asked for: some may not be learnt from any more."""


class Candidates(Decisions):
    """Exchanges that could be learnt from."""

    async def add(self, new: NewCandidate) -> Candidate:
        """Write a candidate; the same messages of the same members in the same server return the row there is.

        A row that was rejected only because consent was taken back waits again.

        Raises:
            Refused: its verdict is `refuse`, or an author may not be learnt from (when it names authors and its
                source is not `import`: said no or nothing, or is blocked; for an import: said no, or is blocked), or a
                turn it was made from is gone or of a message that is kept out.
            WrongUsage: it does not end with an assistant's words.
        """
        (added,) = await self.add_all([new])
        if isinstance(added, Refused):
            raise added
        return added

    async def add_all(self, new: Sequence[NewCandidate]) -> list[Candidate | Refused]:
        """Write candidates in one transaction, each as `add` would: the row, or the refusal it would have raised.

        Raises:
            WrongUsage: one does not end with an assistant's words; then none is written.
        """
        for one in new:
            if not one.messages or one.messages[-1].role is not Role.ASSISTANT or not one.messages[-1].text.strip():
                raise WrongUsage("A candidate example must end with an assistant's words.")
        unfit = {index: refusal for index, one in enumerate(new) if (refusal := unfitness(one.verdict)) is not None}
        at = self._clock()
        fit = [one for index, one in enumerate(new) if index not in unfit]
        added = iter(await self._write(lambda session: add_together(session, at, fit)) if fit else [])
        return [unfit[index] if index in unfit else next(added) for index in range(len(new))]

    async def known_hashes(self, server: str, hashes: Sequence[str]) -> set[str]:
        """Those of these content hashes that a server has candidates for: what an import would add twice."""

        def work(session: Session) -> set[str]:
            found: set[str] = set()
            for some in chunks(hashes):
                found.update(
                    session.scalars(
                        select(col(CandidateRow.content_hash)).where(
                            col(CandidateRow.server) == server, col(CandidateRow.content_hash).in_(some)
                        )
                    )
                )
            return found

        return await self._read(work)

    async def get(self, candidate_id: int) -> Candidate | None:
        """One candidate by id."""

        def work(session: Session) -> Candidate | None:
            row = session.get(CandidateRow, candidate_id)
            return None if row is None else candidate_of(session, row)

        return await self._read(work)

    async def by_state(self, state: CandidateState, *, after_id: int = 0, limit: int = 100) -> list[Candidate]:
        """Candidates of a state by id, from after a key."""
        query = _page(after_id, limit).where(col(CandidateRow.state) == state)
        return await self._read(lambda session: candidates_of(session, session.scalars(query).all()))

    async def learnable(self, line: str = SHARED_LINE, *, after_id: int = 0, limit: int = 1000) -> list[Candidate]:
        """Approved candidates that a line may learn now, by id, from after a key.

        Of servers of that line only, from sources and servers where learning is wanted, whose authors' consent stands
        and who are not blocked.
        """

        def work(session: Session) -> list[Candidate]:
            lines = Lines.now(session, self._defaults)
            rows = session.scalars(
                _page(after_id, limit).where(
                    col(CandidateRow.state) == CandidateState.APPROVED, is_learnable(lines, line)
                )
            ).all()
            return candidates_of(session, rows)

        return await self._read(work)

    async def may_be_learnt(self, candidate_id: int) -> bool:
        """Whether the line of a candidate's server may learn it now."""

        def work(session: Session) -> bool:
            row = session.get(CandidateRow, candidate_id)
            if row is None:
                return False
            line = Lines.now(session, self._defaults).of(row.server)
            queries = self._learnable_among(session, select(col(CandidateRow.id)), line, [candidate_id])
            return any(session.scalar(query) is not None for query in queries)

        return await self._read(work)

    async def learnable_of(self, line: str, candidate_ids: Collection[int]) -> list[Candidate]:
        """Those of some candidates that a line may learn now, by id."""

        def work(session: Session) -> list[Candidate]:
            found: list[Candidate] = []
            for query in self._learnable_among(session, select(CandidateRow), line, candidate_ids):
                found += candidates_of(session, session.scalars(query).all())
            return found

        return await self._read(work)

    async def learnable_ids(self, line: str, candidate_ids: Collection[int]) -> set[int]:
        """The ids of those of some candidates that a line may learn now."""

        def work(session: Session) -> set[int]:
            queries = self._learnable_among(session, select(col(CandidateRow.id)), line, candidate_ids)
            return {candidate_id for query in queries for candidate_id in session.scalars(query)}

        return await self._read(work)

    def _learnable_among(
        self, session: Session, query: Select[Any], line: str, candidate_ids: Collection[int]
    ) -> Iterator[Select[Any]]:
        """The query about some candidates that may be learnt, in parts, by id; in one transaction of one time."""
        lines = Lines.now(session, self._defaults)
        for some in chunks(sorted(set(candidate_ids))):
            part = query.where(col(CandidateRow.id).in_(some), is_learnable(lines, line))
            yield part.order_by(col(CandidateRow.id))

    async def learnable_hash(self, line: str = SHARED_LINE) -> str:
        """SHA-256 over the words that a line may learn now, in order; ids and names do not matter to it."""

        def work(session: Session) -> str:
            lines = Lines.now(session, self._defaults)
            digest = hashlib.sha256()
            query = select(col(CandidateRow.content_hash)).where(is_learnable(lines, line))
            for one in session.scalars(query.order_by(col(CandidateRow.id))):
                digest.update(one.encode())
            return digest.hexdigest()

        return await self._read(work)

    async def nearest_approved(
        self, server: str, text: str, *, limit: int = 3, snapshot_hash: str | None = None
    ) -> list[Neighbour]:
        """A server's approved exchanges, of members who may be learnt from, that share the most telling words.

        Args:
            server: never another's.
            text: such as a question and its answer.
            limit: how many at most.
            snapshot_hash: only those that were in a snapshot: what a version can have learnt.
        """

        def work(session: Session) -> list[Neighbour]:
            found = nearest(session, server, text, limit=limit * _SPARE_NEIGHBOURS)
            scores = dict(found)
            query = select(CandidateRow).where(
                col(CandidateRow.id).in_(list(scores)),
                col(CandidateRow.server) == server,
                col(CandidateRow.state) == CandidateState.APPROVED,
                ~lacks_consent(),
            )
            if snapshot_hash is not None:
                had = select(col(SnapshotCandidateRow.candidate_id)).where(
                    col(SnapshotCandidateRow.snapshot_hash) == snapshot_hash
                )
                query = query.where(col(CandidateRow.id).in_(had))
            values = candidates_of(session, session.scalars(query).all())
            values.sort(key=lambda one: (-scores[one.id], -one.id))
            return [Neighbour(one, scores[one.id]) for one in values[:limit]]

        return await self._read(work)

    async def counts(self, server: str | None = None) -> dict[CandidateState, int]:
        """How many there are of each state, in one server or in all."""
        query = select(col(CandidateRow.state), func.count()).group_by(col(CandidateRow.state))
        if server is not None:
            query = query.where(col(CandidateRow.server) == server)

        def work(session: Session) -> dict[CandidateState, int]:
            found = {CandidateState(state): count for state, count in session.execute(query)}
            return {state: found.get(state, 0) for state in CandidateState}

        return await self._read(work)

    async def approved_after(self, review_id: int, line: str = SHARED_LINE) -> int:
        """How many candidates of a line were approved after a review's id and still are: what a retrain would add."""

        def work(session: Session) -> int:
            lines = Lines.now(session, self._defaults)
            query = (
                select(func.count(col(ReviewRow.candidate_id).distinct()))
                .join(CandidateRow, col(CandidateRow.id) == col(ReviewRow.candidate_id))
                .where(
                    col(ReviewRow.id) > review_id,
                    col(ReviewRow.decision).in_([Decision.APPROVE, Decision.EDIT]),
                    col(ReviewRow.undone_at).is_(None),
                    col(CandidateRow.state) == CandidateState.APPROVED,
                    lines.may_learn(col(CandidateRow.server), col(CandidateRow.source), line),
                )
            )
            return session.scalar(query) or 0

        return await self._read(work)

    async def newest_review_id(self) -> int:
        """The newest review's id; 0 if there is none."""
        return await self._read(lambda session: session.scalar(select(func.max(col(ReviewRow.id)))) or 0)


def _page(after_id: int, limit: int) -> Select[CandidateRow]:
    return select(CandidateRow).where(col(CandidateRow.id) > after_id).order_by(col(CandidateRow.id)).limit(limit)
