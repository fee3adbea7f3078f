"""Candidate examples, what finds them, and the reviews that decide them."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index

from storage.tables.building import (
    NEVER_REUSE_IDS,
    Row,
    boolean_field,
    id_field,
    integer_field,
    json_field,
    link_field,
    text_field,
    time_field,
)


class CandidateRow(Row, table=True):
    """An exchange that could be learnt from.

    The same words of other authors are another row: forgetting one member must not take what another one said.
    """

    __tablename__ = "candidates"
    __table_args__ = (
        Index("ix_candidates_state_id", "state", "id"),
        Index("ix_candidates_server_content_hash_authors_hash", "server", "content_hash", "authors_hash", unique=True),
        Index("ix_candidates_server_state_review_rank_id", "server", "state", "review_rank", "id"),
        Index("ix_candidates_assistant_turn_id", "assistant_turn_id"),
        Index("ix_candidates_state_curated_under_id", "state", "curated_under", "id"),
        NEVER_REUSE_IDS,
    )

    id: int = id_field()
    server: str = text_field()
    channel: str = text_field()
    source: str = text_field()
    state: str = text_field()
    messages: list[dict[str, str]] = json_field()
    content_hash: str = text_field()
    outcome: str = text_field()
    screen_version: str = text_field()
    verdict: dict[str, Any] = json_field()
    user_turn_id: int | None = integer_field(optional=True)
    assistant_turn_id: int | None = integer_field(optional=True)
    created_at: datetime = time_field()
    authors_hash: str = text_field(default="")
    is_novel: bool = boolean_field(default=True)
    review_rank: int = integer_field(default=0)
    curated_under: str = text_field(default="")
    """The rules under which its curation stands; empty: it is to be looked at (again)."""


class CandidateAuthorRow(Row, table=True):
    """Whose consent a candidate needs."""

    __tablename__ = "candidate_authors"
    __table_args__ = (Index("ix_candidate_authors_author_key_candidate_id", "author_key", "candidate_id"),)

    candidate_id: int = link_field("candidates.id", on_delete="CASCADE", key=True)
    author_key: str = text_field(key=True)


class CandidateTurnRow(Row, table=True):
    """The turns whose words are in a candidate, its context included."""

    __tablename__ = "candidate_turns"
    __table_args__ = (Index("ix_candidate_turns_turn_id", "turn_id"),)

    candidate_id: int = link_field("candidates.id", on_delete="CASCADE", key=True)
    turn_id: int = link_field("turns.id", on_delete="CASCADE", key=True)


class CandidateOriginRow(Row, table=True):
    """A message behind a kept candidate whose turn was purged by age: deleting or forgetting still finds it."""

    __tablename__ = "candidate_origins"
    __table_args__ = (
        Index("ix_candidate_origins_server_external_id", "server", "external_id"),
        Index("ix_candidate_origins_author_key", "author_key"),
    )

    candidate_id: int = link_field("candidates.id", on_delete="CASCADE", key=True)
    turn_id: int = integer_field(key=True)
    server: str = text_field()
    external_id: str | None = text_field(optional=True)
    author_key: str | None = text_field(optional=True)


class CandidateBandRow(Row, table=True):
    """A key under which near-duplicates of a candidate meet it."""

    __tablename__ = "candidate_bands"
    __table_args__ = (Index("ix_candidate_bands_band_candidate_id", "band", "candidate_id"),)

    candidate_id: int = link_field("candidates.id", on_delete="CASCADE", key=True)
    band: int = integer_field(key=True, big=True)


class KeptBandRow(Row, table=True):
    """A band of a candidate that snapshots take: what is new meets it here, however much was left out beside it."""

    __tablename__ = "kept_bands"
    __table_args__ = (Index("ix_kept_bands_band_candidate_id", "band", "candidate_id"),)

    candidate_id: int = link_field("candidates.id", on_delete="CASCADE", key=True)
    band: int = integer_field(key=True, big=True)


class CandidateWordRow(Row, table=True):
    """A word of an approved candidate, as a number: what `/why` searches."""

    __tablename__ = "candidate_words"
    __table_args__ = (Index("ix_candidate_words_word_candidate_id", "word", "candidate_id"),)

    candidate_id: int = link_field("candidates.id", on_delete="CASCADE", key=True)
    word: int = integer_field(key=True, big=True)


class CurationRow(Row, table=True):
    """What became of an approved candidate: taken into snapshots or left out, and why. Goes with the candidate."""

    __tablename__ = "curations"
    __table_args__ = (
        Index("ix_curations_digest", "digest"),
        Index("ix_curations_cluster", "cluster"),
        Index("ix_curations_reason", "reason"),
    )

    candidate_id: int = link_field("candidates.id", on_delete="CASCADE", key=True)
    reason: str = text_field()
    """Why it is left out; empty: it is taken."""
    rules: str = text_field()
    screen_version: str = text_field()
    digest: str = text_field()
    """Of the words as they are learnt."""
    messages: list[dict[str, str]] | None = json_field(optional=True)
    """The words as they are learnt, where screening has changed them since they were written."""
    cluster: int = integer_field()
    """The first candidate that it is a near-duplicate of, or its own id."""
    side: str = text_field(default="")
    """Whether it was learnt or held out first, once it was in a snapshot."""
    first_cycle: int = integer_field()
    kept_cycle: int | None = integer_field(optional=True)
    looked_at: datetime = time_field()


class ReviewRow(Row, table=True):
    """A moderator's decision; it outlives its candidate, so that ids of reviews keep counting."""

    __tablename__ = "reviews"
    __table_args__ = (
        Index("ix_reviews_candidate_id", "candidate_id"),
        Index("ix_reviews_reviewer_key_id", "reviewer_key", "id"),
        Index("ix_reviews_server_created_at", "server", "created_at"),
        NEVER_REUSE_IDS,
    )

    id: int = id_field()
    candidate_id: int = integer_field()
    reviewer_key: str = text_field()
    decision: str = text_field()
    reason: str = text_field()
    created_at: datetime = time_field()
    server: str = text_field(default="")
    batch: int | None = integer_field(optional=True)
    undone_at: datetime | None = time_field(optional=True)


class RevisionRow(Row, table=True):
    """What a candidate was before a review: what an undo restores. Unlike the review it goes with the candidate."""

    __tablename__ = "revisions"
    __table_args__ = (Index("ix_revisions_candidate_id", "candidate_id"),)

    review_id: int = integer_field(key=True)
    candidate_id: int = link_field("candidates.id", on_delete="CASCADE")
    before: dict[str, Any] = json_field()


class ReviewCardRow(Row, table=True):
    """A card that was posted; it outlives its candidate, so that the face can take the words down."""

    __tablename__ = "review_cards"
    __table_args__ = (Index("ix_review_cards_candidate_id", "candidate_id"), Index("ix_review_cards_server", "server"))

    message: str = text_field(key=True)
    channel: str = text_field()
    server: str = text_field()
    candidate_id: int = integer_field()
    shown_state: str = text_field()
    shown_hash: str = text_field()
    posted_at: datetime = time_field()
