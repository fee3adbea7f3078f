"""Votes on answers: one per member and answer, changeable; and which of them a trainer may learn from."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import delete, func, select, true
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.candidate_rows import is_learnable
from storage.consents import forbids
from storage.errors import WrongUsage
from storage.repository import Repository, chunks
from storage.review_order import rank_those_of_answer, votes_on
from storage.server_choices import Lines
from storage.tables import CandidateRow, ModelVersionRow, SnapshotCandidateRow, TurnRow, VoteRow


@dataclass(frozen=True, slots=True)
class AnswerBehind:
    """The answer of the bot's that an approved exchange was made from."""

    candidate_id: int
    question_id: int
    text: str
    """As it was sent; the exchange may say something better."""


@dataclass(frozen=True, slots=True)
class CountedVote:
    """A vote on such an answer, by a member who may be learnt from."""

    candidate_id: int
    voter: str
    value: int
    """1 or -1."""


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

    async def answers_behind(self, line: str, candidate_ids: Collection[int]) -> list[AnswerBehind]:
        """The bot's own answers behind those of some candidates that a line may learn now, by candidate."""

        def work(session: Session) -> list[AnswerBehind]:
            lines = Lines.now(session, self._defaults)
            found: list[AnswerBehind] = []
            for some in chunks(sorted(candidate_ids)):
                query = (
                    select(col(CandidateRow.id), col(TurnRow.reply_to), col(TurnRow.text))
                    .join(TurnRow, col(TurnRow.id) == col(CandidateRow.assistant_turn_id))
                    .where(
                        col(CandidateRow.id).in_(some),
                        is_learnable(lines, line),
                    )
                    .order_by(col(CandidateRow.id))
                )
                found += [
                    AnswerBehind(candidate, question, text)
                    for candidate, question, text in session.execute(query)
                    if question is not None
                ]
            return found

        return await self._read(work)

    async def counted(self, candidate_ids: Collection[int]) -> list[CountedVote]:
        """The votes on the answers behind some candidates, the newest first.

        Only of members who said yes to learning in that server and are not blocked: a vote is theirs like their words.
        """

        def work(session: Session) -> list[CountedVote]:
            found = []
            silent = forbids(col(CandidateRow.server), col(VoteRow.author_key), needs_yes=true())
            for some in chunks(sorted(candidate_ids)):
                query = (
                    select(col(VoteRow.created_at), col(CandidateRow.id), col(VoteRow.author_key), col(VoteRow.value))
                    .join(VoteRow, col(VoteRow.turn_id) == col(CandidateRow.assistant_turn_id))
                    .where(col(CandidateRow.id).in_(some), ~silent)
                )
                found += [
                    (at, CountedVote(candidate, voter, value)) for at, candidate, voter, value in session.execute(query)
                ]
            found.sort(key=lambda one: (one[0], one[1].candidate_id, one[1].voter), reverse=True)
            return [vote for _, vote in found]

        return await self._read(work)
