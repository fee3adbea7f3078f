"""A connection to PostgreSQL that is lost at the worst moment, such as while a commit is on its way."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import Enum
from pathlib import Path

from sqlalchemy import URL, make_url

_PORT = 5432


class Lost(Enum):
    """What is lost with the connection."""

    REQUEST = "the request"
    """The server never hears of it."""
    ANSWER = "the answer"
    """The server has done it, and the client does not know."""


class CutOff:
    """Hands everything on, and loses what it is told to lose: of the next commits, if nothing else is said."""

    def __init__(self, server: URL) -> None:
        self._server = server
        self.url = ""
        self.losses: deque[Lost] = deque()
        self.word = b"COMMIT"
        """What the requests say that are lost."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client."""
        folder = self._server.query.get("host")
        if isinstance(folder, str):
            opened = await asyncio.open_unix_connection(Path(folder) / f".s.PGSQL.{_PORT}")
        else:
            opened = await asyncio.open_connection(self._server.host, self._server.port or _PORT)
        from_server, to_server = opened
        answers = asyncio.create_task(_hand_on(from_server, writer))
        try:
            while asked := await reader.read(65536):
                loss = self.losses.popleft() if self.losses and self.word in asked else None
                if loss is Lost.REQUEST:
                    return
                if loss is Lost.ANSWER:
                    answers.cancel()
                    await asyncio.gather(answers, return_exceptions=True)
                    to_server.write(asked)
                    await from_server.read(1)
                    return
                to_server.write(asked)
        except ConnectionError:
            return
        finally:
            answers.cancel()
            await asyncio.gather(answers, return_exceptions=True)
            for each in (writer, to_server):
                each.transport.abort()


async def _hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while said := await reader.read(65536):
            writer.write(said)
        writer.close()


@asynccontextmanager
async def cut_off(server_url: str) -> AsyncIterator[CutOff]:
    """The address of a server through something that loses connections."""
    server = make_url(server_url)
    between = CutOff(server)
    listening = await asyncio.start_server(between.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    through = server.set(host="127.0.0.1", port=port, query={})
    between.url = through.render_as_string(hide_password=False)
    try:
        yield between
    finally:
        listening.close()
