"""Moderators' decisions: approve, edit, reject, alone or with near-duplicates, and take back.

Promises, each kept inside one transaction: nobody decides about their own words; an approval counts once per person and
only for the words that they saw; what was decided is not decided again by a second person; consent, blocks and the
screens' verdict are looked at for every single candidate, also among near-duplicates; an undo restores what was before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.approving import approve_plain_ones
from storage.audit import note
from storage.candidate_rows import (
    candidate_of,
    candidates_of,
    content_hash,
    existing,
    has_words_of,
    is_unfit,
    may_be_learnt,
    messages_from_json,
    messages_to_json,
    no_consent,
    refuse_unfit,
    set_verdict,
    verdict_of,
)
from storage.curation_marks import forget_outcome, look_again_at_distrusted, look_behind
from storage.errors import Refused, WrongUsage
from storage.governance import LeftOut, Together
from storage.likeness import alike, index_bands
from storage.repository import Repository
from storage.review_order import look_again, look_at_novelty, look_at_those_near, rank
from storage.server_choices import settings_of
from storage.tables import CandidateRow, ReviewRow, RevisionRow
from storage.text import storable
from storage.values import Candidate, CandidateState, Decision, Message, Outcome, Review, Role, Verdict
from storage.word_index import index_words, unindex_words

_YES = [Decision.APPROVE, Decision.EDIT]
_SEVERITY = list(Outcome)


@dataclass(frozen=True, slots=True)
class _Click:
    """One decision of one person: what holds for every candidate that it is about."""

    at: datetime
    decision: Decision
    reviewer_key: str
    reason: str = ""
    may_review_own: bool = False
    only_waiting: bool = False


class Decisions(Repository):
    """What moderators decide about candidates."""

    async def approve(
        self, candidate_id: int, reviewer_key: str, *, seen_hash: str | None = None, may_review_own: bool = False
    ) -> Candidate:
        """A moderator says yes; the candidate is approved once as many have as its server's quorum asks for.

        Args:
            candidate_id: which.
            reviewer_key: who.
            seen_hash: the content hash of the words that were shown; None: whatever it holds now.
            may_review_own: whether this person may decide about their own words.

        Raises:
            Refused: it was decided already, or approved by this person; its words are their own, or changed since they
                were shown; its verdict is `refuse`; or consent is gone.
            WrongUsage: no such candidate.
        """
        click = _Click(self._clock(), Decision.APPROVE, reviewer_key, may_review_own=may_review_own)

        def work(session: Session) -> Candidate:
            row = existing(session, candidate_id)
            _refuse_other_words(row, seen_hash)
            _refuse_to_approve(session, row, click)
            return self._say_yes(session, row, click)

        return await self._write(work)

    async def approve_all(
        self, candidate_ids: Sequence[int], reviewer_key: str, *, may_review_own: bool = False
    ) -> dict[int, Candidate | Refused]:
        """Say yes to several, each as `approve` would, in one transaction: the candidate, or its refusal.

        Each is a click of its own to undo. Those that are not there (any more) are not in the answer.
        """
        click = _Click(self._clock(), Decision.APPROVE, reviewer_key, may_review_own=may_review_own)
        ids = list(dict.fromkeys(candidate_ids))

        def work(session: Session) -> dict[int, Candidate | Refused]:
            quorum_of = cache(lambda server: settings_of(session, self._defaults, server).quorum)
            plain = approve_plain_ones(
                session, click.at, ids, reviewer_key, may_review_own=may_review_own, quorum_of=quorum_of
            )
            done: dict[int, Candidate | Refused] = {one.id: one for one in candidates_of(session, plain)}
            for candidate_id in ids:
                row = None if candidate_id in done else session.get(CandidateRow, candidate_id)
                if row is not None:
                    try:
                        _refuse_to_approve(session, row, click)
                    except Refused as refusal:
                        done[candidate_id] = refusal
                    else:
                        done[candidate_id] = self._say_yes(session, row, click)
            return done

        return await self._write(work)

    async def edit(
        self,
        candidate_id: int,
        reviewer_key: str,
        reply: str,
        verdict: Verdict,
        *,
        seen_hash: str | None = None,
        may_review_own: bool = False,
    ) -> Candidate:
        """A moderator approves with other words for the last assistant message, screened again.

        The words kept are the verdict's `text` (personal data scrubbed), or `reply` if it has none. Approvals of the
        earlier words do not count for these; the editor's own counts as one.

        Raises:
            Refused: as for `approve`, or the new words' verdict is `refuse`, or another candidate of the same members
                says just this.
            WrongUsage: no such candidate, or no words.
        """
        refuse_unfit(verdict)
        words = storable(verdict.text or reply)
        if not words.strip():
            raise WrongUsage("The better answer is empty.", advice="Write some words, or reject the candidate.")
        click = _Click(self._clock(), Decision.EDIT, reviewer_key, may_review_own=may_review_own)

        def work(session: Session) -> Candidate:
            row = existing(session, candidate_id)
            _refuse_other_words(row, seen_hash)
            _refuse_to_approve(session, row, click)
            before = _state_of(row) | _words_of(row)
            messages = (*messages_from_json(row.messages)[:-1], Message(Role.ASSISTANT, words))
            digest = content_hash(messages)
            twin = same_words(session, row.server, digest, row.authors_hash)
            if twin is not None and twin.id != row.id:
                raise Refused(
                    f"Candidate {twin.id} says just this already.", advice="Reject this one, or decide that one."
                )
            row.messages = messages_to_json(messages)
            row.content_hash = digest
            set_verdict(row, verdict)
            forget_outcome(session, row.id)
            index_bands(session, row)
            session.flush()
            look_at_novelty(session, row)
            return self._say_yes(session, row, click, before=before)

        return await self._write(work)

    async def reject(
        self,
        candidate_id: int,
        reviewer_key: str,
        reason: str = "",
        *,
        seen_hash: str | None = None,
        may_review_own: bool = False,
        only_waiting: bool = False,
    ) -> Candidate:
        """A moderator says no; one no is enough. An approved one then leaves the next snapshot.

        Args:
            candidate_id: which.
            reviewer_key: who.
            reason: a `RejectReason`, or free words.
            seen_hash: the content hash of the words that were shown; None: whatever it holds now.
            may_review_own: whether this person may decide about their own words.
            only_waiting: refuse if somebody approved it meanwhile: what a card means by no.

        Raises:
            Refused: it was rejected already, its words are this person's own, or changed since they were shown.
            WrongUsage: no such candidate.
        """
        click = _Click(self._clock(), Decision.REJECT, reviewer_key, reason, may_review_own, only_waiting)

        def work(session: Session) -> Candidate:
            row = existing(session, candidate_id)
            _refuse_other_words(row, seen_hash)
            _refuse_to_reject(session, row, click)
            return _say_no(session, row, click)

        return await self._write(work)

    async def approve_alike(
        self, candidate_id: int, reviewer_key: str, *, newest_id: int | None = None, may_review_own: bool = False
    ) -> Together:
        """Approve a candidate and what waits and is nearly the same, in one transaction and as one click to undo.

        Each is looked at by itself: own words, missing consent, words that the screens doubt more than those that were
        shown, and words that came later are left out, with the reason.

        Args:
            candidate_id: the one that was shown; it must be one that this person may approve.
            reviewer_key: who.
            newest_id: the newest candidate there was when it was shown.
            may_review_own: whether this person may decide about their own words.

        Raises:
            Refused, WrongUsage: as for `approve`, about the one that was shown.
        """
        click = _Click(self._clock(), Decision.APPROVE, reviewer_key, may_review_own=may_review_own)

        def decide(session: Session, row: CandidateRow, batch: int | None) -> Candidate:
            return self._say_yes(session, row, click, batch=batch)

        return await self._write(
            lambda session: _together(session, candidate_id, click, newest_id, _refuse_to_approve, decide)
        )

    async def reject_alike(
        self,
        candidate_id: int,
        reviewer_key: str,
        reason: str = "",
        *,
        newest_id: int | None = None,
        may_review_own: bool = False,
    ) -> Together:
        """Reject a candidate and what waits and is nearly the same; otherwise as `approve_alike`."""
        click = _Click(self._clock(), Decision.REJECT, reviewer_key, reason, may_review_own, only_waiting=True)

        def decide(session: Session, row: CandidateRow, batch: int | None) -> Candidate:
            return _say_no(session, row, click, batch=batch)

        return await self._write(
            lambda session: _together(session, candidate_id, click, newest_id, _refuse_to_reject, decide)
        )

    async def undo(
        self, reviewer_key: str, *, server: str | None = None, candidate_id: int | None = None
    ) -> tuple[Candidate, ...]:
        """Take back a reviewer's own last click, all of it; each candidate is then as it was before.

        One whose author said no meanwhile does not wait again. One that somebody else decided since stays as it is.

        Args:
            reviewer_key: who.
            server: only a click there.
            candidate_id: their last click on this one.

        Raises:
            Refused: there is nothing of theirs to take back, or somebody decided since, or the words were deleted.
        """
        at = self._clock()

        def work(session: Session) -> tuple[Candidate, ...]:
            last = session.scalar(_own_reviews(reviewer_key, server, candidate_id).limit(1))
            if last is None:
                raise Refused("There is no decision of yours to take back here.")
            click = [last] if last.batch is None else session.scalars(_of_batch(last.batch)).all()
            undone = [row for review in click if (row := _undo(session, at, review)) is not None]
            if not undone:
                raise Refused(
                    "That cannot be taken back: the words were deleted, or somebody decided after you.",
                    advice="Decide about the candidate again instead.",
                )
            return tuple(candidates_of(session, undone))

        return await self._write(work)

    async def near_duplicates(self, candidate_id: int, *, limit: int = 25) -> list[Candidate]:
        """What waits and is nearly the same as a candidate, oldest first.

        Raises:
            WrongUsage: no such candidate.
        """

        def work(session: Session) -> list[Candidate]:
            near = list(alike(session, existing(session, candidate_id), [CandidateState.WAITING]))
            return candidates_of(session, near[:limit])

        return await self._read(work)

    async def reviews(self, candidate_id: int) -> list[Review]:
        """The decisions on a candidate, oldest first; those taken back say when."""
        query = select(ReviewRow).where(col(ReviewRow.candidate_id) == candidate_id).order_by(col(ReviewRow.id))
        return await self._read(lambda session: [_review(row) for row in session.scalars(query)])

    def _say_yes(
        self,
        session: Session,
        row: CandidateRow,
        click: _Click,
        *,
        before: dict[str, Any] | None = None,
        batch: int | None = None,
    ) -> Candidate:
        kept = _state_of(row) if before is None else before
        review = _write_review(session, row, click, batch)
        touched: list[int] = []
        if len(approvals(session, row.id)) >= settings_of(session, self._defaults, row.server).quorum:
            row.state, row.curated_under = CandidateState.APPROVED.value, ""
            index_words(session, row)
            session.flush()
            touched = look_at_those_near(session, row)
        rank(session, row)
        session.add(RevisionRow(review_id=review.id, candidate_id=row.id, before={**kept, "touched": touched}))
        session.flush()
        return candidate_of(session, row)


def approvals(session: Session, candidate_id: int) -> list[str]:
    """Who approved the words that a candidate holds now, and did not take it back; each once."""
    mine = (col(ReviewRow.candidate_id) == candidate_id, col(ReviewRow.undone_at).is_(None))
    edited = select(func.max(col(ReviewRow.id))).where(*mine, col(ReviewRow.decision) == Decision.EDIT)
    since = session.scalar(edited) or 0
    found = session.scalars(
        select(col(ReviewRow.reviewer_key))
        .where(*mine, col(ReviewRow.decision).in_(_YES), col(ReviewRow.id) >= since)
        .order_by(col(ReviewRow.id))
    )
    return list(dict.fromkeys(found))


def was_rejected_by_a_person(session: Session, candidate_id: int) -> bool:
    """Whether a moderator's no stands: then the same words do not come back by themselves."""
    standing = select(func.count()).where(
        col(ReviewRow.candidate_id) == candidate_id,
        col(ReviewRow.decision) == Decision.REJECT,
        col(ReviewRow.undone_at).is_(None),
    )
    return bool(session.scalar(standing))


