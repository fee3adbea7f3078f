"""What a person at the terminal types and sees.

With a terminal: a prompt, history of what was typed, colours. Without one: plain lines in and out, no prompts, and the
end of the input ends the conversation.
"""

import sys
from contextlib import suppress
from pathlib import Path

from rich.console import Console as RichConsole
from rich.text import Text

from mynah.terminal.showing import safe_text

HISTORY_LINES = 500


class Console:
    """The terminal: lines in, lines out."""

    def __init__(self, history: Path | None = None) -> None:
        self.rich = RichConsole(highlight=False, markup=False)
        self.is_typed = sys.stdin.isatty() and sys.stdout.isatty()
        """Whether a person types and reads, rather than a file or a program."""
        self._history = history
        if self.is_typed and history is not None:
            _read_history(history)

    def ask(self, prompt: str) -> str | None:
        """The next line, without spaces around it; None at the end of the input.

        The prompt is shown only to a person who types; other input is echoed instead, so that the output reads whole.
        """
        if self.is_typed:
            try:
                return input(_unprinted_marks(prompt)).strip()
            except EOFError:
                self.say()
                return None
            except UnicodeError:
                self.say("I can't read those characters; please type it again.", style="yellow")
                return ""
        line = sys.stdin.readline()
        if not line:
            return None
        line = line.strip()
        self.say(f"{prompt}{line}")
        return line

    def say(self, text: str = "", *, style: str = "") -> None:
        """Print a line, or several."""
        self.rich.print(Text(safe_text(text), style=style), soft_wrap=not self.is_typed)

    def stream(self, text: str, *, style: str = "") -> None:
        """Print a piece of a line."""
        self.rich.print(Text(safe_text(text), style=style), end="", soft_wrap=True)

    def close(self) -> None:
        """Keep what was typed for the next time."""
        if self.is_typed and self._history is not None:
            _write_history(self._history)


def _unprinted_marks(prompt: str) -> str:
    """The prompt in bold, with the colour codes marked so that readline counts the width rightly."""
    return f"\001\033[1m\002{prompt}\001\033[0m\002"


def _read_history(path: Path) -> None:
    with suppress(ImportError, OSError):  # some systems come without readline: typing then works without history
        import readline

        readline.set_history_length(HISTORY_LINES)
        if path.exists():
            readline.read_history_file(path)


def _write_history(path: Path) -> None:
    with suppress(ImportError, OSError):
        import readline

        path.touch(mode=0o600, exist_ok=True)
        readline.write_history_file(path)
