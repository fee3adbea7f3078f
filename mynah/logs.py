"""Logs: `key=value` lines to standard error and to a rotating file in the home folder.

Standard output belongs to what a command was asked for; nothing here writes to it. Messages of exceptions that may
quote a row or an input (those of databases and of pydantic) are left out: a log never holds what people said.
"""

import logging
import logging.handlers
import os
import sys
import traceback
import warnings
from datetime import UTC, datetime
from pathlib import Path

QUOTES_ITS_INPUT = ("sqlalchemy", "sqlite3", "asyncpg", "pydantic")
"""Packages whose exceptions may quote what people wrote."""

_STANDARD_FIELDS = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime", "taskName"}


class KeyValueFormatter(logging.Formatter):
    """One line a record: time, level, logger, event, then the fields given as `extra`.

    Args:
        with_tracebacks: whether the traceback of an error follows on lines of its own.
    """

    def __init__(self, *, with_tracebacks: bool = True) -> None:
        super().__init__()
        self._with_tracebacks = with_tracebacks

    def format(self, record: logging.LogRecord) -> str:
        """The record as `key=value` pairs."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        pairs: dict[str, object] = {
            "time": moment.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        for key, value in vars(record).items():
            if key not in _STANDARD_FIELDS:
                pairs[f"its_{key}" if key in pairs else key] = value
        line = " ".join(f"{key}={_quoted(value)}" for key, value in pairs.items())
        if self._with_tracebacks and record.exc_info and record.exc_info[1] is not None:
            line += "\n" + describe(record.exc_info[1])
        return line


def _quoted(value: object) -> str:
    text = str(value).replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    if text and not any(character.isspace() or character in '"=' for character in text):
        return text
    return '"' + text.replace('"', '\\"') + '"'


def describe(error: BaseException) -> str:
    """An exception with its frames and causes, without words that people may have written."""
    lines: list[str] = []
    current: BaseException | None = error
    while current is not None:
        lines += [line.rstrip() for line in traceback.format_tb(current.__traceback__)]
        kind = type(current)
        quotes = kind.__module__.split(".")[0] in QUOTES_ITS_INPUT or isinstance(current, UnicodeError)
        lines.append(f"{kind.__module__}.{kind.__qualname__}" + ("" if quotes else f": {current}"))
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return "\n".join(lines)


def log_file(home: Path, process: str) -> Path:
    """Where a process writes its log: each has a file of its own, since two cannot rotate one."""
    return home / "logs" / f"{process}.log"


def set_up_logs(home: Path, *, process: str, shown: int | None) -> None:
    """Send this process's log to its file and, from level `shown` on, to standard error.

    Tracebacks go to the file only: nobody should have to read one. `MYNAH_DEBUG=1` shows them.
    A home that cannot be written leaves only standard error: `mynah doctor` must be able to say so.
    """
    quieten_libraries()
    take_down_logs()
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    if shown is not None:
        is_debugging = os.environ.get("MYNAH_DEBUG") == "1"
        _add(root, logging.StreamHandler(sys.stderr), shown, KeyValueFormatter(with_tracebacks=is_debugging))
    path = log_file(home, process)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = logging.handlers.RotatingFileHandler(path, maxBytes=5_000_000, backupCount=3, encoding="utf-8")
    except OSError:
        return
    _add(root, file, logging.INFO, KeyValueFormatter())


def take_down_logs() -> None:
    """Remove the handlers that `set_up_logs` added, and close their files."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        if getattr(handler, "is_ours", False):
            root.removeHandler(handler)
            handler.close()


def _add(root: logging.Logger, handler: logging.Handler, level: int, formatter: logging.Formatter) -> None:
    handler.setLevel(level)
    handler.setFormatter(formatter)
    handler.is_ours = True  # type: ignore[attr-defined] # told apart from handlers of whoever hosts us, such as tests
    root.addHandler(handler)


def quieten_libraries() -> None:
    """Keep libraries from writing to the terminal; set before they are imported, because they look on import."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("MPLBACKEND", "Agg")
    for name in ("discord", "alembic", "apscheduler", "httpx", "httpcore", "datasets", "py.warnings"):
        logging.getLogger(name).setLevel(logging.WARNING)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
