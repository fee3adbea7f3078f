"""The page's files and people's attachments, as a browser gets them: no script but ours, and nothing from elsewhere."""

from importlib import resources
from importlib.resources.abc import Traversable
from urllib.parse import unquote

from aiohttp import web

from playground.attachments import Attachments
from playground.guard import Guard

TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "webp": "image/webp",
    "woff2": "font/woff2",
    "json": "application/json",
    "txt": "text/plain; charset=utf-8",
}
"""What is served; a file of another kind is not."""
_SHOWN_IN_PLACE = frozenset({"png", "jpg", "jpeg", "gif", "webp"})
_WITHOUT_COOKIE = "This page opens with the address that `mynah playground` printed; it holds the key."


class PageFiles:
    """The page and what it needs.

    Args:
        guard: lets the person in.
        attachments: that were sent.
        host: name and port, for the page's own socket.
    """

    def __init__(self, guard: Guard, attachments: Attachments, host: str) -> None:
        self._guard = guard
        self._attachments = attachments
        self._headers = {
            "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
            "img-src 'self' data: blob:; font-src 'self'; "
            f"connect-src 'self' ws://{host} ws://localhost:{host.rpartition(':')[2]}; "
            "form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-cache",
        }

    def routes(self) -> list[web.RouteDef]:
        """Where they lie."""
        return [
            web.get("/", self._index),
            web.get("/page/{path:.+}", self._file),
            web.get("/cdn/{path:.+}", self._attachment),
        ]

    async def _index(self, request: web.Request) -> web.StreamResponse:
        let_in = self._guard.let_in(request)
        if let_in is not None:
            return let_in
        if not self._guard.has_cookie(request):
            return web.Response(status=401, text=_WITHOUT_COOKIE, headers=self._headers)
        return self._read("index.html")

    async def _file(self, request: web.Request) -> web.StreamResponse:
        return self._read(request.match_info["path"])

    def _read(self, path: str) -> web.StreamResponse:
        parts = path.split("/")
        kind = TYPES.get(parts[-1].rpartition(".")[2])
        if kind is None or any(part in ("", ".", "..") or part.startswith(".") or "\\" in part for part in parts):
            return web.Response(status=404, headers=self._headers)
        found: Traversable = resources.files("playground") / "page"
        for part in parts:
            found = found / part
        if not found.is_file():
            return web.Response(status=404, headers=self._headers)
        return web.Response(body=found.read_bytes(), headers={**self._headers, "Content-Type": kind})

    async def _attachment(self, request: web.Request) -> web.StreamResponse:
        data = self._attachments.read(request.rel_url.raw_path)
        if data is None:
            return web.Response(status=404, headers=self._headers)
        extension = unquote(request.rel_url.raw_path).rpartition(".")[2].lower()
        headers = {**self._headers, "Content-Security-Policy": "default-src 'none'; sandbox"}
        if extension in _SHOWN_IN_PLACE:
            kind = "jpeg" if extension == "jpg" else extension
            return web.Response(body=data, headers={**headers, "Content-Type": f"image/{kind}"})
        headers |= {"Content-Disposition": "attachment", "Content-Type": "application/octet-stream"}
        return web.Response(body=data, headers=headers)
