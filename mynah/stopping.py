"""Long work that a person stops with Ctrl-C, or a supervisor with SIGTERM, and that ends where it can go on later."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from trainer.progress import Interrupted, Why


@contextmanager
def stoppable() -> Iterator[Callable[[], None]]:
    """Yields what the work calls between its steps: it raises `Interrupted` after a signal. Main thread only."""
    wanted = threading.Event()

    def check() -> None:
        if wanted.is_set():
            raise Interrupted(Why.STOPPING)

    before = {number: signal.signal(number, lambda *_: wanted.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield check
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
