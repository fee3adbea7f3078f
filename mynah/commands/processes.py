"""`mynah run`, `mynah bot` and `mynah trainer`: the processes that stay."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated

import typer

from mynah.commands.chat import talk_at_terminal
from mynah.invocation import Home, Invocation, begin
from mynah.invocation import run as run_to_end

logger = logging.getLogger(__name__)

PARENT_SECONDS = 1.0
"""How often a supervised process looks whether its supervisor lives."""

Supervised = Annotated[
    bool, typer.Option("--supervised", help="End when the process that started this one ends.", hidden=True)
]


def run(
    context: typer.Context,
    tour: Annotated[
        bool | None, typer.Option("--tour/--no-tour", help="The guided tour, without a token. Default: the first time.")
    ] = None,
    home: Home = None,
) -> None:
    """Start everything: the bot and the trainer; without a Discord token, the terminal and the trainer."""
    invocation = begin(context, home, shown=None)
    if invocation.settings.discord.token is not None:
        _show_logs(invocation)
        interrupted = run_to_end(run_processes(invocation))
        raise typer.Exit(interrupted)
    print("There is no Discord token yet, so here is the terminal. (`mynah init` connects Discord.)\n", flush=True)
    wants_tour = run_to_end(_is_new(invocation)) if tour is None else tour
    talk_at_terminal(invocation, tour=wants_tour, with_trainer=True)


def trainer(context: typer.Context, supervised: Supervised = False, home: Home = None) -> None:
    """Run the trainer: on the clock, after enough approvals, and when somebody asks."""
    run_to_end(_serve_trainer(begin(context, home, process="trainer", shown=logging.INFO), supervised=supervised))


def bot(context: typer.Context, supervised: Supervised = False, home: Home = None) -> None:
    """Run the Discord bot alone."""
    run_to_end(_serve_bot(begin(context, home, process="bot", shown=logging.INFO), supervised=supervised))


def _show_logs(invocation: Invocation) -> None:
    from mynah.logs import set_up_logs

    set_up_logs(invocation.settings.home, process=invocation.process, shown=logging.INFO)


async def _is_new(invocation: Invocation) -> bool:
    """Whether nobody has talked here yet."""
    from mynah.world import open_world

    async with open_world(invocation.settings) as world:
        return await world.store.conversations.count() == 0


async def run_processes(invocation: Invocation) -> int:
    """Keep the bot and the trainer alive until a signal comes; the exit code to end with."""
    from mynah.supervisor import Child, Supervisor
    from mynah.terminal.trainer_beside import child_command
    from mynah.world import ensure_champion, open_world

    home = invocation.settings.home
    async with open_world(invocation.settings) as world:  # what is wrong is said here once, not by each child again
        await ensure_champion(world)
    names = ("bot", "trainer")
    supervisor = Supervisor([Child(name, child_command(name, home)) for name in names])
    print(f"Starting the bot and the trainer (home: {home}). Ctrl-C ends both.", file=sys.stderr)
    async with stop_on_signals() as stop:
        code = await supervisor.run(stop.event)
        return 128 + signal.SIGINT if stop.signal == signal.SIGINT else code


async def _serve_trainer(invocation: Invocation, *, supervised: bool) -> None:
    from mynah.monitoring.opening import trainer_monitoring
    from mynah.world import open_trainer
    from trainer.serving import serve

    settings = invocation.settings
    async with (
        stop_on_signals(supervised=supervised) as stop,
        open_trainer(settings) as world,
        trainer_monitoring(settings, world.store),
    ):
        await serve(world, stop=stop.event)


async def _serve_bot(invocation: Invocation, *, supervised: bool) -> None:
    from bot.cogs.client import Link, run_bot
    from bot.cogs.parts import BotParts
    from bot.review.desk import ReviewDesk
    from mynah.monitoring.opening import bot_monitoring, figures_of
    from mynah.world import open_chat

    settings, link = invocation.settings, Link()
    figures = figures_of(settings.monitoring.bot_port)
    async with AsyncExitStack() as stack:
        stop = await stack.enter_async_context(stop_on_signals(supervised=supervised))
        chat = await stack.enter_async_context(open_chat(settings, figures=figures))
        if figures is not None:
            await stack.enter_async_context(bot_monitoring(settings, chat, figures, link))
        parts = BotParts(
            settings=settings.discord,
            store=chat.world.store,
            registry=chat.world.registry,
            chat=chat.service,
            desk=ReviewDesk(chat.world.store, chat.screening),
            clock=chat.world.clock,
        )
        serving = asyncio.create_task(run_bot(parts, link))
        stopping = asyncio.create_task(stop.event.wait())
        try:
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            serving.cancel()
            results = await asyncio.gather(serving, return_exceptions=True)
        if isinstance(results[0], Exception):
            raise results[0]


class Stop:
    """Set when the process is asked to end, with the signal that asked."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.signal: signal.Signals | None = None

    def ask(self, by: signal.Signals | None = None) -> None:
        """Ask the process to end."""
        logger.info("stopping", extra={"signal": by.name if by else "parent gone"})
        self.signal = by
        self.event.set()


@asynccontextmanager
async def stop_on_signals(*, supervised: bool = False) -> AsyncIterator[Stop]:
    """SIGINT and SIGTERM, and the end of the supervisor, as one event."""
    stop = Stop()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.ask, number)
    watching = asyncio.create_task(_watch_parent(stop)) if supervised else None
    try:
        yield stop
    finally:
        if watching is not None:
            watching.cancel()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def _watch_parent(stop: Stop) -> None:
    parent = os.getppid()
    while os.getppid() == parent:  # noqa: ASYNC110 - nothing tells a process that its parent is gone
        await asyncio.sleep(PARENT_SECONDS)
    stop.ask()
