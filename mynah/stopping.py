"""Long work that a person stops with Ctrl-C, or a supervisor with SIGTERM, and that ends where it can go on later."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from storage.processes import noted
from trainer.progress import Interrupted, Why


@contextmanager
def stoppable() -> Iterator[Callable[[], None]]:
    """Yields what the work calls between its steps: it raises `Interrupted` after a signal. Main thread only."""
    with noted(signal.SIGINT, signal.SIGTERM) as is_wanted:

        def check() -> None:
            if is_wanted():
                raise Interrupted(Why.STOPPING)

        yield check
