"""The open database: its repositories, over one writer with group commit.

Promise: when an awaited write returns, the rows are on disk (`synchronous=FULL`); each call is one transaction.
"""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from storage.aliases import Aliases
from storage.audit import AuditLog
from storage.blocks import Blocks
from storage.bots import Bots
from storage.canaries import Canaries
from storage.candidates import Candidates
from storage.claims import Claims
from storage.consents import Consents
from storage.conversations import Conversations
from storage.curations import Curations
from storage.database import Database, SqliteDatabase
from storage.errors import WrongUsage
from storage.evaluations import Evaluations
from storage.figures import Figures
from storage.first_contacts import FirstContacts
from storage.half_restored import refuse_half_restored
from storage.kept_out import KeptOut
from storage.leases import Leases
from storage.members import Members
from storage.migrate import migrate
from storage.monitoring import Monitoring
from storage.notices import Notices
from storage.postgres import PostgresDatabase
from storage.proposals import Proposals
from storage.recalls import Recalls
from storage.receipts import Receipts
from storage.retention import Retention
from storage.review_cards import ReviewCards
from storage.review_queue import ReviewQueue
from storage.run_cards import RunCards
from storage.runs import Runs
from storage.secret import author_key_secret, fingerprint
from storage.server_choices import ServerSettingsTable
from storage.server_settings import ServerSettings
from storage.settings import StoreSettings
from storage.snapshots import Snapshots
from storage.text import storable
from storage.votes import Votes
from storage.withdrawals import Withdrawals
from storage.writer import Writer


class Store:
    """The repositories of one open database.

    Args:
        database: where rows live.
        writer: the one writer of this process.
        clock: the time, aware.
        secret: key of the keyed hash of author ids.
        defaults: what holds for a server that chose nothing.
        withdrawals: where it is noted beside the database what members take back.
    """

    def __init__(
        self,
        database: Database,
        writer: Writer,
        clock: Callable[[], datetime],
        secret: bytes,
        defaults: ServerSettings,
        withdrawals: Withdrawals,
    ) -> None:
        self._database = database
        self._secret = secret
        self.clock = clock
        self.server_defaults = defaults
        self.conversations = Conversations(database, writer, clock, defaults)
        self.consents = Consents(database, writer, clock, defaults, withdrawals)
        self.kept_out = KeptOut(database, writer, clock, defaults, withdrawals)
        self.recalls = Recalls(database, writer, clock, defaults)
        self.votes = Votes(database, writer, clock, defaults)
        self.candidates = Candidates(database, writer, clock, defaults)
        self.curations = Curations(database, writer, clock, defaults)
        self.snapshots = Snapshots(database, writer, clock, defaults)
        self.runs = Runs(database, writer, clock, defaults)
        self.run_cards = RunCards(database, writer, clock, defaults)
        self.evaluations = Evaluations(database, writer, clock, defaults)
        self.aliases = Aliases(database, writer, clock, defaults)
        self.audit = AuditLog(database, writer, clock, defaults)
        self.leases = Leases(database, writer, clock, defaults)
        self.bots = Bots(database, writer, clock, defaults)
        self.claims = Claims(database, writer, clock, defaults)
        self.members = Members(database, writer, clock, defaults, withdrawals)
        self.server_settings = ServerSettingsTable(database, writer, clock, defaults)
        self.first_contacts = FirstContacts(database, writer, clock, defaults)
        self.blocks = Blocks(database, writer, clock, defaults)
        self.receipts = Receipts(database, writer, clock, defaults)
        self.retention = Retention(database, writer, clock, defaults)
        self.canaries = Canaries(database, writer, clock, defaults)
        self.review_queue = ReviewQueue(database, writer, clock, defaults)
        self.review_cards = ReviewCards(database, writer, clock, defaults)
        self.figures = Figures(database, writer, clock, defaults)
        self.monitoring = Monitoring(database, writer, clock, defaults)
        self.proposals = Proposals(database, writer, clock, defaults)
        self.notices = Notices(database)

    @property
    def url(self) -> str:
        """The database's address without its password, for people."""
        return self._database.url

    @property
    def author_key_fingerprint(self) -> str:
        """By which this author key is told apart from others."""
        return fingerprint(self._secret)

    def author_key(self, author_id: str) -> str:
        """The keyed hash (HMAC-SHA-256, hexadecimal) that stands for an author's id in every table."""
        return hmac.new(self._secret, storable(author_id).encode("utf-8"), hashlib.sha256).hexdigest()


@asynccontextmanager
async def open_store(
    settings: StoreSettings,
    home: Path,
    *,
    clock: Callable[[], datetime],
    server_defaults: ServerSettings | None = None,
) -> AsyncIterator[Store]:
    """Migrate and open the database, and close it at the end.

    Args:
        settings: where and how.
        home: the folder with the author key and, unless a URL says otherwise, the database; made if missing.
        clock: the time, aware.
        server_defaults: what holds for a server that chose nothing.

    Raises:
        DatabaseBusy: another process held it for longer than `busy_timeout_seconds`.
        WrongUsage: the URL is not one we can use, the file is not a database, or the home folder cannot be made.
        MynahError: the folder cannot be written, the server cannot be reached, or a restore has not come to its end.
    """
    await asyncio.to_thread(refuse_half_restored, home)
    secret = await asyncio.to_thread(_secret, settings, home)
    database = database_of(settings, home)
    try:
        await migrate(database)
        writer = Writer(database, group_commit_rows=settings.group_commit_rows)
        store = Store(database, writer, clock, secret, server_defaults or ServerSettings(), Withdrawals(home))
        try:
            yield store
        finally:
            await store.notices.close()
            await writer.close()
    finally:
        await database.close()


def _secret(settings: StoreSettings, home: Path) -> bytes:
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WrongUsage(
            f"The home folder {home} cannot be made: {error.strerror}.", advice="Check the path, or choose another."
        ) from error
    if settings.author_key_secret is not None:
        return settings.author_key_secret.get_secret_value().encode("utf-8")
    return author_key_secret(home)


def database_of(settings: StoreSettings, home: Path) -> Database:
    """The database that the settings name, not opened yet; by default `mynah.db` in the home folder.

    Raises:
        WrongUsage: the URL is not one we can use.
    """
    if settings.url is None:
        return SqliteDatabase(home / "mynah.db", busy_timeout_seconds=settings.busy_timeout_seconds)
    url = _url(settings.url)
    kind = url.get_backend_name()
    if kind == "sqlite" and url.database and url.database != ":memory:":
        return SqliteDatabase(Path(url.database), busy_timeout_seconds=settings.busy_timeout_seconds)
    if kind == "postgresql":
        asynchronous = url.set(drivername="postgresql+asyncpg")
        return PostgresDatabase(
            asynchronous,
            busy_timeout_seconds=settings.busy_timeout_seconds,
            outage_seconds=settings.outage_seconds,
        )
    raise WrongUsage(
        f"The database {url.render_as_string(hide_password=True)} is none that Mynah can use.",
        advice="Use sqlite:///PATH or postgresql+asyncpg://USER@HOST/NAME.",
    )


def _url(given: str) -> URL:
    try:
        return make_url(given)
    except (ArgumentError, ValueError) as error:  # the text itself may hold a password: not repeated here
        raise WrongUsage(
            "The database URL cannot be read.", advice="Use sqlite:///PATH or postgresql+asyncpg://USER@HOST/NAME."
        ) from error
