"""`mynah chat`: talk in the terminal, or get one answer."""

import uuid
from typing import Annotated

import typer

from mynah.invocation import Home, Invocation, Json, begin, run
from storage.errors import WrongUsage


def chat(
    context: typer.Context,
    once: Annotated[
        str | None, typer.Option("--once", metavar="TEXT", help="Print the reply to TEXT, and nothing else.")
    ] = None,
    tour: Annotated[bool, typer.Option("--tour/--no-tour", help="Begin with the guided tour.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Talk with the bot here. Lines from a pipe are answered one after another; `--once` answers a single one."""
    invocation = begin(context, home, as_json, shown=None)
    if once is not None:
        run(_once(invocation, once))
    elif invocation.as_json:
        raise WrongUsage("--json goes with --once.", advice="Like this: mynah chat --once TEXT --json")
    else:
        _talk_at_terminal(invocation, tour=tour)


def _talk_at_terminal(invocation: Invocation, *, tour: bool) -> None:
    """Hold a conversation, after the guided tour if it is wanted, until the person leaves or the input ends."""
    from mynah.terminal.console import Console
    from mynah.terminal.hosting import Hosted
    from mynah.terminal.session import open_session
    from mynah.terminal.talk import Talk

    settings = invocation.settings
    console = Console(history=settings.home / "history")
    try:
        with Hosted(lambda: open_session(settings)) as hosted:
            talk = Talk(console, hosted)
            if tour:
                talk.tour()
            elif console.is_typed:
                console.say("Waking up… Type to talk, /help for more, /quit to leave.", style="dim")
            talk.run()
    finally:
        console.close()


async def _once(invocation: Invocation, text: str) -> None:
    from bot.chat.values import Incoming, ReplyKind
    from mynah.world import TERMINAL_SERVER, open_chat

    if not text.strip():
        raise WrongUsage("There is no text to answer.", advice='Like this: mynah chat --once "Hello!"')
    async with open_chat(invocation.settings, follows=False, learns=False) as chat:
        channel = f"once-{uuid.uuid4().hex}"  # a conversation of its own: an answer depends on nothing said before
        incoming = Incoming(TERMINAL_SERVER, channel, chat.world.operator_key, text)
        async for update in chat.service.answer(incoming):
            reply = update.reply
    if reply is None:
        raise typer.Exit(1)
    codes = {ReplyKind.APOLOGY: 1, ReplyKind.REFUSAL: 3}
    invocation.emit({"reply": reply.text, "kind": reply.kind, "model_version": reply.model_version}, reply.text)
    if reply.kind in codes:
        raise typer.Exit(codes[reply.kind])
