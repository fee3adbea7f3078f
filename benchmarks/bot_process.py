"""The real bot as a process of its own, let into a playground's stand-in by its settings alone."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it ships no types

from mynah.commands.playground import settings_for
from mynah.terminal.trainer_beside import child_command
from playground.server import Playground

MIB = 1024 * 1024
LOOK_SECONDS = 0.5


@dataclass
class BotProcess:
    """A bot that runs, and the memory that it held at each look, in MiB."""

    pid: int
    resident: list[float] = field(default_factory=list)
    has_died: bool = False


@asynccontextmanager
async def bot_in(server: Playground, home: Path, settings: Mapping[str, str]) -> AsyncIterator[BotProcess]:
    """The bot, until the block ends.

    Args:
        server: the stand-in.
        home: an empty folder, for its database and its log.
        settings: more variables for the bot.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MYNAH_")}
    environment = {**inherited, **settings_for(server), **settings, "OMP_NUM_THREADS": "1"}
    with (home / "bot.out").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *child_command("bot", home), env=environment, stdout=output, stderr=output
        )
    bot = BotProcess(process.pid)
    looking = asyncio.create_task(_look(bot))
    try:
        yield bot
    finally:
        bot.has_died = process.returncode is not None
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        if not bot.has_died:
            process.terminate()
        await process.wait()


async def _look(bot: BotProcess) -> None:
    process = psutil.Process(bot.pid)
    while True:
        bot.resident.append(process.memory_info().rss / MIB)
        await asyncio.sleep(LOOK_SECONDS)
