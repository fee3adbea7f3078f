"""Candidate examples, and the reviews that decide them."""

from collections.abc import Sequence

from storage.values import Candidate, CandidateState, Message, NewCandidate, Review, Verdict


def content_hash(messages: Sequence[Message]) -> str:
    """SHA-256 of the messages' roles and texts, hexadecimal."""
    raise NotImplementedError


class Candidates:
    """Exchanges that could be learnt from."""

    async def add(self, new: NewCandidate) -> Candidate:
        """Write a candidate; the same messages in the same server return the row there is.

        Raises:
            Refused: its verdict is `refuse`, or an author's consent is missing (when it names authors and its
                source is not `import`; for an import, when an author has denied).
        """
        raise NotImplementedError

    async def known_hashes(self, server: str, hashes: Sequence[str]) -> set[str]:
        """Those of these content hashes that a server has candidates for: what an import would add twice."""
        raise NotImplementedError

    async def get(self, candidate_id: int) -> Candidate | None:
        """One candidate by id."""
        raise NotImplementedError

    async def by_state(self, state: CandidateState, *, after_id: int = 0, limit: int = 100) -> list[Candidate]:
        """Candidates of a state by id, from after a key."""
        raise NotImplementedError

    async def approve(self, candidate_id: int, reviewer_key: str) -> Candidate:
        """A moderator says yes.

        Raises:
            Refused: it was decided already, its verdict is `refuse`, or consent is gone.
            WrongUsage: no such candidate.
        """
        raise NotImplementedError

    async def edit(self, candidate_id: int, reviewer_key: str, reply: str, verdict: Verdict) -> Candidate:
        """A moderator approves with other words for the last assistant message, screened again.

        Raises:
            Refused: as for `approve`, or the new words' verdict is `refuse`.
        """
        raise NotImplementedError

    async def reject(self, candidate_id: int, reviewer_key: str, reason: str = "") -> Candidate:
        """A moderator says no. Also allowed for an approved one, which then leaves the next snapshot.

        Raises:
            WrongUsage: no such candidate.
        """
        raise NotImplementedError

    async def learnable(self, *, after_id: int = 0, limit: int = 1000) -> list[Candidate]:
        """Approved candidates whose authors' consent stands now, by id, from after a key."""
        raise NotImplementedError

    async def counts(self) -> dict[CandidateState, int]:
        """How many there are of each state."""
        raise NotImplementedError

    async def approved_after(self, review_id: int) -> int:
        """How many approvals came after a review's id: what a retrain would add."""
        raise NotImplementedError

    async def newest_review_id(self) -> int:
        """The newest review's id; 0 if there is none."""
        raise NotImplementedError

    async def reviews(self, candidate_id: int) -> list[Review]:
        """The decisions on a candidate, oldest first."""
        raise NotImplementedError
