"""Counts what the log warns of, so that an alarm needs no log: database errors, failed events, refused versions.

The name of an event is the constant that stands in our code; what other packages log may hold anything, so theirs are
counted under the package's name.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from mynah.monitoring.figures import Figures

_HOUSES = frozenset({"bot", "mynah", "playground", "storage", "trainer"})


class ProblemCounter(logging.Handler):
    """Counts warnings and worse."""

    def __init__(self, figures: Figures) -> None:
        super().__init__(logging.WARNING)
        self._figures = figures

    def emit(self, record: logging.LogRecord) -> None:
        """Count one."""
        house = record.name.partition(".")[0]
        event = str(record.msg) if house in _HOUSES else f"from {house}"
        self._figures.problems.labels(record.levelname.lower(), event).inc()


@contextmanager
def problems_counted(figures: Figures) -> Iterator[None]:
    """Count what is logged inside."""
    handler = ProblemCounter(figures)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
