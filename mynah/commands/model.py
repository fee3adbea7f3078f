"""`mynah model`: which versions there are, and which one answers."""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from mynah.invocation import Home, Invocation, Json, begin, run
from mynah.lines import Line, known_line
from mynah.terminal.showing import change_line, moment, version_line
from storage.errors import MynahError, UnknownModel
from storage.governance import SHARED_LINE, CanaryOutcome
from storage.values import Alias

if TYPE_CHECKING:
    from mynah.world import World

app = typer.Typer(help="Model versions: which there are, and which one answers.", no_args_is_help=True)

Name = Annotated[
    str, typer.Argument(metavar="VERSION", help="A version, the beginning of one, or an alias such as `previous`.")
]
BOT_WILL_FOLLOW = "A running bot moves over within seconds; answers in flight finish on the old one."


@app.command("list")
def list_versions(context: typer.Context, line: Line = SHARED_LINE, home: Home = None, as_json: Json = False) -> None:
    """List the versions in the registry, oldest first."""
    run(_list(begin(context, home, as_json), line))


@app.command("show")
def show(
    context: typer.Context,
    version: Name = Alias.CHAMPION.value,
    line: Line = SHARED_LINE,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Show one version: where it comes from, its figures, and the moves of the aliases."""
    run(_show(begin(context, home, as_json), version, line))


@app.command("promote")
def promote(
    context: typer.Context,
    version: Name,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record.")] = "promoted by hand",
    line: Line = SHARED_LINE,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Make a version the champion, after its files were verified."""
    run(_promote(begin(context, home, as_json), version, reason, line))


@app.command("rollback")
def rollback(
    context: typer.Context,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record.")] = "rolled back by hand",
    line: Line = SHARED_LINE,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Give the champion's place back to the version before it."""
    run(_rollback(begin(context, home, as_json), reason, line))


@app.command("verify")
def verify(
    context: typer.Context,
    version: Annotated[str | None, typer.Argument(metavar="[VERSION]", help="Only this one.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Check every file of every version against its manifest; exit code 1 when something is wrong."""
    run(_verify(begin(context, home, as_json), version))


async def _aliases(world: "World", line: str) -> dict[str, str]:
    found = {alias.value: await world.store.aliases.current(alias, line) for alias in Alias}
    return {alias: version for alias, version in found.items() if version}


async def _list(invocation: Invocation, line: str) -> None:
    from mynah.world import open_world

    async with open_world(invocation.settings) as world:
        await known_line(world.store, line)
        versions = await world.store.aliases.versions()
        aliases = await _aliases(world, line)
        champions = await world.store.aliases.champions()
    elsewhere = {f"champion of {name or 'shared'}": version for name, version in champions.items() if name != line}
    lines = [version_line(version, {**aliases, **elsewhere}) for version in versions]
    text = "\n".join(lines) or "No versions yet. The first start brings the base in: mynah chat"
    invocation.emit({"versions": versions, "line": line, "aliases": aliases, "champions": champions}, text)


async def _show(invocation: Invocation, name: str, line: str) -> None:
    from mynah.world import open_world

    async with open_world(invocation.settings) as world:
        await known_line(world.store, line)
        version = await world.registry.resolve(name, line)
        figures = await world.store.evaluations.of_version(version.version)
        moves = [
            change
            for change in await world.store.aliases.history(limit=200)
            if version.version in (change.from_version, change.to_version)
        ]
        aliases = await _aliases(world, line)
        folder = world.registry.folder(version.version)
    lines = [
        version_line(version, aliases),
        f"folder    {folder}",
        f"hash      {version.content_hash}",
        f"made      {moment(version.created_at)}" + (f" by run {version.run_id}" if version.run_id else ""),
        *([f"base      {version.base}"] if version.base else []),
        *([f"parent    {version.parent}"] if version.parent else []),
        *([f"snapshot  {version.snapshot_hash}"] if version.snapshot_hash else []),
        *(
            f"{item.set_name}: perplexity {item.perplexity:.2f}, token accuracy {item.token_accuracy:.1%}, "
            f"{item.bits_per_byte:.3f} bits/byte ({item.items} conversations)"
            for item in figures
        ),
        *(change_line(change) for change in moves),
    ]
    document = {"version": version, "folder": folder, "aliases": aliases, "evaluations": figures, "moves": moves}
    invocation.emit(document, "\n".join(lines))


async def _promote(invocation: Invocation, name: str, reason: str, line: str) -> None:
    from mynah.world import check_takes_versions, open_world

    check_takes_versions(invocation.settings)
    async with open_world(invocation.settings) as world:
        await known_line(world.store, line)
        version = await world.registry.resolve(name, line)
        await asyncio.to_thread(world.registry.verify, version.version)
        if await world.store.aliases.current(Alias.CHAMPION, line) == version.version:
            invocation.emit({"change": None, "champion": version.version}, f"{version.version} answers already.")
            return
        change = await world.store.aliases.promote(version.version, actor=world.operator_key, reason=reason, line=line)
        broken, settled = await _follow_up(world, version.version, line)
    invocation.emit(
        {"change": change, "champion": version.version, "receipts_broken": broken, "receipts_settled": settled},
        f"{version.version} is the champion now; before it: {change.from_version or 'nothing'}.\n{BOT_WILL_FOLLOW}",
    )


async def _rollback(invocation: Invocation, reason: str, line: str) -> None:
    from mynah.world import open_world

    async with open_world(invocation.settings) as world:
        await known_line(world.store, line)
        change = await world.store.aliases.rollback(actor=world.operator_key, reason=reason, line=line)
        damage, broken, settled = "", 0, 0
        if change.to_version:
            broken, settled = await _follow_up(world, change.to_version, line)
            try:
                await asyncio.to_thread(world.registry.verify, change.to_version)
            except MynahError as error:
                damage = f"\nBut it cannot be served: {error}"
    invocation.emit(
        {
            "change": change,
            "champion": change.to_version,
            "problem": damage.strip() or None,
            "receipts_broken": broken,
            "receipts_settled": settled,
        },
        f"{change.to_version} is the champion again, instead of {change.from_version}.\n"
        + (damage.strip() or BOT_WILL_FOLLOW),
    )
    if damage:
        raise typer.Exit(1)


async def _follow_up(world: "World", champion: str, line: str) -> tuple[int, int]:
    """What follows from another champion: its line's canary ends, and receipts may be settled or broken.

    Returns:
        How many receipts of forgotten members it breaks, since it has learnt from their words, and how many it settles.
    """
    canary = await world.store.canaries.open(line)
    if canary is not None:
        outcome = CanaryOutcome.PROMOTED if canary.version == champion else CanaryOutcome.STOPPED
        await world.store.canaries.end(canary.id, outcome, actor=world.operator_key)
    broken = await world.store.receipts.naming(champion)
    if broken:
        print(
            f"Warning: {champion} has learnt from members who were forgotten since ({broken} receipts). "
            f"Train a version without them: mynah train --now{f' --line {line}' if line else ''}",
            file=sys.stderr,
        )
    return broken, len(await world.store.receipts.settle())


async def _verify(invocation: Invocation, name: str | None) -> None:
    from mynah.world import open_world

    async with open_world(invocation.settings) as world:
        if name is None:
            found = await world.registry.verify_all()
        else:
            version = (await world.registry.resolve(name)).version
            try:
                await asyncio.to_thread(world.registry.verify, version)
                found = {version: "ok"}
            except UnknownModel:
                raise
            except MynahError as error:
                found = {version: str(error)}
    text = "\n".join(f"{version}  {state}" for version, state in found.items()) or "No versions yet: nothing to verify."
    invocation.emit({"versions": found}, text)
    if any(state != "ok" for state in found.values()):
        raise typer.Exit(1)
