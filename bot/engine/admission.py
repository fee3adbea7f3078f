"""Who is let in: a limit for everyone together, and one for each member. It knows no model and no text."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from bot.engine.protocol import EngineBusy
from bot.settings import EngineSettings
from storage.errors import WrongUsage


class Admission:
    """Counts the requests that run or wait. Belongs to one event loop."""

    def __init__(self, *, max_requests: int, max_per_member: int) -> None:
        self._max_requests = max_requests
        self._max_per_member = max_per_member
        self._by_member: Counter[str] = Counter()
        self._ids: set[str] = set()

    @classmethod
    def of(cls, settings: EngineSettings) -> "Admission":
        """As an operator set the limits: what runs and what waits are in."""
        return cls(
            max_requests=settings.max_running + settings.max_waiting, max_per_member=settings.max_waiting_per_member
        )

    @property
    def admitted(self) -> int:
        """How many requests are in now."""
        return len(self._ids)

    @contextmanager
    def place(self, member: str, request_id: str) -> Iterator[None]:
        """A place for one request, given back at the end.

        Raises:
            EngineBusy: no place is free, or this member has as many as one may have.
            WrongUsage: a request of this id is in already.
        """
        if request_id in self._ids:
            raise WrongUsage("This request is being answered already.", advice="Give each request an id of its own.")
        if self._by_member[member] >= self._max_per_member:
            raise EngineBusy("I'm still on your last message.", advice="Give me a moment.")
        if len(self._ids) >= self._max_requests:
            raise EngineBusy("I'm talking to a lot of people right now.", advice="Please try again in a moment.")
        self._ids.add(request_id)
        self._by_member[member] += 1
        try:
            yield
        finally:
            self._ids.remove(request_id)
            self._by_member[member] -= 1
            if not self._by_member[member]:
                del self._by_member[member]