def same_words(session: Session, server: str, digest: str, authors: str) -> CandidateRow | None:
    """The candidate of the same members that says just this in a server."""
    return session.scalar(
        select(CandidateRow).where(
            col(CandidateRow.server) == server,
            col(CandidateRow.content_hash) == digest,
            col(CandidateRow.authors_hash) == authors,
        )
    )


def _refuse_other_words(row: CandidateRow, seen_hash: str | None) -> None:
    if seen_hash is not None and row.content_hash != seen_hash:
        raise Refused(f"Candidate {row.id} was edited meanwhile.", advice="Look at its words again.")


def _refuse_to_approve(session: Session, row: CandidateRow, click: _Click) -> None:
    reason = _why_not_approve(session, row, click)
    if reason is LeftOut.DECIDED and row.state == CandidateState.WAITING:
        raise Refused("You approved this one already.", advice="It needs another moderator too.")
    if reason is LeftOut.DECIDED:
        raise Refused(f"Candidate {row.id} was decided already: {row.state}.")
    if reason is LeftOut.OWN_WORDS:
        raise _own_words()
    if reason is LeftOut.REFUSED:
        refuse_unfit(verdict_of(row))
    if reason is LeftOut.NO_CONSENT:
        raise no_consent()


def _why_not_approve(session: Session, row: CandidateRow, click: _Click) -> LeftOut | None:
    if row.state != CandidateState.WAITING:
        return LeftOut.DECIDED
    if not click.may_review_own and _is_own(session, row, click.reviewer_key):
        return LeftOut.OWN_WORDS
    if is_unfit(verdict_of(row)):
        return LeftOut.REFUSED
    if not may_be_learnt(session, row):
        return LeftOut.NO_CONSENT
    has_approved = click.decision is Decision.APPROVE and click.reviewer_key in approvals(session, row.id)
    return LeftOut.DECIDED if has_approved else None


