"""A Discord of our own on a local socket, for what is asked before the bot connects."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.Gabcde.abcdefghijklmnopqrstuvwxyz0123456789AB"
"""Made up; has a token's form."""


@dataclass
class DiscordApi:
    """What it answers, and what it was asked."""

    body: bytes = b'{"id": "123456789012345678", "name": "Polly", "flags": 524288}'
    status: int = 200
    known_token: str = TOKEN
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    url: str = ""


@contextmanager
def discord_api() -> Iterator[DiscordApi]:
    """The server, for as long as the block runs."""
    api = DiscordApi()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            api.asked.append((self.path, dict(self.headers)))
            is_known = self.headers.get("Authorization") == f"Bot {api.known_token}"
            self.send_response(api.status if is_known else 401)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(api.body if is_known else b'{"message": "401: Unauthorized", "code": 0}')

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    api.url = f"http://127.0.0.1:{server.server_port}/api/v10"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
