"""The open database: its repositories, over one writer with group commit.

Promise: when an awaited write returns, the rows are on disk (`synchronous=FULL`); each call is one transaction.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from storage.aliases import Aliases
from storage.audit import AuditLog
from storage.candidates import Candidates
from storage.consents import Consents
from storage.conversations import Conversations
from storage.evaluations import Evaluations
from storage.leases import Leases
from storage.members import Members
from storage.runs import Runs
from storage.settings import StoreSettings
from storage.snapshots import Snapshots
from storage.votes import Votes


class Store:
    """The repositories of one open database."""

    conversations: Conversations
    consents: Consents
    votes: Votes
    candidates: Candidates
    snapshots: Snapshots
    runs: Runs
    evaluations: Evaluations
    aliases: Aliases
    audit: AuditLog
    leases: Leases
    members: Members

    @property
    def url(self) -> str:
        """The database's address without its password, for people."""
        raise NotImplementedError

    def author_key(self, author_id: str) -> str:
        """The keyed hash (HMAC-SHA-256, hexadecimal) that stands for an author's id in every table."""
        raise NotImplementedError


@asynccontextmanager
async def open_store(
    settings: StoreSettings, home: Path, *, clock: Callable[[], datetime], checkpoints: bool = True
) -> AsyncIterator[Store]:
    """Migrate and open the database, and close it at the end.

    Raises:
        DatabaseBusy: another process held it for longer than `busy_timeout_seconds`.
        WrongUsage: the URL is not one we can use, or the file is not a database.
    """
    raise NotImplementedError
    yield