def _refuse_to_reject(session: Session, row: CandidateRow, click: _Click) -> None:
    reason = _why_not_reject(session, row, click)
    if reason is LeftOut.DECIDED:
        raise Refused(f"Candidate {row.id} was decided already: {row.state}.")
    if reason is LeftOut.OWN_WORDS:
        raise _own_words()


def _why_not_reject(session: Session, row: CandidateRow, click: _Click) -> LeftOut | None:
    if row.state == CandidateState.REJECTED or (click.only_waiting and row.state != CandidateState.WAITING):
        return LeftOut.DECIDED
    if not click.may_review_own and _is_own(session, row, click.reviewer_key):
        return LeftOut.OWN_WORDS
    return None


def _own_words() -> Refused:
    return Refused("Nobody reviews their own words.", advice="Leave this one to another moderator.")


def _is_own(session: Session, row: CandidateRow, reviewer_key: str) -> bool:
    own = select(func.count()).where(col(CandidateRow.id) == row.id, has_words_of(reviewer_key))
    return bool(session.scalar(own))


def _together(
    session: Session,
    candidate_id: int,
    click: _Click,
    newest_id: int | None,
    refuse: Callable[[Session, CandidateRow, _Click], None],
    decide: Callable[[Session, CandidateRow, int | None], Candidate],
) -> Together:
    shown = existing(session, candidate_id)
    near = list(alike(session, shown, [CandidateState.WAITING]))
    refuse(session, shown, click)
    doubt = _SEVERITY.index(Outcome(shown.outcome))
    batch = (session.scalar(select(func.max(col(ReviewRow.id)))) or 0) + 1 if near else None
    decided = [decide(session, shown, batch)]
    left_out: dict[int, LeftOut] = {}
    for row in near:
        reason = _why_not_with(session, row, click, newest_id, doubt)
        if reason is None:
            decided.append(decide(session, row, batch))
        else:
            left_out[row.id] = reason
    return Together(tuple(decided), left_out)


