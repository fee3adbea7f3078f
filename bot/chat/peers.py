"""The other bot processes on the same database: who they are, and which messages are ours to answer.

Promise: while another bot may hear the same messages, each is answered by one, also a message that comes to us just after the
other one answered it and left; alone, nothing is asked of the database. Who falls silent is noticed, so that what they left
unanswered can be looked for.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from bot.chat.values import Incoming
from storage.claims import Claim
from storage.errors import MynahError
from storage.governance import BotProcess
from storage.store import Store

logger = logging.getLogger(__name__)

NOTE_SECONDS = 5.0
"""Between two notes that we are there. Whoever begins waits a little longer, until the others have read that."""
_SWEEP_NOTES = 60
_MOST_UNCLAIMED = 1000
"""Far more than are answered at once."""


class Peers:
    """We and the others, from `async with` until its end."""

    def __init__(
        self,
        store: Store,
        name: str,
        *,
        version: Callable[[], str],
        shards: str,
        patience_seconds: float,
        note_seconds: float = NOTE_SECONDS,
    ) -> None:
        """Know nobody yet.

        Args:
            store: the database that all share.
            name: ours, never used before.
            version: what we answer with now.
            shards: which of Discord's shards are ours, in words; empty: all.
            patience_seconds: after so long a message that somebody took is nobody's any more.
            note_seconds: between two notes.
        """
        self._store = store
        self._name = name
        self._version = version
        self._shards = shards
        self._patience_seconds = patience_seconds
        self._note_seconds = note_seconds
        self._task: asyncio.Task[None] | None = None
        self._unclaimed: OrderedDict[tuple[str, str], tuple[Incoming, int]] = OrderedDict()
        self._handing_over = asyncio.Lock()
        """Held while what was begun alone is claimed: what ends meanwhile ends after that."""
        self._alone_from = float("-inf")
        """When the others that left will have taken nothing any more that may still come to us, in the loop's seconds."""
        self.others: list[BotProcess] = []
        """Who is there beside us."""
        self.on_left: Callable[[], None] = lambda: None
        """Called when another is not there any more."""

    async def __aenter__(self) -> Self:
        await self._note()
        if self.others:
            logger.info("other bots run", extra={"bots": len(self.others)})
            await asyncio.sleep(1.2 * self._note_seconds)
        self._task = asyncio.create_task(self._go_on(), name="peers")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        with suppress(MynahError):  # then our silence says it
            await self._store.bots.left(self._name)

    async def claim(self, incoming: Incoming, messages_per_minute: int) -> Claim:
        """What we may do with a message."""
        if incoming.external_id is None:
            return Claim.OURS
        if not self.others and asyncio.get_running_loop().time() >= self._alone_from:
            self._unclaimed[incoming.server, incoming.external_id] = incoming, messages_per_minute
            if len(self._unclaimed) > _MOST_UNCLAIMED:
                self._unclaimed.popitem(last=False)
            return Claim.OURS
        return await self._ask_for(incoming, incoming.external_id, messages_per_minute)

    async def end(self, incoming: Incoming) -> None:
        """We are done with a message that was ours."""
        if incoming.external_id is None:
            return
        async with self._handing_over:
            was_unclaimed = self._unclaimed.pop((incoming.server, incoming.external_id), None) is not None
        if not was_unclaimed:
            await self._store.claims.end(incoming.server, incoming.external_id, holder=self._name)

    async def _ask_for(self, incoming: Incoming, message: str, messages_per_minute: int) -> Claim:
        return await self._store.claims.claim(
            incoming.server,
            message,
            channel=incoming.channel,
            author_key=incoming.author_key,
            holder=self._name,
            messages_per_minute=messages_per_minute,
            patience_seconds=self._patience_seconds,
        )

    async def _go_on(self) -> None:
        notes = 0
        while True:
            await asyncio.sleep(self._note_seconds)
            notes += 1
            try:
                await self._note()
                if notes % _SWEEP_NOTES == 1:
                    await self._store.claims.sweep()
            except MynahError as error:
                logger.warning("no note left that we are there", extra={"error": type(error).__name__})

    async def _note(self) -> None:
        before = {one.name for one in self.others}
        if before:
            self._alone_from = asyncio.get_running_loop().time() + self._patience_seconds
        self.others = await self._store.bots.seen(self._name, version=self._version(), shards=self._shards)
        if before - {one.name for one in self.others}:
            self.on_left()
        async with self._handing_over:
            while self.others and self._unclaimed:  # what was begun alone is ours; who has just come must know it
                place, (incoming, messages_per_minute) = next(iter(self._unclaimed.items()))
                await self._ask_for(incoming, place[1], messages_per_minute)
                del self._unclaimed[place]
