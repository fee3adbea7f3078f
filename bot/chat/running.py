"""Who may speak now, and which answers are on their way."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.chat.values import Incoming

_MINUTE = timedelta(minutes=1)


class MessageLimit:
    """One member's messages in a server in the last minute, counted in a sliding window."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._times: dict[tuple[str, str], deque[datetime]] = {}

    def admit(self, server: str, author_key: str, messages_per_minute: int) -> bool:
        """Count a message; False, and not counted, when there were too many."""
        now = self._clock()
        self._forget_before(now - _MINUTE)
        times = self._times.setdefault((server, author_key), deque())
        if len(times) >= messages_per_minute:
            return False
        times.append(now)
        return True

    def _forget_before(self, earliest: datetime) -> None:
        for key, times in list(self._times.items()):
            while times and times[0] <= earliest:
                times.popleft()
            if not times:
                del self._times[key]


@dataclass(slots=True, eq=False)
class Ticket:
    """One answer on its way, and what people did to it meanwhile."""

    incoming: Incoming
    request_id: str | None = None
    """The engine's name for it, once there is one."""
    user_turn_id: int | None = None
    is_stopped: bool = False
    is_edited: bool = False
    """The question changed: the answer may not be learnt with it."""
    new_text: str | None = None
    """What the question was changed to, before there was a row to change."""
    is_withdrawn: bool = False
    """The question was deleted: nothing more may be written about it."""


class Running:
    """The answers on their way: at most one for a member in a channel."""

    def __init__(self) -> None:
        self._tickets: dict[tuple[str, str, str], Ticket] = {}

    def begin(self, incoming: Incoming) -> Ticket | None:
        """A ticket for a new answer; None while this member is being answered in this channel."""
        key = _key(incoming)
        if key in self._tickets:
            return None
        ticket = self._tickets[key] = Ticket(incoming)
        return ticket

    def end(self, ticket: Ticket) -> None:
        """The answer is out, or will never be."""
        self._tickets.pop(_key(ticket.incoming), None)

    def __len__(self) -> int:
        return len(self._tickets)

    def in_channel(self, server: str, channel: str, author_key: str | None = None) -> Iterator[Ticket]:
        """The tickets of a channel, of one member or of all."""
        for ticket in list(self._tickets.values()):
            incoming = ticket.incoming
            if (incoming.server, incoming.channel) == (server, channel) and author_key in {None, incoming.author_key}:
                yield ticket

    def of_message(self, server: str, external_id: str) -> Ticket | None:
        """The ticket that answers one of the face's messages."""
        for ticket in self._tickets.values():
            if (ticket.incoming.server, ticket.incoming.external_id) == (server, external_id):
                return ticket
        return None

    def of_member(self, author_key: str, server: str | None) -> Iterator[Ticket]:
        """The tickets of a member, in one server or in all."""
        for ticket in list(self._tickets.values()):
            if ticket.incoming.author_key == author_key and server in {None, ticket.incoming.server}:
                yield ticket


def _key(incoming: Incoming) -> tuple[str, str, str]:
    return incoming.server, incoming.channel, incoming.author_key
