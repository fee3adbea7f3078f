"""How the outcome of a look at approved candidates is written."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.candidate_rows import messages_to_json
from storage.curation_marks import look_behind
from storage.curation_values import COMES_BACK, NewCuration
from storage.similarity import Print
from storage.tables import CandidateBandRow, CandidateRow, CurationRow, KeptBandRow
from storage.values import CandidateState


def keep_outcomes(
    session: Session, outcomes: Sequence[NewCuration], at: datetime, cycle: int, rules: str, screen_version: str
) -> None:
    """Write what became of candidates whose words are still those that were judged; the rest waits for the next look."""
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
    _index_kept(session, judged)


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


def _index_kept(session: Session, judged: Sequence[NewCuration]) -> None:
    """Let what is new meet those that are kept, and no longer meet those that are not."""
    session.execute(delete(KeptBandRow).where(col(KeptBandRow.candidate_id).in_([one.candidate_id for one in judged])))
    kept = select(col(CandidateBandRow.candidate_id), col(CandidateBandRow.band)).where(
        col(CandidateBandRow.candidate_id).in_([one.candidate_id for one in judged if not one.reason])
    )
    session.execute(insert(KeptBandRow).from_select(["candidate_id", "band"], kept))
