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
    from trainer.taking_back import TakenBack

    async with open_world(invocation.settings) as world:
        key = world.store.author_key(author_id)
        receipt = await world.store.members.forget(key)
        # Here and not only at the trainer's next look: nobody may run a trainer on this machine.
        await TakenBack(world.store, invocation.settings.home / "work").clear()
        await world.store.audit.record(
            world.operator_key, "forget", key, {"turns": receipt.turns, "candidates": receipt.candidates}
        )
        champions = await world.store.aliases.champions()
        kept = None if receipt.id is None else await world.store.receipts.get(receipt.id)
    is_clean = kept is None or kept.clean_at is not None
    lines = [
        f"Receipt {receipt.id}: removed {receipt.turns} messages, {receipt.candidates} candidate examples and {receipt.votes} votes.",
        "Nothing they say will be learnt from unless they allow it again.",
    ]
    if receipt.versions:
        lines.append(f"Model versions that had learnt from them: {', '.join(receipt.versions)}.")
        lines.extend(
            f"`mynah train --now{f' --line {line}' if line else ''}` makes one without them: every run starts from the base."
            for line, champion in champions.items()
            if champion in receipt.versions
        )
        lines.append(
            "None of them answers now, so this receipt is settled."
            if is_clean
            else f"Receipt {receipt.id} is settled when none of them answers any more: see `mynah status`."
        )
    invocation.emit({"receipt": receipt, "settled": is_clean}, "\n".join(lines))
