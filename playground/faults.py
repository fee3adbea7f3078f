"""Faults on demand: what goes wrong, for how many times or how long. Knows nothing of sockets; others ask and act."""

import fnmatch
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class FaultKind(StrEnum):
    """What can go wrong; each is described in docs/playground.md."""

    DROP = "drop"
    RECONNECT = "reconnect"
    INVALID_SESSION = "invalid_session"
    REFUSE_RESUME = "refuse_resume"
    ZOMBIE = "zombie"
    HALF_CLOSED = "half_closed"
    DUPLICATE_EVENTS = "duplicate_events"
    REPLAY_EVENTS = "replay_events"
    RATE_LIMIT = "rate_limit"
    SERVER_ERROR = "server_error"
    LOST_ANSWER = "lost_answer"
    SLOW = "slow"


IMMEDIATE = frozenset(
    {
        FaultKind.DROP,
        FaultKind.RECONNECT,
        FaultKind.INVALID_SESSION,
        FaultKind.HALF_CLOSED,
        FaultKind.REPLAY_EVENTS,
    }
)
"""These act on the connections that there are when they are asked for, and on later ones while they hold."""

_OPTIONS: Mapping[FaultKind, Mapping[str, Any]] = {
    FaultKind.INVALID_SESSION: {"resumable": False},
    FaultKind.REPLAY_EVENTS: {"count": 10},
    FaultKind.RATE_LIMIT: {"retry_after": 1.0, "global": False, "route": "* *"},
    FaultKind.SERVER_ERROR: {"status": 503, "carried_out": False, "route": "* *"},
    FaultKind.LOST_ANSWER: {"route": "* *"},
    FaultKind.SLOW: {"delay_seconds": 2.0, "route": "* *"},
}
_LONGEST_SECONDS = 3600


class UnknownFault(ValueError):
    """A fault was asked for that there is not, or with an option that does not fit."""


@dataclass(slots=True)
class Fault:
    """One fault that acts or waits to."""

    id: int
    kind: FaultKind
    times_left: int | None
    """None: it is limited by time."""
    until: float | None
    """In the clock's seconds; None: it is limited by count."""
    options: Mapping[str, Any]
    hits: int = 0

    def as_json(self, now: float) -> dict[str, Any]:
        """As docs/playground.md has it."""
        seconds = None if self.until is None else round(max(self.until - now, 0.0), 1)
        base = {"id": str(self.id), "kind": self.kind.value, "times": self.times_left, "seconds": seconds}
        return {**base, "hits": self.hits, **self.options}


@dataclass
class Faults:
    """The faults that act now.

    Args:
        clock: seconds that only grow.
    """

    clock: Callable[[], float]
    on_change: list[Callable[[], None]] = field(default_factory=list)
    """Called after a fault was added, hit or ended."""
    _faults: dict[int, Fault] = field(default_factory=dict)
    _ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def add(self, wanted: Mapping[str, Any]) -> Fault:
        """Begin a fault.

        Raises:
            UnknownFault: there is no such kind, an option is not one of its, or a value does not fit.
        """
        rest = dict(wanted)
        kind = _kind(rest.pop("kind", None))
        times, seconds = rest.pop("times", None), rest.pop("seconds", None)
        if times is not None and seconds is not None:
            raise UnknownFault("Give times or seconds, not both.")
        if seconds is not None:
            until: float | None = self.clock() + _number("seconds", seconds, most=_LONGEST_SECONDS)
        else:
            until = None
            times = 1 if times is None else _whole("times", times)
        fault = Fault(next(self._ids), kind, times, until, _options(kind, rest))
        self._faults[fault.id] = fault
        self._changed()
        return fault

    def take(self, kind: FaultKind, route: str | None = None) -> Fault | None:
        """The oldest fault of a kind that acts here, counted as a hit; None when all is well.

        Args:
            kind: of fault.
            route: method and path, such as `POST /channels/1/messages`.
        """
        for fault in self._acting():
            if fault.kind is kind and (route is None or fnmatch.fnmatchcase(route, str(fault.options["route"]))):
                self._hit(fault)
                return fault
        return None

    def end(self, fault_id: int) -> bool:
        """End a fault; False if there is none."""
        found = self._faults.pop(fault_id, None) is not None
        if found:
            self._changed()
        return found

    def end_all(self) -> None:
        """All is well again."""
        self._faults.clear()
        self._changed()

    def as_json(self) -> list[dict[str, Any]]:
        """Those that act, oldest first."""
        return [fault.as_json(self.clock()) for fault in self._acting()]

    def _acting(self) -> list[Fault]:
        now = self.clock()
        for fault in [fault for fault in self._faults.values() if fault.until is not None and fault.until <= now]:
            del self._faults[fault.id]
        return list(self._faults.values())

    def _hit(self, fault: Fault) -> None:
        fault.hits += 1
        if fault.times_left is not None:
            fault.times_left -= 1
            if fault.times_left <= 0:
                self._faults.pop(fault.id, None)
        self._changed()

    def _changed(self) -> None:
        for listener in self.on_change:
            listener()


def _kind(wanted: object) -> FaultKind:
    try:
        return FaultKind(str(wanted))
    except ValueError:
        kinds = ", ".join(kind.value for kind in FaultKind)
        raise UnknownFault(f"There is no fault {wanted!r}. There are: {kinds}.") from None


def _options(kind: FaultKind, given: Mapping[str, Any]) -> dict[str, Any]:
    options = dict(_OPTIONS.get(kind, {}))
    for name, value in given.items():
        if name not in options:
            raise UnknownFault(f"A {kind.value} fault has no option {name!r}.")
        default = options[name]
        if isinstance(default, bool):
            if not isinstance(value, bool):
                raise UnknownFault(f"{name} is true or false.")
            options[name] = value
        elif isinstance(default, float):
            options[name] = _number(name, value, most=_LONGEST_SECONDS)
        elif isinstance(default, int):
            options[name] = _whole(name, value)
        elif isinstance(value, str) and " " in value:
            options[name] = value
        else:
            raise UnknownFault(f"{name} is a method and a pattern, such as 'POST /channels/*/messages'.")
    if kind is FaultKind.SERVER_ERROR and not 500 <= options["status"] <= 599:
        raise UnknownFault("status is from 500 to 599.")
    return options


def _number(name: str, value: object, *, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most:
        raise UnknownFault(f"{name} is a number above 0, at most {most}.")
    return float(value)


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 100_000:
        raise UnknownFault(f"{name} is a whole number from 1 on.")
    return value
