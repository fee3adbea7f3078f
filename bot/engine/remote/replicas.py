"""Several servers of the same models: which one to ask next, and which to leave alone for a while. Pure but for counts.

A server that failed some times in a row is left alone; after a pause one request tries it, and so on with longer pauses
(a circuit breaker). It knows no HTTP.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager

from bot.engine.remote.server import ModelServer

TOLERATED_FAILURES = 3
"""In a row; with the next pause after each further one."""
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 120.0


class Replica:
    """One server, what it has, and how it fares."""

    def __init__(self, server: ModelServer, monotonic: Callable[[], float]) -> None:
        self.server = server
        self.names: set[str] = set()
        """Adapters that it was seen to have."""
        self.running = 0
        """Requests at it now."""
        self._monotonic = monotonic
        self._failures = 0
        self._closed_until = 0.0
        self._is_trying = False

    @property
    def is_open(self) -> bool:
        """Whether a request may go there."""
        if self._failures < TOLERATED_FAILURES:
            return True
        return not self._is_trying and self._monotonic() >= self._closed_until

    @contextmanager
    def asked(self) -> Iterator[None]:
        """For the time of one request."""
        self._is_trying = self._failures >= TOLERATED_FAILURES
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1
            self._is_trying = False

    def succeeded(self) -> None:
        """It answered."""
        self._failures = 0

    def failed(self) -> None:
        """It did not."""
        self._failures += 1
        beyond = self._failures - TOLERATED_FAILURES
        if beyond >= 0:
            pause = min(FIRST_PAUSE_SECONDS * 2**beyond, LONGEST_PAUSE_SECONDS)
            self._closed_until = self._monotonic() + pause


def choose(replicas: Sequence[Replica], name: str, *, tried: Collection[Replica] = ()) -> Replica | None:
    """The one to ask: not yet tried, open, best one that has the model, and of these the least busy. None: nobody."""
    open_ones = [replica for replica in replicas if replica not in tried and replica.is_open]
    return min(open_ones, key=lambda replica: (name not in replica.names, replica.running), default=None)