def _why_not_with(
    session: Session, row: CandidateRow, click: _Click, newest_id: int | None, doubt: int
) -> LeftOut | None:
    if newest_id is not None and row.id > newest_id:
        return LeftOut.CAME_LATER
    if click.decision is Decision.REJECT:
        return _why_not_reject(session, row, click)
    if _SEVERITY.index(Outcome(row.outcome)) > doubt:
        return LeftOut.DOUBTFUL
    return _why_not_approve(session, row, click)


def _say_no(session: Session, row: CandidateRow, click: _Click, *, batch: int | None = None) -> Candidate:
    before = _state_of(row)
    was_approved = row.state == CandidateState.APPROVED
    if was_approved:
        look_behind(session, col(CandidateRow.id) == row.id)
    row.state = CandidateState.REJECTED.value
    review = _write_review(session, row, click, batch)
    touched: list[int] = []
    if was_approved:
        unindex_words(session, row)
        session.flush()
        touched = look_at_those_near(session, row)
    session.add(RevisionRow(review_id=review.id, candidate_id=row.id, before={**before, "touched": touched}))
    session.flush()
    return candidate_of(session, row)


def _write_review(session: Session, row: CandidateRow, click: _Click, batch: int | None) -> ReviewRow:
    review = ReviewRow(
        candidate_id=row.id,
        reviewer_key=click.reviewer_key,
        decision=click.decision.value,
        reason=storable(click.reason),
        created_at=click.at,
        server=row.server,
        batch=batch,
    )
    session.add(review)
    note(session, click.at, click.reviewer_key, click.decision.value, f"candidate {row.id}", server=row.server)
    session.flush()
    return review


