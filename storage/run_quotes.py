"""Quotes in reports of runs, and when they must go: what a report quotes may be somebody's words.

A report quotes prompts with the replies before and after. A taught prompt is a member's own words, and any reply may
repeat what its version has learnt. Which reply repeats whom cannot be proved, so all of a report's quotes go together.

Promise: once an example was deleted (its message was deleted or edited, or its member was forgotten), no row quotes a run
that learnt it, or that compared with a version which had; a report that is written later is written without quotes.
What lies in files is the trainer's to clear, by `Runs.without_quotes` and `Snapshots.incomplete`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import JSON, or_, select, type_coerce, update
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.tables import ModelVersionRow, RunRow, SnapshotCandidateRow, SnapshotRow

_AT_ONCE = 500
_QUOTATION = "\n> "
"""How a quoted prompt begins in the card for people; quotes stand at its end."""


def without_quotes(report: Mapping[str, Any]) -> dict[str, Any]:
    """A report without anybody's words; it says that they were taken out."""
    kept = {**report, "replies": [], "quotes_cleared": True}
    if isinstance(card := kept.get("markdown"), str):
        kept["markdown"] = f"\n{card}".partition(_QUOTATION)[0].removeprefix("\n")
    return kept


def take_back_quotes(session: Session, candidate_ids: Sequence[int]) -> None:
    """Some examples were deleted: mark the snapshots that had them, and clear the reports that may quote them."""
    broken: set[str] = set()
    for start in range(0, len(candidate_ids), _AT_ONCE):
        broken.update(
            session.scalars(
                select(col(SnapshotCandidateRow.snapshot_hash))
                .distinct()
                .join(SnapshotRow, col(SnapshotRow.content_hash) == col(SnapshotCandidateRow.snapshot_hash))
                .where(
                    col(SnapshotCandidateRow.candidate_id).in_(candidate_ids[start : start + _AT_ONCE]),
                    col(SnapshotRow.is_incomplete).is_(False),
                )
            )
        )
    if not broken:
        return
    session.execute(
        update(SnapshotRow)
        .where(col(SnapshotRow.content_hash).in_(broken))
        .values(is_incomplete=True)
        .execution_options(synchronize_session=False)
    )
    compared = select(col(ModelVersionRow.version)).where(col(ModelVersionRow.snapshot_hash).in_(broken))
    champion = type_coerce(col(RunRow.report), JSON)["champion"].as_string()
    quoting = or_(col(RunRow.snapshot_hash).in_(broken), champion.in_(compared))
    for run in session.scalars(select(RunRow).where(col(RunRow.report).is_not(None), quoting)).all():
        clear_quotes(run)


def clear_quotes(run: RunRow) -> None:
    """Take the quotes out of a run's report."""
    if run.report is not None:
        run.report = without_quotes(run.report)
        run.quotes_cleared = True


def may_quote_what_is_gone(session: Session, run: RunRow) -> bool:
    """Whether an example that a run's two versions may have learnt is deleted."""
    compared = None if run.report is None else run.report.get("champion")
    of_champion = select(col(ModelVersionRow.snapshot_hash)).where(col(ModelVersionRow.version) == str(compared))
    broken = select(col(SnapshotRow.content_hash)).where(
        col(SnapshotRow.is_incomplete).is_(True),
        or_(col(SnapshotRow.content_hash) == run.snapshot_hash, col(SnapshotRow.content_hash).in_(of_champion)),
    )
    return session.scalar(broken.limit(1)) is not None
