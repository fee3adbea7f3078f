"""Votes on answers: one per member and answer, changeable."""

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.errors import WrongUsage
from storage.repository import Repository
from storage.review_order import rank_those_of_answer, votes_on
from storage.tables import CandidateRow, ModelVersionRow, SnapshotCandidateRow, TurnRow, VoteRow


class Votes(Repository):
    """👍 and 👎 on the bot's turns."""

    async def cast(self, turn_id: int, author_key: str, value: int) -> None:
        """Vote +1 or -1, replacing the member's earlier vote.

        Raises:
            WrongUsage: another value, or no such turn.
        """
        if value not in {1, -1}:
            raise WrongUsage(f"A vote is 1 or -1, not {value}.")
        at = self._clock()

        def work(session: Session) -> None:
            if session.get(TurnRow, turn_id) is None:
                raise WrongUsage(f"There is no turn {turn_id} to vote on.", advice="It may have been deleted.")
            session.merge(VoteRow(turn_id=turn_id, author_key=author_key, value=value, created_at=at))
            session.flush()
            rank_those_of_answer(session, turn_id)

        await self._write(work)

    async def withdraw(self, turn_id: int, author_key: str) -> None:
        """Take a vote back."""

        def work(session: Session) -> None:
            session.execute(
                delete(VoteRow).where(col(VoteRow.turn_id) == turn_id, col(VoteRow.author_key) == author_key)
            )
            rank_those_of_answer(session, turn_id)

        await self._write(work)

    async def tally(self, turn_id: int) -> tuple[int, int]:
        """Votes up and down."""
        return await self._read(lambda session: votes_on(session, turn_id))

    async def of(self, turn_id: int, author_key: str) -> int | None:
        """A member's vote on an answer; None: none."""

        def work(session: Session) -> int | None:
            row = session.get(VoteRow, (turn_id, author_key))
            return None if row is None else row.value

        return await self._read(work)

    async def behind(self, author_key: str, version: str, *, server: str | None = None) -> int:
        """How many votes of a member stand behind what a version learnt, in one server or in all."""
        return (await self.behind_all(version, server=server, author_key=author_key)).get(author_key, 0)

    async def behind_all(
        self, version: str, *, server: str | None = None, author_key: str | None = None
    ) -> dict[str, int]:
        """Whose votes stand behind what a version learnt, and how many: on the answers that its examples came from."""
        query = (
            select(col(VoteRow.author_key), func.count(col(VoteRow.turn_id).distinct()))
            .join(CandidateRow, col(CandidateRow.assistant_turn_id) == col(VoteRow.turn_id))
            .join(SnapshotCandidateRow, col(SnapshotCandidateRow.candidate_id) == col(CandidateRow.id))
            .join(ModelVersionRow, col(ModelVersionRow.snapshot_hash) == col(SnapshotCandidateRow.snapshot_hash))
            .where(col(ModelVersionRow.version) == version)
            .group_by(col(VoteRow.author_key))
        )
        if server is not None:
            query = query.where(col(CandidateRow.server) == server)
        if author_key is not None:
            query = query.where(col(VoteRow.author_key) == author_key)
        return await self._read(lambda session: {author: count for author, count in session.execute(query)})  # noqa: C416 - rows are no tuples to mypy
