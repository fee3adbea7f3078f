"""One call of the command line: what was asked for, and how it ends.

Knows the options that every command shares, how a result is printed and how an error becomes one sentence and an exit
code. Does not know any command.
"""

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Coroutine, Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from typer.core import TyperGroup

from mynah.logs import describe, log_file, set_up_logs
from storage.errors import MynahError
from storage.processes import noted

if TYPE_CHECKING:
    from mynah.settings import Settings

logger = logging.getLogger(__name__)

T = TypeVar("T")

Home = Annotated[
    Path | None,
    typer.Option("--home", help="Folder of the database, the models and the logs [MYNAH_HOME].", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]


@dataclass
class Invocation:
    """The shared options, wherever on the line they stood, and the settings once a command has begun."""

    home: Path | None = None
    as_json: bool = False
    process: str = "mynah"
    printed: bool = False
    """Whether the one JSON document is out."""
    _settings: "Settings | None" = field(default=None, repr=False)

    @property
    def settings(self) -> "Settings":
        """The settings of this process; read when first asked for, so that `--help` is quick."""
        from mynah.settings import load_settings

        if self._settings is None:
            self._settings = load_settings(self.home)
        return self._settings

    def show_logs(self, shown: int | None) -> None:
        """Write this process's log as the settings say; from level `shown` on also to standard error; None: not there."""
        from mynah.settings import secrets_of

        settings = self.settings
        form, secrets = settings.logging.format, secrets_of(settings)
        set_up_logs(settings.home, process=self.process, shown=shown, form=form, secrets=secrets)

    def emit(self, document: Mapping[str, object], text: str) -> None:
        """Print a result: the document for programs, or the text for people."""
        if self.as_json:
            self.printed = True
            print(json.dumps(plain(document), ensure_ascii=False, indent=2))
        elif text:
            print(text)

    def fail(self, error: MynahError) -> int:
        """Say what went wrong; returns the exit code."""
        logger.info("command failed", extra={"kind": type(error).__name__, "exit_code": error.exit_code})
        self._say(str(error), kind=type(error).__name__, exit_code=error.exit_code)
        return error.exit_code

    def crash(self, error: Exception) -> int:
        """Say that something unexpected happened, and where the details are; returns the exit code."""
        from mynah.settings import default_home

        logger.error("unexpected error", exc_info=error)
        home = self._settings.home if self._settings else (self.home or default_home())
        path = log_file(home, self.process)
        where = f" The details are in {path}." if path.exists() else " Set MYNAH_DEBUG=1 to see the details."
        self._say(
            f"Something unexpected went wrong ({type(error).__name__}).{where}", kind=type(error).__name__, exit_code=1
        )
        if os.environ.get("MYNAH_DEBUG") == "1":
            print(describe(error), file=sys.stderr)
        return 1

    def _say(self, sentence: str, *, kind: str, exit_code: int) -> None:
        print(sentence, file=sys.stderr)
        if self.as_json and not self.printed:
            self.emit({"error": {"kind": kind, "message": sentence, "exit_code": exit_code}}, "")


def begin(
    context: typer.Context,
    home: Path | None = None,
    as_json: bool = False,
    *,
    process: str = "mynah",
    shown: int | None = logging.WARNING,
) -> Invocation:
    """Start a command: take its shared options, read the settings, set up the logs.

    Args:
        context: of the command.
        home: `--home` as given after the command's name; it wins over one given before.
        as_json: `--json` as given after the command's name.
        process: whose log file to write.
        shown: from which level on the log also goes to standard error; None: never.

    Raises:
        WrongUsage: a setting cannot be used.
    """
    invocation = context.ensure_object(Invocation)
    invocation.home = home or invocation.home
    invocation.as_json = as_json or invocation.as_json
    invocation.process = process
    invocation.show_logs(shown)
    return invocation


class CommandLine(TyperGroup):
    """The root command: turns every error into a sentence on standard error and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command. Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 refused, 130 interrupted."""
        invocation = ctx.ensure_object(Invocation)
        try:
            return super().invoke(ctx)
        except MynahError as error:
            raise typer.Exit(invocation.fail(error)) from None
        except BrokenPipeError:
            raise
        except Exception as error:
            if _belongs_to_typer(error):
                raise
            raise typer.Exit(invocation.crash(error)) from None


def _belongs_to_typer(error: Exception) -> bool:
    """Whether Typer itself prints this one: wrong options, exits, aborts. Its click is private, so asked by module."""
    return type(error).__module__.partition(".")[0] in {"typer", "click"}


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work to its end; Ctrl-C cancels it.

    Raises:
        KeyboardInterrupt: Ctrl-C, once the work has ended.
    """
    try:
        with asyncio.Runner(loop_factory=_whole_loop) as runner:
            return runner.run(work)
    finally:
        work.close()  # of one that never began, Python would complain


def _whole_loop() -> asyncio.AbstractEventLoop:
    """An event loop. A Ctrl-C meanwhile waits: of a loop that is half built, Python would print a traceback."""
    with noted(signal.SIGINT) as is_interrupted:
        loop = asyncio.new_event_loop()
    if is_interrupted():
        loop.close()
        raise KeyboardInterrupt
    return loop


def plain(value: object) -> Any:
    """A value as JSON knows it: dataclasses and mappings as objects, times in ISO 8601, the rest as text."""
    if value is None or (isinstance(value, bool | int | float | str) and not isinstance(value, Enum)):
        return value
    if isinstance(value, Enum):
        return plain(value.value)
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key.value if isinstance(key, Enum) else key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)
