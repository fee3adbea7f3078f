"""People who talk to a real `ChatService` over a real store, a scripted engine and a screening by word lists."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from bot.chat.peers import Peers
from bot.chat.service import ChatService
from bot.chat.values import Incoming, Reply, ReplyUpdate
from bot.settings import ChatSettings, EngineSettings
from storage.store import Store
from storage.values import Candidate, CandidateState
from tests.fakes.clock import FakeClock
from tests.fakes.engine import Script, ScriptedEngine
from tests.fakes.screening import WordScreening

CRISIS_TEXT = "Please talk to somebody you trust. Here is who to call."
SERVER = "server"
CHANNEL = "channel"


class HeldEngine(ScriptedEngine):
    """A scripted engine whose answers stop after their first word until `hold` is set."""

    def __init__(self, script: Script | None = None) -> None:
        super().__init__(script)
        self.hold.clear()
        self._begun = asyncio.Semaphore(0)

    async def has_begun(self) -> None:
        """Wait until one more answer stopped after its first word."""
        await self._begun.acquire()

    async def _pause(self, stop: asyncio.Event) -> None:
        self._begun.release()
        await super()._pause(stop)


@dataclass
class Chat:
    """A service with its surroundings, and short ways to talk to it."""

    store: Store
    clock: FakeClock
    engine: ScriptedEngine = field(default_factory=ScriptedEngine)
    screening: WordScreening = field(default_factory=WordScreening)
    settings: ChatSettings = field(default_factory=ChatSettings)
    engine_settings: EngineSettings = field(default_factory=EngineSettings)
    learning_servers: set[str] = field(default_factory=lambda: {SERVER})
    """Where the operator's master switch is on."""
    ticks: Iterator[float] = field(default_factory=lambda: count(0.0, 10.0))
    """The seconds at which a server's choices are asked for: always long after the last time."""
    base_hash: str | None = None
    """Of the base whose measurement says whether recalling helps."""
    peers: Peers | None = None
    """Other processes on the same store."""

    def __post_init__(self) -> None:
        self.service = ChatService(
            store=self.store,
            engine=self.engine,
            screening=self.screening,
            chat=self.settings,
            engine_settings=self.engine_settings,
            crisis_text=CRISIS_TEXT,
            clock=self.clock,
            may_learn_in=lambda server: server in self.learning_servers,
            monotonic=self.ticks.__next__,
            base_hash=self.base_hash,
            peers=self.peers,
        )

    def incoming(self, text: str, who: str = "ann", *, channel: str = CHANNEL, message: str | None = None) -> Incoming:
        return Incoming(SERVER, channel, self.store.author_key(who), text, external_id=message)

    async def updates(self, text: str, who: str = "ann", *, message: str | None = None) -> list[ReplyUpdate]:
        return [update async for update in self.service.answer(self.incoming(text, who, message=message))]

    async def say(self, text: str, who: str = "ann", *, channel: str = CHANNEL, message: str | None = None) -> Reply:
        incoming = self.incoming(text, who, channel=channel, message=message)
        reply = [update async for update in self.service.answer(incoming)][-1].reply
        assert reply is not None
        return reply

    async def allow(self, *people: str) -> None:
        for who in people:
            await self.service.set_consent(SERVER, self.store.author_key(who), allowed=True)

    async def deny(self, who: str) -> None:
        await self.service.set_consent(SERVER, self.store.author_key(who), allowed=False)

    async def candidates(self, state: CandidateState = CandidateState.WAITING) -> list[Candidate]:
        return await self.store.candidates.by_state(state)

    def prompt(self) -> list[str]:
        """What the engine was asked last, as `role: text`."""
        return [f"{message.role}: {message.text}" for message in self.engine.seen[-1]]
