"""`mynah playground`: Discord on this machine, with the real bot and the real trainer behind it, in a browser."""

import os
import signal
import sys
import threading
import webbrowser
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from mynah.invocation import Home, Invocation, begin, run
from mynah.signals import Stop, stop_on_signals
from storage.errors import MynahError

if TYPE_CHECKING:
    from playground.server import Playground

PROCESS = "playground"

Port = Annotated[
    int | None,
    typer.Option("--port", min=0, max=65535, help="Where to listen; 0 is any that is free. Default: 8424, or any."),
]


def playground(
    context: typer.Context,
    opens_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in the browser, where there is one.")
    ] = True,
    port: Port = None,
    home: Home = None,
) -> None:
    """Try Mynah in a Discord of your own: a page in the browser, no token, nothing leaves this machine."""
    invocation = begin(context, home, process=PROCESS, shown=None)
    raise typer.Exit(run(_play(invocation, port=port, opens_browser=opens_browser)))


def play(invocation: Invocation) -> int:
    """The same for another command, with nothing chosen; the exit code to end with."""
    invocation.process = PROCESS
    invocation.show_logs(None)
    return run(_play(invocation, port=None, opens_browser=True))


async def _play(invocation: Invocation, *, port: int | None, opens_browser: bool) -> int:
    async with stop_on_signals() as stop:  # first, so that a Ctrl-C during the seconds of loading ends us as any other
        code = await _serve(invocation, stop, port=port, opens_browser=opens_browser)
    return 128 + signal.SIGINT if stop.signal == signal.SIGINT else code


async def _serve(invocation: Invocation, stop: Stop, *, port: int | None, opens_browser: bool) -> int:
    """Keep the stand-in, the bot and the trainer alive until they are to end; the worst exit code of the two."""
    from mynah.loop_view import see_loop
    from mynah.supervisor import Child, Supervisor
    from mynah.terminal.trainer_beside import child_command
    from mynah.world import ensure_champion, open_world
    from playground.server import PORTS, Options, open_playground

    home = invocation.settings.home
    async with open_world(invocation.settings) as world:
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
    return code


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
    if opens_browser and sys.stdout.isatty() and has_windows():
        threading.Thread(target=_show, args=(server.page_url,), daemon=True).start()  # some browsers are waited for


def has_windows() -> bool:
    """Whether a browser would open in a window: one in the terminal would take it from us."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _show(url: str) -> None:
    with suppress(webbrowser.Error, OSError):  # the address is printed; the browser is a convenience
        webbrowser.open(url)
