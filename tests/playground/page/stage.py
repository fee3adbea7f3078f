"""The real stand-in server with a real bot, in a thread of its own, so that a browser can be driven beside it."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from bot.cogs.client import discord_at
from bot.settings import DiscordSettings
from playground.server import Options, Playground, open_playground
from tests.playground.page.performer import Performer

SECONDS_TO_BEGIN = 60

T = TypeVar("T")


@dataclass(frozen=True)
class Stage:
    """A server that listens, with its bot connected."""

    playground: Playground
    _loop: asyncio.AbstractEventLoop

    def clear(self) -> None:
        """Take back everything that was said; to be done in the stage's thread."""
        world = self.playground.world
        for channel in list(world.channels.values()):
            if channel.is_thread:
                world.delete_channel(channel.id)
            else:
                world.messages[channel.id].clear()

    def do(self, act: Callable[[], T]) -> T:
        """Change the world where it lives: in its own thread."""

        async def acting() -> T:
            return act()

        return asyncio.run_coroutine_threadsafe(acting(), self._loop).result(SECONDS_TO_BEGIN)


@contextmanager
def open_stage(options: Options) -> Iterator[Stage]:
    """A stage until the block ends."""
    begun: list[Stage] = []
    is_ready, errors = threading.Event(), list[BaseException]()

    async def play(leaving: asyncio.Event) -> None:
        async with open_playground(options) as playground:
            settings = DiscordSettings(api_url=playground.api_url, gateway_url=playground.gateway_url)
            with discord_at(settings):
                async with Performer() as bot:
                    running = asyncio.create_task(bot.start(playground.bot_token))
                    ready = asyncio.create_task(bot.is_on_stage.wait())
                    await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
                    if running.done():
                        ready.cancel()
                        running.result()
                    begun.append(Stage(playground, asyncio.get_running_loop()))
                    is_ready.set()
                    await leaving.wait()
                await asyncio.gather(running, return_exceptions=True)

    def run() -> None:
        try:
            loop.run_until_complete(play(leaving))
        except BaseException as error:  # noqa: BLE001 - it is raised where the stage is opened
            errors.append(error)
        finally:
            is_ready.set()

    loop = asyncio.new_event_loop()
    leaving = asyncio.Event()
    thread = threading.Thread(target=run, name="stage")
    thread.start()
    try:
        assert is_ready.wait(SECONDS_TO_BEGIN), "the stage did not open"
        if errors:
            raise errors[0]
        yield begun[0]
    finally:
        loop.call_soon_threadsafe(leaving.set)
        thread.join(SECONDS_TO_BEGIN)
        loop.close()