def _state_of(row: CandidateRow) -> dict[str, Any]:
    return {"state": row.state}


def _words_of(row: CandidateRow) -> dict[str, Any]:
    return {
        "messages": row.messages,
        "content_hash": row.content_hash,
        "outcome": row.outcome,
        "screen_version": row.screen_version,
        "verdict": row.verdict,
        "is_novel": row.is_novel,
    }


def _own_reviews(reviewer_key: str, server: str | None, candidate_id: int | None) -> Select[ReviewRow]:
    query = select(ReviewRow).where(col(ReviewRow.reviewer_key) == reviewer_key, col(ReviewRow.undone_at).is_(None))
    if server is not None:
        query = query.where(col(ReviewRow.server) == server)
    if candidate_id is not None:
        query = query.where(col(ReviewRow.candidate_id) == candidate_id)
    return query.order_by(col(ReviewRow.id).desc())


def _of_batch(batch: int) -> Select[ReviewRow]:
    return (
        select(ReviewRow)
        .where(col(ReviewRow.batch) == batch, col(ReviewRow.undone_at).is_(None))
        .order_by(col(ReviewRow.id).desc())
    )


def _undo(session: Session, at: datetime, review: ReviewRow) -> CandidateRow | None:
    """Take one decision back; None if its candidate is gone, or was decided again since."""
    row = session.get(CandidateRow, review.candidate_id)
    revision = session.get(RevisionRow, review.id)
    later = select(func.count()).where(
        col(ReviewRow.candidate_id) == review.candidate_id,
        col(ReviewRow.id) > review.id,
        col(ReviewRow.undone_at).is_(None),
    )
    if row is None or revision is None or session.scalar(later):
        return None
    before = dict(revision.before)
    if "content_hash" in before and same_words(session, row.server, before["content_hash"], row.authors_hash):
        return None  # the words before the edit came again meanwhile, as a candidate of their own
    review.undone_at = at
    _restore(session, row, before)
    note(session, at, review.reviewer_key, "undo", f"candidate {row.id}", {"of": review.decision}, server=row.server)
    session.flush()
    return row


def _restore(session: Session, row: CandidateRow, before: dict[str, Any]) -> None:
    unindex_words(session, row)
    look_behind(session, col(CandidateRow.id) == row.id)
    look_again_at_distrusted(session, row.id)
    if "content_hash" in before:
        for name in ("messages", "content_hash", "outcome", "screen_version", "verdict", "is_novel"):
            setattr(row, name, before[name])
        forget_outcome(session, row.id)
        index_bands(session, row)
    row.state = before["state"] if may_be_learnt(session, row) else CandidateState.REJECTED.value
    if row.state == CandidateState.APPROVED:
        row.curated_under = ""
        index_words(session, row)
    rank(session, row)
    session.flush()
    look_again(session, before["touched"])


def _review(row: ReviewRow) -> Review:
    return Review(
        row.id,
        row.candidate_id,
        row.reviewer_key,
        Decision(row.decision),
        row.reason,
        row.created_at,
        row.undone_at,
    )
