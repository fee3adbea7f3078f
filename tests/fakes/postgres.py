"""A PostgreSQL of the tests' own, for machines that have its programs."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_DEBIAN = Path("/usr/lib/postgresql")
"""Where Debian's packages put the server's programs, a folder a version; they are not on the path there."""


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


@contextmanager
def temporary_postgres() -> Iterator[str]:
    """Start a server on a socket in a folder of its own; gives the URL of its `postgres` database."""
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    if user is not None:
        shutil.chown(folder, user)

    def run(name: str, *arguments: str) -> None:
        command = (program(name) or name, *arguments)
        subprocess.run(command, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL, timeout=60)

    run("initdb", "-D", str(folder / "data"), "-U", "mynah", "-A", "trust", "-N", "-E", "UTF8")
    options = f"-k {folder} -c listen_addresses= -c fsync=off -c max_connections=50"
    run("pg_ctl", "-D", str(folder / "data"), "-l", str(folder / "log"), "-w", "-o", options, "start")
    try:
        yield f"postgresql+asyncpg://mynah@/postgres?host={folder}"
    finally:
        run("pg_ctl", "-D", str(folder / "data"), "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)
