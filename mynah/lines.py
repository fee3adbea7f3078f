"""Lines on the command line: the shared model, or that of one server. See `storage.governance` for what a line is."""

from typing import TYPE_CHECKING, Annotated

import typer

from storage.errors import WrongUsage
from storage.governance import SHARED_LINE

if TYPE_CHECKING:
    from storage.store import Store

Line = Annotated[
    str,
    typer.Option(
        "--line", metavar="SERVER_ID", help="The model of this server alone. Default: the one that servers share."
    ),
]


def line_name(line: str) -> str:
    """A line as people are told of it."""
    return "shared" if line == SHARED_LINE else line


async def known_line(store: "Store", line: str) -> str:
    """The line, if there is one of that name.

    Raises:
        WrongUsage: there is none; says which there are.
    """
    lines = await store.server_settings.lines()
    if line in lines:
        return line
    own = [name for name in lines if name != SHARED_LINE]
    raise WrongUsage(
        f"There is no line {line!r}.",
        advice=f"Say --line {' or '.join(own)}, or leave --line out for the shared one."
        if own
        else "There is only the shared one: leave --line out.",
    )
