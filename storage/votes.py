"""Votes on answers: one per member and answer, changeable."""

from sqlalchemy import delete
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.errors import WrongUsage
from storage.repository import Repository
from storage.review_order import rank_those_of_answer, votes_on
from storage.tables import TurnRow, VoteRow


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
