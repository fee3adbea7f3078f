"""A PostgreSQL of the tests' own, for machines that have its programs. It ends with its process, also when that is killed."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

_DEBIAN = Path("/usr/lib/postgresql")
"""Where Debian's packages put the server's programs, a folder a version; they are not on the path there."""

_WHEN_LEFT = """
cat > /dev/null
pid=$(head -n 1 "$1/data/postmaster.pid" 2> /dev/null)
if [ -n "$pid" ]; then
  kill -QUIT "$pid"
  for _ in $(seq 100); do kill -0 "$pid" 2> /dev/null || break; sleep 0.1; done
fi
rm -rf "$1"
"""
"""What a shell does once its input ends: whoever held the other end has closed it, or is dead. QUIT ends the server at once."""


def program(name: str, packaged: Path = _DEBIAN) -> str | None:
    """A program of the server: the one on the path, or that of the newest version that Debian installed."""
    versions = [found for found in packaged.glob("*/bin") if found.parent.name.isdecimal()]
    newest_first = sorted(versions, key=lambda found: int(found.parent.name), reverse=True)
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(map(str, newest_first)))


def programs_are_here() -> bool:
    """Whether `initdb` and `pg_ctl` can be run; PostgreSQL refuses root, who then needs a `postgres` user."""
    try:
        may_run = os.geteuid() != 0 or pwd.getpwnam("postgres") is not None
    except KeyError:
        may_run = False
    return may_run and program("initdb") is not None and program("pg_ctl") is not None


class PostgresServer:
    """One server on a socket in a folder of its own, which can be stopped and started."""

    def __init__(self, folder: Path, user: str | None) -> None:
        self._folder = folder
        self._user = user

    @property
    def url(self) -> str:
        """Of its `postgres` database."""
        return f"postgresql+asyncpg://mynah@/postgres?host={self._folder}"

    def make(self) -> None:
        """Make its files."""
        self._run("initdb", "-D", str(self._folder / "data"), "-U", "mynah", "-A", "trust", "-N", "-E", "UTF8")

    def start(self) -> None:
        """Start it, and wait until it can be used."""
        options = f"-k {self._folder} -c listen_addresses= -c fsync=off -c max_connections=50"
        self._run("pg_ctl", *self._data, "-l", str(self._folder / "log"), "-w", "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it: `fast` ends what runs; `immediate` does as a crash would."""
        self._run("pg_ctl", *self._data, "-m", mode, "-w", "stop")

    @property
    def _data(self) -> tuple[str, str]:
        return ("-D", str(self._folder / "data"))

    def _run(self, name: str, *arguments: str) -> None:
        command = (program(name) or name, *arguments)
        subprocess.run(command, check=True, user=self._user, cwd=self._folder, stdout=subprocess.DEVNULL, timeout=60)


@contextmanager
def restartable_postgres() -> Iterator[PostgresServer]:
    """A server that runs, and is gone afterwards."""
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    if user is not None:
        shutil.chown(folder, user)
    server = PostgresServer(folder, user)
    with _gone_with_us(folder):
        server.make()
        server.start()
        yield server


@contextmanager
def _gone_with_us(folder: Path) -> Iterator[None]:
    """Afterwards, or once this process is dead however it died, a server's folder is gone and nobody serves it."""
    watcher = subprocess.Popen(
        ("sh", "-c", _WHEN_LEFT, "sh", str(folder)),
        stdin=subprocess.PIPE,
        start_new_session=True,  # a Ctrl-C is for us
    )
    try:
        yield
    finally:
        watcher.communicate(timeout=60)


@contextmanager
def temporary_postgres() -> Iterator[str]:
    """A server that nobody stops in between; gives the URL of its `postgres` database."""
    with restartable_postgres() as server:
        yield server.url


async def run_statements(url: str, *statements: str) -> None:
    """Run statements on a server, each by itself."""
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        for statement in statements:
            await connection.execute(text(statement))
    await engine.dispose()
