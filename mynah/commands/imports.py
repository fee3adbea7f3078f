"""`mynah import`: conversations that the operator vouches for become candidate examples."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mynah.invocation import Home, Invocation, Json, begin, run
from storage.errors import WrongUsage


def import_conversations(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="One conversation a line.")],
    approve: Annotated[bool, typer.Option("--approve", help="Approve them at once: you vouch for them.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Read conversations from a file of JSON lines, screen them, and put them up for review.

    A line is {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}; "author" and
    "channel" may stand beside it. Exit code 2: some lines are broken; the others are kept.
    """
    invocation = begin(context, home, as_json)
    if not file.is_file():  # said before the screening is loaded
        raise WrongUsage(f"There is no file {file}.")
    run(_import(invocation, file, approve=approve))


async def _import(invocation: Invocation, file: Path, *, approve: bool) -> None:
    from bot.review.importing import import_file
    from mynah.world import TERMINAL_SERVER, open_screening, open_world

    async with open_world(invocation.settings) as world:
        report = await import_file(
            file,
            store=world.store,
            screening=open_screening(world.settings),
            server=TERMINAL_SERVER,
            reviewer_key=world.operator_key,
            approve=approve,
            author_key_of=world.store.author_key,
        )
    lines = [f"Read {report.lines} conversations: {report.added} added, {report.duplicates} known already."]
    if approve:
        lines.append(f"Approved {report.approved}. `mynah train --now` learns them.")
    elif report.added:
        lines.append("They wait for you: `mynah review list`, or import with --approve to vouch for them at once.")
    if report.held:
        lines.append(f"Screening wants a person to look at {report.held}.")
    lines += [f"Refused {count}: {reason}." for reason, count in sorted(report.refused.items())]
    lines += [f"Line {number}: {problem}" for number, problem in report.broken]
    if report.broken_lines > len(report.broken):
        lines.append(f"… and {report.broken_lines - len(report.broken)} more broken lines.")
    if report.broken_lines:
        lines.append("The other lines are kept: mend these and import the file again, nothing is added twice.")
    broken = [{"line": number, "problem": problem} for number, problem in report.broken]
    invocation.emit({"file": str(file), **asdict(report), "broken": broken}, "\n".join(lines))
    if report.broken_lines:
        raise typer.Exit(WrongUsage.exit_code)
