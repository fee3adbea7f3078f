"""Many members who talk to the bot over the playground's sockets, and what they get to hear, and when.

Knows no bot: whoever opens a crowd brings the stand-in, and lets a bot in. One pair of eyes that sees all public
channels watches for everybody, since a thousand sockets would measure the stand-in and not the bot.
"""

import asyncio
import json
import math
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import aiohttp
from simcord.components import walk_components

from benchmarks.conversation_openers import opener
from bot.chat import sentences
from playground.server import Playground

POLITE = frozenset(
    {
        sentences.BUSY,
        sentences.TOO_MANY,
        sentences.STILL_ANSWERING,
        sentences.OUT_OF_TIME,
        sentences.TROUBLE,
        sentences.NO_MEMORY,
        sentences.NO_WORDS,
        sentences.OUTPUT_REFUSED,
        sentences.UNWELCOME,
    }
)
"""What a member hears instead of an answer."""
CONNECTIONS = 200


class FellBehind(Exception):
    """The watching socket missed events, so nothing measured can be trusted."""


@dataclass
class Asked:
    """One message to the bot, and what came of it. Times are seconds of `perf_counter`."""

    id: str
    at: float
    first_at: float | None = None
    """The first words seen."""
    whole_at: float | None = None
    """The whole answer seen, with its buttons; or the polite refusal."""
    refusal: str = ""
    """The words of the refusal; empty: it was answered, or nothing was heard."""
    replies: set[str] = field(default_factory=set)
    """The ids of the bot's messages that answer it; more than one is a duplicate."""
    wholes: set[str] = field(default_factory=set)
    """The ids of those that became whole."""

    @property
    def is_answered(self) -> bool:
        """Whether the whole answer was seen."""
        return self.whole_at is not None and not self.refusal


class Crowd:
    """Members and the channels they talk in.

    Args:
        server: the stand-in.
        session: that has the key to its page.
        members: their ids.
        channels: where they talk.
        seed: of who speaks where.
    """

    def __init__(
        self,
        server: Playground,
        session: aiohttp.ClientSession,
        members: Sequence[int],
        channels: Sequence[int],
        seed: int,
    ) -> None:
        self._server = server
        self._session = session
        self._members = members
        self._channels = channels
        self._chance = random.Random(seed)
        self._early: dict[str, list[tuple[float, Mapping[str, Any]]]] = {}
        self.asked: dict[str, Asked] = {}
        self.is_connected = bool(server.play.gateway.sessions.connected)
        self.changed = asyncio.Event()

    async def steady(self, rate: float, seconds: float) -> list[Asked]:
        """Members drawn at random say something, `rate` times a second; what was asked in that time."""
        begun, speaking = perf_counter(), set[asyncio.Task[Asked]]()
        for number in range(max(1, round(rate * seconds))):
            await asyncio.sleep(max(0.0, begun + number / rate - perf_counter()))
            speaking.add(asyncio.create_task(self._speaks(self._chance.choice(self._members))))
        return list(await asyncio.gather(*speaking))

    async def burst(self) -> list[Asked]:
        """Every member says one thing, all at once."""
        return list(await asyncio.gather(*(self._speaks(member) for member in self._members)))

    async def heard(self, asked: Sequence[Asked], patience_seconds: float) -> None:
        """Return when everyone has heard the whole of something, or when patience ends."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_seconds):
                while any(one.whole_at is None for one in asked):
                    self.changed.clear()
                    await self.changed.wait()

    async def connected(self, patience_seconds: float) -> bool:
        """Wait for the bot; False when it does not come in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_seconds):
                while not self.is_connected:
                    self.changed.clear()
                    await self.changed.wait()
        return self.is_connected

    async def call(self, method: str, path: str, **fields: Any) -> Any:
        """One call of the page's API that must succeed."""
        async with self._session.request(method, f"{self._server.base}/play{path}", **fields) as response:
            response.raise_for_status()
            return await response.json() if response.content_length else None

    async def _speaks(self, member: int) -> Asked:
        channel, text = self._chance.choice(self._channels), opener(self._chance.randrange(80))
        at = perf_counter()
        body = {"content": f"<@{self._server.world.bot_user.id}> {text}"}
        said = await self.call("POST", f"/channels/{channel}/messages", params={"as": str(member)}, json=body)
        asked = self.asked[said["id"]] = Asked(said["id"], at)
        for seen_at, reply in self._early.pop(asked.id, []):
            note(asked, reply, seen_at)
        return asked

    async def watch(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Take in what one person sees, until cancelled.

        Raises:
            FellBehind: some of it was missed.
        """
        async for message in socket:
            frame = json.loads(message.data)
            if frame["t"] == "PLAY_RELOAD":
                raise FellBehind
            self._take_in(frame["t"], frame["d"], perf_counter())

    def _take_in(self, name: str, told: Mapping[str, Any], now: float) -> None:
        if name == "PLAY_BOT":
            self.is_connected = bool(told["connected"])
        elif name in ("MESSAGE_CREATE", "MESSAGE_UPDATE") and told["author"].get("bot"):
            about = (told.get("message_reference") or {}).get("message_id")
            if about in self.asked:
                note(self.asked[about], told, now)
            elif about is not None:  # the answer overtook the receipt for the question
                self._early.setdefault(about, []).append((now, told))
        self.changed.set()


def note(asked: Asked, reply: Mapping[str, Any], now: float) -> None:
    """Take in a message of the bot, as it is now, that answers something."""
    asked.replies.add(reply["id"])
    content = reply["content"]
    if not content:
        return
    asked.first_at = now if asked.first_at is None else asked.first_at
    buttons = (one.get("custom_id") or "" for one in walk_components(list(reply.get("components") or [])))
    is_answer = any(one.startswith("mynah:vote:") for one in buttons)
    if not is_answer and content not in POLITE:
        return
    asked.wholes.add(reply["id"])
    if asked.whole_at is None:
        asked.whole_at, asked.refusal = now, "" if is_answer else content


@asynccontextmanager
async def crowd_in(server: Playground, *, members: int, channels: int, seed: int = 1) -> AsyncIterator[Crowd]:
    """So many members in so many new channels, with somebody who watches them.

    Raises:
        FellBehind: the watcher missed something (raised at the end).
    """
    people, world = server.seeded.people, server.world
    ids = [people.join(f"Member {number}", label="member").user_id for number in range(members)]
    where = [world.create_channel(server.seeded.guild_id, f"load-{number}").id for number in range(channels)]
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    headers = {"Authorization": f"Bearer {server.page_token}"}
    eyes = {"as": str(ids[0])}
    async with (
        aiohttp.ClientSession(headers=headers, connector=connector) as session,
        session.ws_connect(f"{server.base}/play/events", params=eyes, max_msg_size=0) as socket,
    ):
        crowd = Crowd(server, session, ids, where, seed)
        watching = asyncio.create_task(crowd.watch(socket))
        try:
            yield crowd
        finally:
            watching.cancel()
            ended = await asyncio.gather(watching, return_exceptions=True)
        if isinstance(ended[0], FellBehind):
            raise ended[0]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share does not exceed; nan for none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan
