"""`mynah backup`: database, models and what else is state, in one file, while bot and trainer work."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mynah.invocation import Home, Invocation, Json, begin, run
from storage.errors import ModelDamaged, WrongUsage


def backup(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.tar.gz", help="To write; it must not exist yet. A folder: into it, named by the time."
        ),
    ],
    keep: Annotated[
        int | None,
        typer.Option("--keep", min=1, help="In a folder: remove all but the newest ones of that name afterwards."),
    ] = None,
    with_author_key: Annotated[
        bool,
        typer.Option(
            "--with-author-key",
            help="Put the author key in, too: whoever has the file can then tell whose every row is.",
        ),
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Write a backup: the database, every model version, pinned conversations. Safe while bot and trainer run.

    It holds people's words: keep it as you keep the database. The author key is kept apart (see deploy/runbook.md).
    Exit code 1: it failed, or a version that answers is not in it.
    """
    invocation = begin(context, home, as_json)
    if keep is not None and not file.is_dir():
        raise WrongUsage(f"--keep needs a folder, and {file} is none.")
    run(_backup(invocation, file, keep=keep, with_author_key=with_author_key))


async def _backup(invocation: Invocation, given: Path, *, keep: int | None, with_author_key: bool) -> None:
    from mynah.backing_up import back_up, file_in, remove_older
    from mynah.world import open_world, utc_now
    from storage.database_copies import copies_of
    from storage.store import database_of

    file = file_in(given, utc_now())
    async with open_world(invocation.settings) as world:
        database = database_of(invocation.settings.store, invocation.settings.home)
        try:
            done = await back_up(world, copies_of(database), file, with_author_key=with_author_key)
        finally:
            await database.close()
    count = len(done.versions)
    lines = [
        f"{done.file}: {done.bytes / 1e6:.1f} MB, the database and {count} model version{'' if count == 1 else 's'}."
    ]
    lines += [f"Not in it: {version}. {why}" for version, why in sorted(done.left_out.items())]
    lines.append(
        "The author key is in it: whoever has this file can tell whose every row is."
        if done.has_author_key
        else "The author key is not in it: keep a copy of it apart, since no backup can be restored without it."
    )
    removed = []
    if keep is not None and not done.needed:  # an older one may be whole
        removed = await asyncio.to_thread(remove_older, given, keep)
        lines += [f"Removed: {path}" for path in removed]
    invocation.emit({**asdict(done), "removed": removed}, "\n".join(lines))
    if done.needed:
        raise ModelDamaged(
            f"The backup was written, but without versions that answer or may: {', '.join(done.needed)}.",
            advice="See `mynah model verify`.",
        )
