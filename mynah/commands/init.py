"""`mynah init`: from a bot token to a bot that can be invited."""

import getpass
import sys
from pathlib import Path
from typing import Annotated

import typer

from mynah.discord_application import API, PORTAL, Application, ask_discord
from mynah.env_file import set_variables
from mynah.invocation import Home, Json, begin, run
from storage.errors import WrongUsage

ENV_FILE = Path(".env")
TOKEN = "MYNAH_DISCORD__TOKEN"  # noqa: S105 - the variable's name
CONFIRMATION = "MYNAH_DISCORD__PERMISSION_TO_TRAIN_CONFIRMED"

WHERE_TOKENS_ARE = f"""\
A bot token comes from {PORTAL}
  New Application, then Bot, then Reset Token. Switch on "Message Content Intent" on the same page.
"""

RULE_21 = """
Discord's Developer Policy (8 July 2024, rule 21) forbids training models on message content obtained through its API
unless Discord itself permits it, whatever your members agree to. Without that permission the bot talks on Discord but
learns nothing from there; you can still teach it in the terminal and with `mynah import`.
"""


def init(
    context: typer.Context,
    token_from_stdin: Annotated[
        bool, typer.Option("--token-stdin", help="Read the token from standard input, and ask nothing.")
    ] = False,
    confirm_permission: Annotated[
        bool,
        typer.Option(
            "--confirm-permission-to-train", help="You hold Discord's own permission to train (Developer Policy, 21)."
        ),
    ] = False,
    api: Annotated[str, typer.Option("--api", help="Discord's address.", hidden=True)] = API,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Ask for the bot's token, check it with Discord, and write it to .env, readable by you only."""
    invocation = begin(context, home, as_json)
    asks = not token_from_stdin and sys.stdin.isatty()
    if asks:
        print(WHERE_TOKENS_ARE, file=sys.stderr)
    token = getpass.getpass("Token (it is not shown): ").strip() if asks else sys.stdin.readline().strip()
    if not token:
        raise WrongUsage("No token was given.", advice="Run `mynah init` again, or pipe it in with --token-stdin.")
    application = run(ask_discord(token, api=api))
    confirmed = confirm_permission or (asks and _asked_for_permission())
    path = ENV_FILE.absolute()
    set_variables(path, {TOKEN: token, CONFIRMATION: str(confirmed).lower()})
    document = {
        "application": application,
        "invite_link": application.invite_link,
        "env_file": path,
        "permission_to_train_confirmed": confirmed,
    }
    invocation.emit(document, "\n".join(_report(application, path, confirmed=confirmed)))


def _asked_for_permission() -> bool:
    print(RULE_21, file=sys.stderr)
    return typer.confirm("Do you hold Discord's permission to train on messages?", default=False, err=True)


def _report(application: Application, path: Path, *, confirmed: bool) -> list[str]:
    lines = [f"The token belongs to {application.name or application.id}. Wrote {path}."]
    if not application.reads_messages:
        lines.append(
            "The Message Content Intent is off, so the bot could not read what people write: "
            f"switch it on at {application.portal_link}, then run `mynah doctor --online`."
        )
    lines.append(
        "Learning from Discord is on, for members who say yes."
        if confirmed
        else "Learning from Discord is off: the bot talks there, and learns only what you teach it elsewhere."
    )
    return [*lines, "Invite the bot to your server:", f"  {application.invite_link}", "Then start it: mynah run"]
