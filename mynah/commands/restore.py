"""`mynah restore`: a backup comes back into an empty home and an empty database, whole or not at all."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mynah.invocation import Home, Invocation, Json, begin, run
from mynah.terminal.showing import moment


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.tar.gz", help="That `mynah backup` wrote.")],
    withdrawals: Annotated[
        list[Path] | None,
        typer.Option("--withdrawals", help="A withdrawals.jsonl of another machine; may be given several times."),
    ] = None,
    without_withdrawals: Annotated[
        bool,
        typer.Option(
            "--without-withdrawals",
            help="Go on without any list: who was forgotten, or said no, since the backup is then learnt from again.",
        ),
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Bring a backup back. Stop every bot and trainer first; home and database must be empty.

    Whoever was forgotten or said no since the backup stands in withdrawals.jsonl of the old home, and is forgotten or
    recorded again. Exit codes: 1 the file is damaged, 2 something is not empty or missing, 3 there is no such list.
    """
    run(_restore(begin(context, home, as_json), file, withdrawals or [], without_withdrawals=without_withdrawals))


async def _restore(invocation: Invocation, file: Path, lists: list[Path], *, without_withdrawals: bool) -> None:
    from mynah.restoring import restore as bring_back
    from mynah.world import utc_now

    settings = invocation.settings
    done = await bring_back(settings, file, lists=lists, without_withdrawals=without_withdrawals, clock=utc_now)
    document = {"home": settings.home, "file": file, **asdict(done)}
    if done.begun_at is None:
        invocation.emit(
            document, f"The restore that was interrupted in {settings.home} is finished now; {file} was not read."
        )
        return
    lines = [f"Restored into {settings.home}: as it was at {moment(done.begun_at)}."]
    count = len(done.versions)
    lines.append("1 model version is whole." if count == 1 else f"{count} model versions are whole.")
    lines += [f"The backup had not {version}: {why}" for version, why in sorted(done.left_out.items())]
    if done.forgotten:
        lines.append(f"Forgotten again: receipts {', '.join(map(str, done.forgotten))}. See `mynah status`.")
    if done.denials:
        lines.append(f"Noes to learning recorded again: {done.denials}.")
    if done.kept_out:
        lines.append(f"Messages kept out of learning again: {done.kept_out}.")
    if not done.withdrawals_known:
        lines.append("Who took something back since then is not known: ask in your servers before you train.")
    lines.append(
        "Messages that were deleted or edited in Discord since then are as they were, and so are blocks and reviews. "
        "Next: mynah doctor"
    )
    invocation.emit(document, "\n".join(lines))
