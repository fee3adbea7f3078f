"""Logs: one line an event, to standard error and to a rotating file in the home folder.

Standard output belongs to what a command was asked for; nothing here writes to it. A log never holds what people said:
messages of exceptions that may quote a row or an input (those of databases and of pydantic) are left out, and whatever
the settings keep secret is blotted out wherever it turns up. What is written as JSON may be carried off this machine,
so there the words of other packages are left out, too, but for the first line of their template.
"""

import json
import logging
import logging.handlers
import math
import os
import sys
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Literal

QUOTES_ITS_INPUT = ("sqlalchemy", "sqlite3", "asyncpg", "pydantic")
"""Packages whose exceptions may quote what people wrote."""
HOUSES = frozenset({"bot", "mynah", "playground", "storage", "trainer"})
"""Whose events are constants that stand in our code; the messages of other packages may hold anything."""
BLOTTED = "[secret]"

Format = Literal["text", "json"]

_STANDARD_FIELDS = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime", "taskName"}


class KeyValueFormatter(logging.Formatter):
    """One line a record: time, level, logger, event, then the fields given as `extra`, as `key=value`.

    Args:
        with_tracebacks: whether the traceback of an error follows on lines of its own.
        secrets: never written, wherever they stand.
    """

    def __init__(self, *, with_tracebacks: bool = True, secrets: Sequence[str] = ()) -> None:
        super().__init__()
        self._with_tracebacks = with_tracebacks
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """The record as `key=value` pairs."""
        pairs = _named(record, event=record.getMessage())
        line = " ".join(f"{key}={_quoted(_blotted(str(value), self._secrets))}" for key, value in pairs)
        if self._with_tracebacks and record.exc_info and record.exc_info[1] is not None:
            line += "\n" + _blotted(describe(record.exc_info[1]), self._secrets)
        return line


class JsonFormatter(logging.Formatter):
    """One JSON object a record, on one line of ASCII: `time`, `level`, `logger`, `message`, the fields given as `extra`.

    `exception` holds the traceback of an error, without words that people may have written.

    Args:
        secrets: never written, wherever they stand.
    """

    def __init__(self, *, secrets: Sequence[str] = ()) -> None:
        super().__init__()
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """The record as a JSON object."""
        is_ours = house_of(record) is not None
        message = record.getMessage() if is_ours else str(record.msg).partition("\n")[0]
        told = dict(_named(record, message=message, has_fields=is_ours))
        if record.exc_info and record.exc_info[1] is not None:
            told["exception"] = describe(record.exc_info[1])
        return json.dumps(_plain(told, self._secrets))


def house_of(record: logging.LogRecord) -> str | None:
    """Which of our houses wrote a record; None: another package."""
    house = record.name.partition(".")[0]
    return house if house in HOUSES else None


def _named(record: logging.LogRecord, *, has_fields: bool = True, **what: str) -> Iterator[tuple[str, object]]:
    """What a record tells, by name: when, how grave, who, what, and its fields, which hide none of those."""
    moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    first = {
        "time": moment.replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "logger": record.name,
        **what,
    }
    yield from first.items()
    taken = {*first, "exception"}
    for key, value in vars(record).items():
        if has_fields and key not in _STANDARD_FIELDS:
            yield f"its_{key}" if key in taken else key, value


def _blotted(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, BLOTTED)
    return text


def _plain(value: object, secrets: Sequence[str]) -> object:
    """A value as JSON knows it; what JSON does not know is told as text."""
    if isinstance(value, Enum):
        return _plain(value.value, secrets)
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, Mapping):
        return {_blotted(str(key), secrets): _plain(item, secrets) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, secrets) for item in value]
    return _blotted(str(value), secrets)


def _quoted(text: str) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
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


def set_up_logs(
    home: Path, *, process: str, shown: int | None, form: Format = "text", secrets: Sequence[str] = ()
) -> None:
    """Send this process's log to its file and, from level `shown` on, to standard error.

    The file is for people, as `key=value`; there, tracebacks go to the file only: nobody should have to read one.
    `MYNAH_DEBUG=1` shows them. A home that cannot be written leaves only standard error: `mynah doctor` must be able to
    say so.

    Args:
        home: holds the file.
        process: names it.
        shown: from which level on standard error gets the log, too; None: never.
        form: of standard error; `json` is for programs that gather logs, and holds tracebacks.
        secrets: never written, wherever they stand.
    """
    quieten_libraries()
    take_down_logs()
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    if shown is not None:
        is_debugging = os.environ.get("MYNAH_DEBUG") == "1"
        plain = KeyValueFormatter(with_tracebacks=is_debugging, secrets=secrets)
        formatter = JsonFormatter(secrets=secrets) if form == "json" else plain
        _add(root, logging.StreamHandler(sys.stderr), shown, formatter)
    path = log_file(home, process)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = logging.handlers.RotatingFileHandler(path, maxBytes=5_000_000, backupCount=3, encoding="utf-8")
    except OSError:
        return
    _add(root, file, logging.INFO, KeyValueFormatter(secrets=secrets))


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
