"""`mynah screen`: what screening says about some texts."""

import sys
from collections.abc import Iterator

import typer

from mynah.invocation import Home, Json, begin

BATCH_LINES = 32


def screen(context: typer.Context, home: Home = None, as_json: Json = False) -> None:
    """Read one text a line from standard input and print a verdict for each, in order.

    With --json: one document, {"verdicts": […]}.
    """
    from mynah.world import open_screening

    invocation = begin(context, home, as_json)
    screening = open_screening(invocation.settings)
    verdicts = []
    for texts in _batches():
        for verdict in screening.screen(texts):
            verdicts.append(verdict)
            if not invocation.as_json:
                reasons = ", ".join(verdict.reasons)
                print(f"{verdict.outcome.value}\t{reasons}" if reasons else verdict.outcome.value, flush=True)
    invocation.emit({"screen_version": screening.version, "verdicts": verdicts}, "")


def _batches() -> Iterator[list[str]]:
    """Lines of standard input; a terminal's one at a time, so that each is answered as it is typed."""
    size = 1 if sys.stdin.isatty() else BATCH_LINES
    batch: list[str] = []
    for line in sys.stdin:
        batch.append(line.rstrip("\r\n"))
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
