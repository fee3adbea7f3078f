"""A database as an earlier Mynah left it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData

from storage.candidates import content_hash
from storage.migrate import MIGRATIONS
from storage.settings import StoreSettings
from storage.store import database_of
from storage.values import Message, Role

BEFORE = datetime(2025, 12, 1, 9, tzinfo=UTC)
OLD_ROWS: dict[str, list[dict[str, Any]]] = {
    "candidates": [
        {
            "id": number,
            "server": "harbour",
            "channel": "pier",
            "source": "message",
            "state": state,
            "messages": [{"role": "user", "text": question}, {"role": "assistant", "text": "on the water"}],
            "content_hash": content_hash([Message(Role.USER, question), Message(Role.ASSISTANT, "on the water")]),
            "outcome": "pass",
            "screen_version": "1",
            "verdict": {},
            "created_at": BEFORE,
        }
        for number, state, question in [
            (1, "approved", "where do the gulls sleep"),
            (2, "waiting", "where do the gulls sleep?"),
            (3, "waiting", "when does the ferry leave"),
        ]
    ],
    "candidate_authors": [{"candidate_id": number, "author_key": "ada"} for number in (1, 2, 3)],
    "consents": [{"server": "harbour", "author_key": "ada", "allowed": True, "created_at": BEFORE}],
    "reviews": [
        {"candidate_id": 1, "reviewer_key": "mod", "decision": "approve", "reason": "", "created_at": BEFORE},
        {"candidate_id": 9, "reviewer_key": "mod", "decision": "reject", "reason": "", "created_at": BEFORE},
    ],
    "snapshots": [
        {"content_hash": "s", "folder": "f", "train_examples": 1, "heldout_examples": 0, "created_at": BEFORE}
    ],
    "snapshot_candidates": [{"snapshot_hash": "s", "position": 0, "candidate_id": 1}],
    "model_versions": [
        {"version": "v", "content_hash": "v", "kind": "full", "snapshot_hash": "s", "created_at": BEFORE, "note": ""}
    ],
    "alias_changes": [
        {"alias": "champion", "action": "promote", "to_version": "v", "actor": "a", "reason": "", "created_at": BEFORE}
    ],
    "runs": [
        {
            "state": "requested",
            "requested_by": "schedule",
            "progress": 0.0,
            "note": "",
            "newest_review_id": 0,
            "cancel_requested": False,
            "created_at": BEFORE,
            "updated_at": BEFORE,
        }
    ],
    "audit": [{"actor": "a", "action": "promote", "subject": "v", "details": {}, "created_at": BEFORE}],
}


async def moved(settings: StoreSettings, home: Path, revision: str, rows: dict[str, list[dict[str, Any]]]) -> None:
    """Bring a database to a revision, and write rows as a Mynah of then would have."""
    database = database_of(settings, home)

    def work(connection: Connection) -> None:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(MIGRATIONS))
        move = command.downgrade if rows == {} else command.upgrade
        move(config, revision)
        tables = MetaData()
        tables.reflect(connection)
        for name, found in rows.items():
            for row in found:
                connection.execute(tables.tables[name].insert(), row)

    await database.migrate(work)
    await database.close()
