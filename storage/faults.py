"""What a database driver's error means to a person.

Knows the drivers' words for it: SQLite's messages and PostgreSQL's SQLSTATE codes.
"""

from sqlalchemy.exc import DBAPIError

from storage.errors import DatabaseBusy, MynahError, WrongUsage

_BUSY_STATES = frozenset({"55P03", "40001", "40P01", "57014"})
"""lock_not_available, serialization_failure, deadlock_detected, query_canceled (by a time-out)."""


def means_away(error: Exception) -> bool:
    """Whether the server went away, or is only just coming: the same may succeed a little later."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return _is_away(_cause(error))


def means_busy(error: Exception) -> bool:
    """Whether another process held what was asked for, for too long."""
    cause = _cause(error)
    words = str(cause).lower()
    state = getattr(cause, "sqlstate", None)
    return state in _BUSY_STATES or "database is locked" in words or "table is locked" in words


def explain(error: Exception, url: str) -> MynahError:
    """The error as one of ours, naming the database and what to do next."""
    if isinstance(error, MynahError):
        return error
    cause = _cause(error)
    words = str(cause).lower()
    state = getattr(cause, "sqlstate", None)
    if means_busy(error):
        return DatabaseBusy(
            f"Another process holds the database {url}.", advice="Wait until it is done, or stop it, then try again."
        )
    if "not a database" in words or "malformed" in words or "disk image" in words:
        return WrongUsage(
            f"{url} is not a database that Mynah can read, or it is damaged.",
            advice="Move the file away and restore a backup, or let Mynah make a new one.",
        )
    if "unable to open" in words or "readonly" in words or "read-only" in words:
        return MynahError(f"The database {url} cannot be written.", advice="Check the folder's owner and permissions.")
    if "disk is full" in words or state == "53100":
        return MynahError(f"The disk with the database {url} is full.", advice="Free some space, then try again.")
    if state in {"28P01", "28000"}:
        return WrongUsage(f"The database {url} refused the user or the password.", advice="Check MYNAH_STORE__URL.")
    if state == "3D000":
        return WrongUsage(f"The server has no such database: {url}.", advice="Create it, or mend MYNAH_STORE__URL.")
    if means_away(error):
        return MynahError(f"The database {url} cannot be reached.", advice="Is the server running, and the host right?")
    return MynahError(f"The database {url} failed: {type(cause).__name__}.", advice="Nothing was written. Try again.")


def _cause(error: Exception) -> BaseException:
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


def _is_away(cause: BaseException) -> bool:
    """Connection exceptions and the server's own shutdown and start have SQLSTATEs of these classes."""
    return isinstance(cause, OSError) or (getattr(cause, "sqlstate", None) or "").startswith(("08", "57P"))
