"""Who may call `/play`: the person whose terminal shows the address, and nobody else's page.

The server listens on the loopback address, but every page in the browser can send requests there. So: a `Host` that is
ours (a name rebound to 127.0.0.1 is not), an `Origin` that is ours wherever the browser says one, and a token that only
the printed address has.
"""

import secrets
from collections.abc import Awaitable, Callable

from aiohttp import web

from playground.answers import answer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

SECONDS_A_COOKIE_HOLDS = 7 * 24 * 3600


class Guard:
    """Knows the token and the port.

    Args:
        token: what is to be shown.
        port: that we listen on.
    """

    def __init__(self, token: str, port: int) -> None:
        self._token = token
        self._hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
        self.cookie = f"mynah_playground_{port}"
        """Its name has the port, since cookies do not know one."""

    @web.middleware
    async def check_host(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse whatever does not mean this server by its own name."""
        if request.headers.get("Host", "") not in self._hosts:
            return _no(403, "This is not the address of this server.")
        return await handler(request)

    def protect(self, handler: Handler) -> Handler:
        """A handler that answers only those who may call it."""

        async def protected(request: web.Request) -> web.StreamResponse:
            refused = self._refusal(request)
            return refused if refused is not None else await handler(request)

        return protected

    def has_cookie(self, request: web.Request) -> bool:
        """Whether a browser was let in before."""
        return self._is_token(request.cookies.get(self.cookie, ""))

    def let_in(self, request: web.Request) -> web.StreamResponse | None:
        """The redirection that sets the cookie, when the address has the token."""
        if not self._is_token(request.query.get("token", "")):
            return None
        response = web.Response(status=303, headers={"Location": "/"})
        response.set_cookie(
            self.cookie, self._token, httponly=True, samesite="Strict", path="/", max_age=SECONDS_A_COOKIE_HOLDS
        )
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    def _refusal(self, request: web.Request) -> web.Response | None:
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        origin = request.headers.get("Origin")
        if origin is not None and origin.removeprefix("http://") not in self._hosts:
            return _no(403, "Another page must not call this.")
        if self._is_token(bearer):
            return None
        if not self.has_cookie(request):
            return _no(401, "401: Unauthorized. Open the address that `mynah playground` printed.")
        is_reading = request.method in ("GET", "HEAD") and request.headers.get("Upgrade") is None
        if origin is None and not is_reading:
            return _no(403, "A browser says where it comes from.")
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            return _no(403, "Another page must not call this.")
        return None

    def _is_token(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), self._token.encode())


def _no(status: int, message: str) -> web.Response:
    return answer({"message": message, "code": 0}, status=status)
