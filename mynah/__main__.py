"""Entry point of the `mynah` command."""

import signal
import sys
from typing import TextIO


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        _accept_any_text(stream)
    try:
        from mynah.app import app

        app()
    except KeyboardInterrupt:  # before the command line was there to answer it
        sys.exit(128 + signal.SIGINT)


def _accept_any_text(stream: TextIO | None) -> None:
    """Let a stream carry UTF-8 whatever the locale says; what cannot be shown becomes a replacement character."""
    if stream is not None and hasattr(stream, "reconfigure"):
        stream.reconfigure(encoding="utf-8", errors="replace")


if __name__ == "__main__":
    main()
