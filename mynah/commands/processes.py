"""`mynah run`, `mynah bot` and `mynah trainer`: the processes that stay."""

import asyncio
import logging
import signal
import sys
from contextlib import AsyncExitStack
from typing import Annotated

import typer

from mynah.commands.playground import play
from mynah.invocation import Home, Invocation, begin
from mynah.invocation import run as run_to_end
from mynah.signals import stop_on_signals

Supervised = Annotated[
    bool, typer.Option("--supervised", help="End when the process that started this one ends.", hidden=True)
]


def run(context: typer.Context, home: Home = None) -> None:
    """Start everything: the bot and the trainer; without a Discord token, in a Discord of your own, in the browser."""
    invocation = begin(context, home, shown=None)
    if invocation.settings.discord.token is None:
        print(
            "There is no Discord token yet, so here is a Discord of your own. (`mynah init` connects the real one.)\n"
        )
        raise typer.Exit(play(invocation))
    invocation.show_logs(logging.INFO)
    raise typer.Exit(run_to_end(run_processes(invocation)))


def trainer(context: typer.Context, supervised: Supervised = False, home: Home = None) -> None:
    """Run the trainer: on the clock, after enough approvals, and when somebody asks."""
    run_to_end(_serve_trainer(begin(context, home, process="trainer", shown=logging.INFO), supervised=supervised))


def bot(context: typer.Context, supervised: Supervised = False, home: Home = None) -> None:
    """Run the Discord bot alone."""
    run_to_end(_serve_bot(begin(context, home, process="bot", shown=logging.INFO), supervised=supervised))


async def run_processes(invocation: Invocation) -> int:
    """Keep the bot and the trainer alive until a signal comes; the exit code to end with."""
    from mynah.supervisor import Child, Supervisor
    from mynah.terminal.trainer_beside import child_command
    from mynah.world import check_can_spread, ensure_champion, open_world

    home = invocation.settings.home
    takes_versions = invocation.settings.remote.takes_versions
    if takes_versions:
        check_can_spread(invocation.settings)
    async with open_world(invocation.settings) as world:  # what is wrong is said here once, not by each child again
        if takes_versions:
            await ensure_champion(world)
    names = ("bot", "trainer") if takes_versions else ("bot",)
    supervisor = Supervisor([Child(name, child_command(name, home)) for name in names])
    told = "the bot and the trainer" if takes_versions else "the bot; nothing is learnt for the server's own model"
    print(f"Starting {told} (home: {home}). Ctrl-C ends it.", file=sys.stderr)
    async with stop_on_signals() as stop:
        code = await supervisor.run(stop.event)
        return 128 + signal.SIGINT if stop.signal == signal.SIGINT else code


async def _serve_trainer(invocation: Invocation, *, supervised: bool) -> None:
    from mynah.telemetry.opening import trainer_telemetry
    from mynah.telemetry.tracing import open_tracer
    from mynah.world import open_trainer
    from trainer.serving import serve

    settings = invocation.settings
    async with (
        stop_on_signals(supervised=supervised) as stop,
        open_tracer(settings.telemetry, "trainer") as tracer,
        open_trainer(settings, tracer) as world,
        trainer_telemetry(settings, world.store),
    ):
        await serve(world, stop=stop.event)


async def _serve_bot(invocation: Invocation, *, supervised: bool) -> None:
    from bot.cogs.client import Link, run_bot
    from bot.cogs.parts import BotParts
    from bot.review.desk import ReviewDesk
    from mynah.telemetry.opening import bot_telemetry, figures_of
    from mynah.telemetry.tracing import open_tracer
    from mynah.world import open_chat

    settings, link = invocation.settings, Link()
    figures = figures_of(settings.telemetry.bot_port)
    async with AsyncExitStack() as stack:
        stop = await stack.enter_async_context(stop_on_signals(supervised=supervised))
        tracer = await stack.enter_async_context(open_tracer(settings.telemetry, "bot"))
        chat = await stack.enter_async_context(open_chat(settings, has_peers=True, figures=figures, tracer=tracer))
        if figures is not None:
            await stack.enter_async_context(bot_telemetry(settings, chat, figures, link))
        parts = BotParts(
            settings=settings.discord,
            store=chat.world.store,
            registry=chat.world.registry,
            chat=chat.service,
            desk=ReviewDesk(chat.world.store, chat.screening),
            clock=chat.world.clock,
            peers=chat.peers,
            tracer=tracer,
            takes_versions=invocation.settings.remote.takes_versions,
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
