"""PostgreSQL's own `pg_dump` and `pg_restore`, which know the database better than we do.

The password goes to them in the environment, where other users of the machine cannot read it.
"""

import os
import shutil
import subprocess
from pathlib import Path

from sqlalchemy import URL

from storage.errors import MynahError, WrongUsage

_FROM_QUERY = {"host": "PGHOST", "port": "PGPORT", "ssl": "PGSSLMODE", "sslmode": "PGSSLMODE"}
_LONGEST_WORDS = 500


class PostgresPrograms:
    """The two programs, for one database."""

    def __init__(self, url: URL) -> None:
        self._database = url.database or ""
        self._url = url.render_as_string(hide_password=True)
        self._environment = environment(url)

    def dump(self, target: Path) -> None:
        """Write all of the database as it is at one moment, others writing on. Blocks.

        Raises:
            WrongUsage: `pg_dump` is missing, or older than the server.
            MynahError: it failed; says its words.
        """
        self._run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={target}")

    def restore(self, source: Path) -> None:
        """Fill the empty database in one transaction. Blocks.

        Raises:
            WrongUsage: `pg_restore` is missing, or older than the dump.
            MynahError: it failed, and nothing was written; says its words.
        """
        options = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
        self._run("pg_restore", *options, f"--dbname={self._database}", str(source))

    def _run(self, name: str, *arguments: str) -> None:
        program = shutil.which(name)
        if program is None:
            raise WrongUsage(
                f"PostgreSQL's {name} is not installed.",
                advice="Install the client programs of the server's version or newer (Debian: postgresql-client).",
            )
        command = (program, "--no-password", *arguments)
        done = subprocess.run(command, env=self._environment, capture_output=True, check=False)  # noqa: S603 - no shell
        if done.returncode == 0:
            return
        words = " ".join(done.stderr.decode("utf-8", "replace").split())[:_LONGEST_WORDS]
        if "version mismatch" in words or "unsupported version" in words:
            raise WrongUsage(
                f"PostgreSQL's {name} is too old for {self._url}: {words}",
                advice="Install the client programs of the server's version or newer.",
            )
        raise MynahError(f"PostgreSQL's {name} failed on {self._url}: {words}")


def environment(url: URL) -> dict[str, str]:
    """The environment in which libpq's programs find a database."""
    told = {
        "PGHOST": url.host,
        "PGPORT": None if url.port is None else str(url.port),
        "PGUSER": url.username,
        "PGPASSWORD": None if url.password is None else str(url.password),
        "PGDATABASE": url.database,
    }
    for name, variable in _FROM_QUERY.items():
        value = url.query.get(name)
        if value is not None:
            told[variable] = value if isinstance(value, str) else ",".join(value)
    return os.environ | {variable: value for variable, value in told.items() if value} | {"LC_ALL": "C"}
