"""`mynah playground`: Discord on this machine, with the real bot and the real trainer behind it, in a browser."""

import signal
import sys
import webbrowser
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from mynah.commands.processes import stop_on_signals
from mynah.invocation import Home, Invocation, begin, run
from storage.errors import MynahError

if TYPE_CHECKING:
    from playground.server import Playground

Port = Annotated[
    int | None,
    typer.Option("--port", min=0, max=65535, help="Where to listen; 0 is any that is free. Default: 8424, or any."),
]


def playground(
    context: typer.Context,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    port: Port = None,
    home: Home = None,
) -> None:
    """Try Mynah in a Discord of your own: a page in the browser, no token, nothing leaves this machine."""
    invocation = begin(context, home, process="playground", shown=None)
    raise typer.Exit(run(_play(invocation, port=port, opens_browser=open_browser)))


async def _play(invocation: Invocation, *, port: int | None, opens_browser: bool) -> int:
    from mynah.loop_view import see_loop
    from mynah.supervisor import Child, Supervisor
    from mynah.terminal.trainer_beside import child_command
    from mynah.world import ensure_champion, open_world
    from playground.server import PORTS, Options, open_playground

    home = invocation.settings.home
    async with stop_on_signals() as stop, open_world(invocation.settings) as world:
        options = Options(look=partial(see_loop, world), ports=PORTS if port is None else (port,))
        try:
            async with open_playground(options) as server:
                _invite(server, opens_browser=opens_browser)
                await ensure_champion(world)
                environment = settings_for(server)
                children = [
                    Child(name, child_command(name, home), home / "logs" / f"playground-{name}.out", environment)
                    for name in ("bot", "trainer")
                ]
                code = await Supervisor(children).run(stop.event)
        except OSError as error:
            raise MynahError(
                f"Port {port} cannot be listened on: {error.strerror}.", advice="Try another --port."
            ) from None
    if not stop.event.is_set():
        raise MynahError("The bot and the trainer ended.", advice=f"Why stands in {home / 'logs'}.")
    return 128 + signal.SIGINT if stop.signal == signal.SIGINT else code


def settings_for(server: "Playground") -> Mapping[str, str]:
    """The variables by which the bot and the trainer find the stand-in instead of Discord.

    What names roles and channels of the operator's own server is taken back. The confirmation that Discord permits
    training is about other people's messages there; here everything is said by the one person at the page.
    """
    from mynah.settings import variable

    discord = {
        "token": server.bot_token,
        "api_url": server.api_url,
        "gateway_url": server.gateway_url,
        "channel_ids": str(server.seeded.channels["chat-with-mynah"]),
        "moderator_role_ids": "",
        "admin_role_ids": "",
        "sync_commands": "true",
        "members_intent": "true",
        "permission_to_train_confirmed": "true",
    }
    return {variable("discord", name): value for name, value in discord.items()}


def _invite(server: "Playground", *, opens_browser: bool) -> None:
    print(f"The playground is at {server.page_url}", flush=True)
    print("The bot needs some seconds to come. Ctrl-C ends everything.", file=sys.stderr, flush=True)
    if opens_browser:
        webbrowser.open(server.page_url)
