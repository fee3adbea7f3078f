"""A small engine that answers from a script, for everybody who calls an engine. It knows no model."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from bot.engine.protocol import Answer, EngineBusy, Finish, Piece, PromptTooLong, Sampling
from bot.engine.routing import ANYWHERE, SHARED, Place, Routes, by_need, reachable, version_for
from storage.errors import ModelDamaged, MynahError, UnknownModel
from storage.values import Message

Script = Mapping[str, str] | Callable[[Sequence[Message]], str]


class ScriptedEngine:
    """An `Engine` that streams a scripted answer word by word.

    Attributes:
        seen: the messages of each request that was admitted, in order.
        samplings: the sampling options of each, in order.
        places: the place of each, in order.
        tried: the versions that were loaded or refused, in order.
        bad: versions that cannot be served; may be changed at any time.
        stopped: the ids of requests that were stopped by `stop`.
        closed: the ids of requests whose iterator was closed before the last piece.
        hold: cleared, every answer waits before its second piece until it is set again.
        fail_with: raised by the next request after its first piece, then forgotten; None: answers normally.
        refuse_with: raised by the next request instead of any piece, then forgotten; None: admits it.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        version: str = "aaaaaaaaaaaaaaaa",
        known_versions: Sequence[str] | None = None,
        max_running: int = 1000,
        max_characters: int = 100_000,
    ) -> None:
        self._script: Script = {} if script is None else script
        self._routes = Routes({SHARED: version})
        self._refused: dict[str, MynahError] = {}
        self._known = None if known_versions is None else {version, *known_versions}
        self._max_running = max_running
        self._max_characters = max_characters
        self._running: dict[str, asyncio.Event] = {}
        self.seen: list[tuple[Message, ...]] = []
        self.samplings: list[Sampling] = []
        self.places: list[Place] = []
        self.tried: list[str] = []
        self.bad: set[str] = set()
        self.stopped: list[str] = []
        self.closed: list[str] = []
        self.hold = asyncio.Event()
        self.hold.set()
        self.fail_with: MynahError | None = None
        self.refuse_with: MynahError | None = None

    @property
    def version(self) -> str:
        """The shared champion."""
        return self._routes.champions[SHARED]

    @property
    def routes(self) -> Routes:
        """Who answers now."""
        return self._routes

    @property
    def refused(self) -> Mapping[str, MynahError]:
        """The wanted versions that cannot be served, and why."""
        return self._refused

    @property
    def running(self) -> int:
        """How many answers are on their way."""
        return len(self._running)

    def answer_to(self, messages: Sequence[Message]) -> str:
        """What the script says to these messages; unknown ones are echoed."""
        if callable(self._script):
            return self._script(messages)
        text = messages[-1].text
        return self._script.get(text, f"You said: {text}")

    async def stream(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        *,
        member: str,
        request_id: str,
        place: Place = ANYWHERE,
    ) -> AsyncIterator[Piece]:
        """Answer by the script, one word a piece; the last piece carries the answer."""
        if self.refuse_with is not None:
            refusal, self.refuse_with = self.refuse_with, None
            raise refusal
        if len(messages[-1].text) > self._max_characters:
            raise PromptTooLong("That message is too long for me.", advice="Please send a shorter one.")
        if len(self._running) >= self._max_running:
            raise EngineBusy("I'm talking to a lot of people right now.", advice="Please try again in a moment.")
        version, stop = version_for(self._routes, place), asyncio.Event()
        self._running[request_id] = stop
        self.seen.append(tuple(messages))
        self.samplings.append(sampling)
        self.places.append(place)
        said: list[str] = []
        finished = False
        try:
            for index, word in enumerate(self._words(messages)):
                if index == 1:
                    await self._pause(stop)
                if stop.is_set():
                    break
                said.append(word)
                yield Piece(word, model_version=version)
                await asyncio.sleep(0)
                if self.fail_with is not None:
                    failure, self.fail_with = self.fail_with, None
                    raise failure
            finish = Finish.STOPPED if stop.is_set() else Finish.END
            finished = True
            yield Piece("", self._answer("".join(said), version, finish, messages), version)
        finally:
            del self._running[request_id]
            if not finished:
                self.closed.append(request_id)

    def stop(self, request_id: str) -> bool:
        """End a request with what it has; False if it is not running."""
        event = self._running.get(request_id)
        if event is None:
            return False
        event.set()
        self.stopped.append(request_id)
        return True

    async def set_routes(self, routes: Routes) -> None:
        """Answer as these versions from now on; who cannot be served is in `refused`, and the old one goes on."""
        wanted = routes if SHARED in routes.champions else routes.with_champion(SHARED, self.version)
        self._refused = {name: error for name, error in self._refused.items() if name in wanted.versions}
        loaded = set(self._routes.versions)
        for version in by_need(wanted, wanted.lines):
            if version not in loaded and version not in self._refused:
                try:
                    self._load(version)
                except MynahError as error:
                    self._refused[version] = error
                else:
                    loaded.add(version)
        self._routes = reachable(wanted, self._routes, loaded)

    async def swap(self, version: str) -> None:
        """Make a version the shared champion; unknown ones are refused when `known_versions` was given."""
        self._load(version)
        self._routes = self._routes.with_champion(SHARED, version)

    def _load(self, version: str) -> None:
        self.tried.append(version)
        if version in self.bad:
            raise ModelDamaged(f"Version {version} is damaged.")
        if self._known is not None and version not in self._known:
            raise UnknownModel(f"There is no model called {version!r}.")

    def _words(self, messages: Sequence[Message]) -> list[str]:
        words = self.answer_to(messages).split(" ")
        return [word if index == 0 else f" {word}" for index, word in enumerate(words)]

    async def _pause(self, stop: asyncio.Event) -> None:
        waits = [asyncio.ensure_future(self.hold.wait()), asyncio.ensure_future(stop.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _answer(self, text: str, version: str, finish: Finish, messages: Sequence[Message]) -> Answer:
        prompt_tokens = sum(len(message.text.split()) for message in messages)
        return Answer(text, version, finish, prompt_tokens, len(text.split()), 0.0, 0.0)
