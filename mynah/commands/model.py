"""`mynah model`: which versions there are, and which one answers."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from mynah.invocation import Home, Invocation, Json, begin, run
from mynah.terminal.showing import change_line, moment, version_line
from storage.errors import MynahError, UnknownModel
from storage.values import Alias

if TYPE_CHECKING:
    from mynah.world import World

app = typer.Typer(help="Model versions: which there are, and which one answers.", no_args_is_help=True)

Name = Annotated[
    str, typer.Argument(metavar="VERSION", help="A version, the beginning of one, or an alias such as `previous`.")
]
BOT_WILL_FOLLOW = "A running bot moves over within seconds; answers in flight finish on the old one."


@app.command("list")
def list_versions(context: typer.Context, home: Home = None, as_json: Json = False) -> None:
    """List the versions in the registry, oldest first."""
    run(_list(begin(context, home, as_json)))


@app.command("show")
def show(
    context: typer.Context, version: Name = Alias.CHAMPION.value, home: Home = None, as_json: Json = False
) -> None:
    """Show one version: where it comes from, its figures, and the moves of the aliases."""
    run(_show(begin(context, home, as_json), version))


@app.command("promote")
def promote(
    context: typer.Context,
    version: Name,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record.")] = "promoted by hand",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Make a version the champion, after its files were verified."""
    run(_promote(begin(context, home, as_json), version, reason))


@app.command("rollback")
def rollback(
    context: typer.Context,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record.")] = "rolled back by hand",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Give the champion's place back to the version before it."""
    run(_rollback(begin(context, home, as_json), reason))


@app.command("verify")
def verify(
    context: typer.Context,
    version: Annotated[str | None, typer.Argument(metavar="[VERSION]", help="Only this one.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Check every file of every version against its manifest; exit code 1 when something is wrong."""
    run(_verify(begin(context, home, as_json), version))


async def _aliases(world: "World") -> dict[str, str]:
    found = {alias.value: await world.store.aliases.current(alias) for alias in Alias}
    return {alias: version for alias, version in found.items() if version}


async def _list(invocation: Invocation) -> None:
    from mynah.world import open_world

    async with open_world(invocation.settings) as world:
        versions = await world.store.aliases.versions()
        aliases = await _aliases(world)
    lines = [version_line(version, aliases) for version in versions]
    text = "\n".join(lines) or "No versions yet. The first start brings the base in: mynah chat"
    invocation.emit({"versions": versions, "aliases": aliases}, text)


async def _show(invocation: Invocation, name: str) -> None:
    from mynah.world import open_world

    async with open_world(invocation.settings) as world:
        version = await world.registry.resolve(name)
        figures = await world.store.evaluations.of_version(version.version)
        moves = [
            change
            for change in await world.store.aliases.history(limit=200)
            if version.version in (change.from_version, change.to_version)
        ]
        aliases = await _aliases(world)
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


async def _promote(invocation: Invocation, name: str, reason: str) -> None:
    from mynah.world import open_world

    async with open_world(invocation.settings) as world:
        version = await world.registry.resolve(name)
        await asyncio.to_thread(world.registry.verify, version.version)
        if await world.store.aliases.current(Alias.CHAMPION) == version.version:
            invocation.emit({"change": None, "champion": version.version}, f"{version.version} answers already.")
            return
        change = await world.store.aliases.promote(version.version, actor=world.operator_key, reason=reason)
    invocation.emit(
        {"change": change, "champion": version.version},
        f"{version.version} is the champion now; before it: {change.from_version or 'nothing'}.\n{BOT_WILL_FOLLOW}",
    )


async def _rollback(invocation: Invocation, reason: str) -> None:
    from mynah.world import open_world

    async with open_world(invocation.settings) as world:
        change = await world.store.aliases.rollback(actor=world.operator_key, reason=reason)
        damage = ""
        if change.to_version:
            try:
                await asyncio.to_thread(world.registry.verify, change.to_version)
            except MynahError as error:
                damage = f"\nBut it cannot be served: {error}"
    invocation.emit(
        {"change": change, "champion": change.to_version, "problem": damage.strip() or None},
        f"{change.to_version} is the champion again, instead of {change.from_version}.\n"
        + (damage.strip() or BOT_WILL_FOLLOW),
    )
    if damage:
        raise typer.Exit(1)


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
