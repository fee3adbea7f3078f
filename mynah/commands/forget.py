"""`mynah forget`: everything of one person leaves the database."""

from typing import Annotated

import typer

from mynah.invocation import Home, Invocation, Json, begin, run


def forget(
    context: typer.Context,
    author_id: Annotated[str, typer.Argument(metavar="AUTHOR_ID", help="Discord id, or `terminal` for yourself here.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Delete a person's words, candidate examples and votes, note that they said no, and print a receipt."""
    run(_forget(begin(context, home, as_json), author_id))


async def _forget(invocation: Invocation, author_id: str) -> None:
    from mynah.world import open_world

    async with open_world(invocation.settings) as world:
        key = world.store.author_key(author_id)
        receipt = await world.store.members.forget(key)
        await world.store.audit.record(
            world.operator_key, "forget", key, {"turns": receipt.turns, "candidates": receipt.candidates}
        )
    lines = [
        f"Removed {receipt.turns} messages, {receipt.candidates} candidate examples and {receipt.votes} votes.",
        "Nothing they say will be learnt from unless they allow it again.",
    ]
    if receipt.versions:
        lines.append(f"Model versions that had learnt from them: {', '.join(receipt.versions)}.")
        lines.append("`mynah train --now` makes one without them: every run starts from the base.")
    invocation.emit({"receipt": receipt}, "\n".join(lines))
