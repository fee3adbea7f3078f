"""Discord's rate limits: buckets by route and by what the route is about, and one for everything.

The figures are those that Discord shows in its headers today; it publishes none, and clients are to read the headers.
"""

import fnmatch
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

MAJOR = ("channels", "guilds", "webhooks")
"""The first id of these paths has a bucket of its own."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How many requests in how many seconds."""

    route: str
    """Method and pattern, ids as `{}`."""
    requests: int
    seconds: float


RULES = (
    Rule("POST /channels/{}/messages", 5, 5.0),
    Rule("PATCH /channels/{}/messages/{}", 5, 5.0),
    Rule("DELETE /channels/{}/messages/{}", 5, 1.0),
    Rule("PUT /channels/{}/messages/{}/reactions/*", 1, 0.25),
    Rule("DELETE /channels/{}/messages/{}/reactions/*", 1, 0.25),
    Rule("POST /channels/{}/typing", 5, 5.0),
    Rule("PUT /applications/{}/*commands", 2, 20.0),
    Rule("POST /webhooks/{}/{}", 5, 2.0),
    Rule("* /webhooks/{}/{}/messages/{}", 5, 2.0),
    Rule("POST /users/@me/channels", 10, 10.0),
    Rule("* *", 50, 1.0),
)
"""The first that fits."""

GLOBAL_REQUESTS = 50
GLOBAL_SECONDS = 1.0
EXEMPT = ("/interactions/", "/webhooks/")
"""Not counted in the limit for everything."""


@dataclass(slots=True)
class _Window:
    ends: float
    used: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a request stands after it was counted."""

    limit: int
    remaining: int
    reset_after: float
    bucket: str
    is_refused: bool
    is_global: bool = False

    def headers(self, now: float) -> Mapping[str, str]:
        """Discord's, for the answer. `now` is the time of day in seconds since 1970."""
        headers = {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": f"{now + self.reset_after:.3f}",
            "X-RateLimit-Reset-After": f"{self.reset_after:.3f}",
            "X-RateLimit-Bucket": self.bucket,
        }
        return headers | refusal_headers(self.reset_after, is_global=self.is_global) if self.is_refused else headers


def refusal_headers(retry_after: float, *, is_global: bool) -> dict[str, str]:
    """What a 429 says; without `Via` clients take it for a ban by the proxy in front."""
    headers = {"Retry-After": f"{max(retry_after, 0.001):.3f}", "Via": "1.1 google"}
    if is_global:
        return headers | {"X-RateLimit-Global": "true", "X-RateLimit-Scope": "global"}
    return headers | {"X-RateLimit-Scope": "user"}


class Limits:
    """Counts requests.

    Args:
        clock: seconds that only grow.
        are_enforced: off, every request is let through, and the headers say that there is room.
    """

    def __init__(self, clock: Callable[[], float], *, are_enforced: bool = True) -> None:
        self._clock = clock
        self._are_enforced = are_enforced
        self._windows: dict[str, _Window] = {}

    def count(self, method: str, path: str) -> Standing:
        """Count a request, unless it is refused. `path` is below `/api/v10`."""
        now = self._clock()
        rule, route, about = _rule(method, path)
        bucket = hashlib.sha256((route if rule is RULES[-1] else rule.route).encode()).hexdigest()[:24]
        window = self._window(f"{bucket}:{about}", rule.seconds, now)
        if self._are_enforced and not path.startswith(EXEMPT):
            everything = self._window("global", GLOBAL_SECONDS, now)
            if everything.used >= GLOBAL_REQUESTS:
                return Standing(GLOBAL_REQUESTS, 0, everything.ends - now, bucket, is_refused=True, is_global=True)
            everything.used += 1
        if not self._are_enforced:
            return Standing(rule.requests, rule.requests, window.ends - now, bucket, is_refused=False)
        if window.used >= rule.requests:
            return Standing(rule.requests, 0, window.ends - now, bucket, is_refused=True)
        window.used += 1
        return Standing(rule.requests, rule.requests - window.used, window.ends - now, bucket, is_refused=False)

    def _window(self, key: str, seconds: float, now: float) -> _Window:
        window = self._windows.get(key)
        if window is None or window.ends <= now:
            if len(self._windows) > 10_000:
                self._windows = {name: one for name, one in self._windows.items() if one.ends > now}
            window = self._windows[key] = _Window(now + seconds)
        return window


def _rule(method: str, path: str) -> tuple[Rule, str, str]:
    """The rule for a request, its route with ids hidden, and what its bucket is about."""
    segments = path.strip("/").split("/")
    about = "/".join(segments[: 3 if segments[0] == "webhooks" else 2]) if segments[0] in MAJOR else ""
    hidden = [
        "{}" if segment.isdigit() or segment == "@original" or (segments[0] == "webhooks" and index == 2) else segment
        for index, segment in enumerate(segments)
    ]
    route = f"{method} /{'/'.join(hidden)}"
    return next(rule for rule in RULES if fnmatch.fnmatchcase(route, rule.route)), route, about
