"""Which version answers whom: pure decisions over who should answer and what is in memory.

A line is a chain of champions: the shared line, or a server's own, named by the server's id. A canary is a version that
answers for a share of a line's channels. It knows no weights, no clock and no store.

Promises, which tests check over random routes: a server's own versions answer that server only, and where a base is
given, no version of the shared line answers a server that has its own; while a canary runs a channel stays with the
same version; a growing share only adds channels.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from storage.errors import WrongUsage

SHARED = ""
"""The line of all servers that have none of their own."""
_POINTS = 2**64


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request comes from, as far as the choice of a version goes."""

    server: str = ""
    """A server's id, `dm` or `terminal`."""
    channel: str = ""
    """A channel's id. Empty: the champion answers, never a canary."""


ANYWHERE = Place()
"""The place of requests that do not say: the shared champion answers."""


@dataclass(frozen=True, slots=True)
class Canary:
    """A version that is being tried on a share of a line's channels."""

    version: str
    share: float
    """Of the channels, 0 to 1; both ends are exact."""

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise WrongUsage(f"A canary cannot answer for a share of {self.share}.", advice="Give 0 to 1, such as 0.2.")

    def takes(self, place: Place) -> bool:
        """Whether it answers here; always the same for the same place, version and share."""
        return bool(place.channel) and _point(self.version, place) < self.share * _POINTS


@dataclass(frozen=True, slots=True)
class Routes:
    """Who answers where. Not to be changed: put another in its place."""

    champions: Mapping[str, str] = field(default_factory=dict)
    """The champion of each line; `SHARED` is the one of everybody else."""
    canaries: Mapping[str, Canary] = field(default_factory=dict)
    """The canary of each line that tries one."""
    base: str | None = None
    """Answers on a server's own line while nothing of that line does, since other servers' words are in the shared
    champion. None: the shared champion answers there nevertheless."""
    own: frozenset[str] = frozenset()
    """Servers with a line of their own on which nothing may answer yet; those with a champion or canary need no naming."""

    @property
    def versions(self) -> frozenset[str]:
        """All versions that may answer."""
        return frozenset(by_need(self, self.lines))

    @property
    def lines(self) -> list[str]:
        """The servers' own lines, in the order they were given."""
        lines = dict.fromkeys([*self.champions, *self.canaries, *sorted(self.own)])
        return [line for line in lines if line != SHARED]

    def with_champion(self, line: str, version: str) -> "Routes":
        """The same, but for a line's champion."""
        return replace(self, champions={**self.champions, line: version})


def line_of(routes: Routes, place: Place) -> str:
    """The server's own line, or the shared one if it has none."""
    is_own = any(place.server in those for those in (routes.champions, routes.canaries, routes.own))
    return place.server if is_own else SHARED


def version_for(routes: Routes, place: Place) -> str:
    """The version that answers at a place. The shared line must have a champion."""
    line = line_of(routes, place)
    canary = routes.canaries.get(line)
    if canary is not None and canary.takes(place):
        return canary.version
    version = routes.champions.get(line) or routes.base or routes.champions.get(SHARED)
    if version is None:
        raise WrongUsage("Nobody answers on the shared line.", advice="Promote a version first.")
    return version


def attainable(wanted: Routes, serving: Routes, refused: Collection[str]) -> Routes:
    """What is wanted without the versions that cannot be served: champions stay who they are, canaries do not begin."""
    champions = {
        line: serving.champions.get(line) if version in refused else version
        for line, version in wanted.champions.items()
    }
    return replace(
        wanted,
        champions={line: version for line, version in champions.items() if version is not None},
        canaries={line: canary for line, canary in wanted.canaries.items() if canary.version not in refused},
        base=next((base for base in _bases(wanted, serving) if base not in refused), None),
    )


def reachable(wanted: Routes, serving: Routes, loaded: Collection[str]) -> Routes:
    """What of the wanted can answer now: the old champion of a line goes on until the new one is in memory.

    An old canary never does: it may have been ended because it answered badly. A base that is in no memory stays in
    the routes, so that nothing else answers in its place.
    """
    champions = {}
    for line, version in wanted.champions.items():
        now = version if version in loaded else serving.champions.get(line)
        if now is not None and now in loaded:
            champions[line] = now
    return Routes(
        champions,
        {line: canary for line, canary in wanted.canaries.items() if canary.version in loaded},
        next((base for base in _bases(wanted, serving) if base in loaded), wanted.base),
        frozenset(wanted.lines),
    )


def by_need(routes: Routes, lines: Iterable[str]) -> list[str]:
    """All versions, the most needed first.

    The shared champion, the base if there are lines that may need it, the shared canary, then the lines in their order.
    """
    lines = list(lines)
    versions = [routes.champions.get(SHARED), routes.base if lines else None]
    for line in (SHARED, *lines):
        canary = routes.canaries.get(line)
        versions += [routes.champions.get(line), canary.version if canary else None]
    return [version for version in dict.fromkeys(versions) if version is not None]


def _bases(wanted: Routes, serving: Routes) -> list[str]:
    """The wanted base, then the old one, which goes on until the new one is in memory; none where none is wanted."""
    return [base for base in (wanted.base, serving.base) if base is not None and wanted.base is not None]


def _point(version: str, place: Place) -> int:
    """Where a channel stands among all, evenly spread and another for each version, so that each tries other people."""
    key = f"{version}\0{place.server}\0{place.channel}"
    return int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:8], "big")
