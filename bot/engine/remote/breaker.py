"""The circuit breaker of one replica: whether it is worth asking. Pure, but for the clock that it is given.

Closed, everybody may ask. After some failures in a row it opens, and nobody does for a while; then one request may try,
and decides for the others.
"""

from collections.abc import Callable

FAILURES_THAT_OPEN = 3
PAUSE_SECONDS = 5.0


class Breaker:
    """Opens after failures in a row. Belongs to one event loop."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._failures = 0
        self._opens_again_at: float | None = None
        self._is_trying = False

    @property
    def is_open(self) -> bool:
        """Whether the last requests failed and none has succeeded since."""
        return self._opens_again_at is not None

    def allows(self) -> bool:
        """Whether a request may be sent now."""
        if self._opens_again_at is None:
            return True
        return not self._is_trying and self._monotonic() >= self._opens_again_at

    def begin(self) -> None:
        """A request is sent; while the breaker is open it is the one that tries."""
        self._is_trying = self.is_open

    def succeeded(self) -> None:
        """The replica answered."""
        self._failures, self._opens_again_at, self._is_trying = 0, None, False

    def failed(self) -> None:
        """The replica did not answer as it should."""
        self._failures += 1
        self._is_trying = False
        if self._failures >= FAILURES_THAT_OPEN:
            self._opens_again_at = self._monotonic() + PAUSE_SECONDS

    def left(self) -> None:
        """A request ended without a verdict on the replica, such as one that was cancelled."""
        self._is_trying = False
