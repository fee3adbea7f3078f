"""What members decided, and what was decided about them."""

from datetime import datetime

from sqlalchemy import Index

from storage.tables.building import (
    NEVER_REUSE_IDS,
    Row,
    boolean_field,
    id_field,
    integer_field,
    json_field,
    text_field,
    time_field,
)


class ConsentRow(Row, table=True):
    """A member's decision; the newest row of a server and member stands, the older ones are its history."""

    __tablename__ = "consents"
    __table_args__ = (Index("ix_consents_author_key_server_id", "author_key", "server", "id"), NEVER_REUSE_IDS)

    id: int = id_field()
    server: str = text_field()
    author_key: str = text_field()
    allowed: bool = boolean_field()
    created_at: datetime = time_field()
    account_made_on: datetime | None = time_field(optional=True)
    """The day on which the member's account was made, where the face knows it; no time, which would name them."""


class FirstContactRow(Row, table=True):
    """A member who was asked once; nobody is asked twice, also not after a restart."""

    __tablename__ = "first_contacts"
    __table_args__ = (Index("ix_first_contacts_author_key", "author_key"),)

    server: str = text_field(key=True)
    author_key: str = text_field(key=True)
    asked_at: datetime = time_field()


class BlockRow(Row, table=True):
    """A member whom moderators keep out of learning, until it is lifted; lifted ones are the history."""

    __tablename__ = "blocks"
    __table_args__ = (Index("ix_blocks_author_key_server", "author_key", "server"), NEVER_REUSE_IDS)

    id: int = id_field()
    server: str = text_field()
    author_key: str = text_field()
    blocked_by: str = text_field()
    reason: str = text_field()
    created_at: datetime = time_field()
    lifted_by: str | None = text_field(optional=True)
    lifted_at: datetime | None = time_field(optional=True)


class ReceiptRow(Row, table=True):
    """What forgetting a member removed, and whether a clean version answers since; figures only."""

    __tablename__ = "receipts"
    __table_args__ = (Index("ix_receipts_author_key_id", "author_key", "id"), NEVER_REUSE_IDS)

    id: int = id_field()
    server: str = text_field()
    author_key: str = text_field()
    notify_id: str | None = text_field(optional=True)
    turns: int = integer_field()
    candidates: int = integer_field()
    votes: int = integer_field()
    versions: list[str] = json_field()
    created_at: datetime = time_field()
    clean_version: str | None = text_field(optional=True)
    clean_at: datetime | None = time_field(optional=True)
    told_at: datetime | None = time_field(optional=True)
