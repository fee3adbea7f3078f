"""Counts what the log warns of, so that an alarm needs no log: database errors, failed events, refused versions.

The name of an event is the constant that stands in our code; what other packages log may hold anything, so theirs are
counted under the package's name.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from mynah.logs import house_of
from mynah.telemetry.figures import Figures

ALARMING = ("withdrawal not noted", "database error")
"""Events that alarms count (deploy/monitoring/alerts.yml): told from the beginning, since Prometheus sees no rise in the first value."""


class ProblemCounter(logging.Handler):
    """Counts warnings and worse."""

    def __init__(self, figures: Figures) -> None:
        super().__init__(logging.WARNING)
        self._figures = figures

    def emit(self, record: logging.LogRecord) -> None:
        """Count one."""
        event = f"from {record.name.partition('.')[0]}" if house_of(record) is None else str(record.msg)
        self._figures.problems.labels(record.levelname.lower(), event).inc()


@contextmanager
def problems_counted(figures: Figures) -> Iterator[None]:
    """Count what is logged inside."""
    for event in ALARMING:
        figures.problems.labels("warning", event)
    handler = ProblemCounter(figures)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
