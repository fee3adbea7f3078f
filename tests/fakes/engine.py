"""A small engine that answers from a script, for everybody who calls an engine. It knows no model."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from bot.engine.protocol import Answer, EngineBusy, Finish, Piece, PromptTooLong, Sampling
from storage.errors import MynahError, UnknownModel
from storage.values import Message

Script = Mapping[str, str] | Callable[[Sequence[Message]], str]


class ScriptedEngine:
    """An `Engine` that streams a scripted answer word by word.

    Attributes:
        seen: the messages of each request that was admitted, in order.
        samplings: the sampling options of each, in order.
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
        self._version = version
        self._known = None if known_versions is None else {version, *known_versions}
        self._max_running = max_running
        self._max_characters = max_characters
        self._running: dict[str, asyncio.Event] = {}
        self.seen: list[tuple[Message, ...]] = []
        self.samplings: list[Sampling] = []
        self.stopped: list[str] = []
        self.closed: list[str] = []
        self.hold = asyncio.Event()
        self.hold.set()
        self.fail_with: MynahError | None = None
        self.refuse_with: MynahError | None = None

    @property
    def version(self) -> str:
        """The version that new requests get."""
        return self._version

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
        self, messages: Sequence[Message], sampling: Sampling, *, member: str, request_id: str
    ) -> AsyncIterator[Piece]:
        """Answer by the script, one word a piece; the last piece carries the answer."""
        if self.refuse_with is not None:
            refusal, self.refuse_with = self.refuse_with, None
            raise refusal
        if len(messages[-1].text) > self._max_characters:
            raise PromptTooLong("That message is too long for me.", advice="Please send a shorter one.")
        if len(self._running) >= self._max_running:
            raise EngineBusy("I'm talking to a lot of people right now.", advice="Please try again in a moment.")
        version, stop = self._version, asyncio.Event()
        self._running[request_id] = stop
        self.seen.append(tuple(messages))
        self.samplings.append(sampling)
        said: list[str] = []
        finished = False
        try:
            for index, word in enumerate(self._words(messages)):
                if index == 1:
                    await self._pause(stop)
                if stop.is_set():
                    break
                said.append(word)
                yield Piece(word)
                await asyncio.sleep(0)
                if self.fail_with is not None:
                    failure, self.fail_with = self.fail_with, None
                    raise failure
            finish = Finish.STOPPED if stop.is_set() else Finish.END
            finished = True
            yield Piece("", self._answer("".join(said), version, finish, messages))
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

    async def swap(self, version: str) -> None:
        """Answer as another version from now on; unknown ones are refused when `known_versions` was given."""
        if self._known is not None and version not in self._known:
            raise UnknownModel(f"There is no model called {version!r}.")
        self._version = version

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
