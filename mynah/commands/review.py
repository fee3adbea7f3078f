"""`mynah review`: decide what may be learnt."""

from typing import Annotated

import typer

from mynah.invocation import Home, Invocation, Json, begin, run
from mynah.terminal.showing import candidate_lines
from storage.errors import Refused, WrongUsage
from storage.values import Candidate, CandidateState

app = typer.Typer(help="Decide what may be learnt.", no_args_is_help=True)

Id = Annotated[int, typer.Argument(metavar="ID", help="From `mynah review list`.")]
PAGE = 100


@app.command("list")
def list_candidates(
    context: typer.Context,
    state: Annotated[CandidateState, typer.Option("--state", help="Which ones.")] = CandidateState.WAITING,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most this many.")] = 20,
    after: Annotated[int, typer.Option("--after", min=0, help="Only ids above this one: the next page.")] = 0,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """List candidate examples, oldest first."""
    run(_list(begin(context, home, as_json), state, limit, after))


@app.command("approve")
def approve(
    context: typer.Context,
    ids: Annotated[list[int] | None, typer.Argument(metavar="ID…", show_default=False)] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that wait.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Say yes: the next run learns it."""
    run(_approve(begin(context, home, as_json), ids or [], everything=everything))


@app.command("edit")
def edit(
    context: typer.Context,
    candidate: Id,
    reply: Annotated[str, typer.Argument(metavar="REPLY", help="What the bot should have said.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Say yes to other words for the bot's reply; they are screened again."""
    run(_edit(begin(context, home, as_json), candidate, reply))


@app.command("reject")
def reject(
    context: typer.Context,
    candidate: Id,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record.")] = "",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Say no. Also an approved one: it then leaves the next snapshot."""
    run(_reject(begin(context, home, as_json), candidate, reason))


async def _list(invocation: Invocation, state: CandidateState, limit: int, after: int) -> None:
    from mynah.world import open_world

    async with open_world(invocation.settings) as world:
        found = await world.store.candidates.by_state(state, after_id=after, limit=limit)
        counts = await world.store.candidates.counts()
    lines = [line for candidate in found for line in [*candidate_lines(candidate), ""]]
    total = counts.get(state, 0)
    if not found:
        lines = [f"Nothing is {state.value}." if not after else f"Nothing more is {state.value}."]
    elif len(found) < total:
        lines.append(f"{len(found)} of {total} {state.value}. More: mynah review list --after {found[-1].id}")
    invocation.emit({"candidates": found, "total": total}, "\n".join(lines).rstrip())


async def _approve(invocation: Invocation, ids: list[int], *, everything: bool) -> None:
    from bot.review.desk import ReviewDesk
    from mynah.world import open_screening, open_world

    if everything == bool(ids):
        raise WrongUsage("Name the ids to approve, or --all.", advice="`mynah review list` shows what waits.")
    async with open_world(invocation.settings) as world:
        desk = ReviewDesk(world.store, open_screening(world.settings), may_review_own=True)
        approved: list[Candidate] = []
        refused: dict[int, str] = {}
        after = 0
        while everything and (page := await desk.waiting(after_id=after, limit=PAGE)):
            ids += [candidate.id for candidate in page]
            after = page[-1].id
        for candidate_id in ids:
            try:
                approved.append(await desk.approve(candidate_id, world.operator_key))
            except Refused as error:
                refused[candidate_id] = str(error)
    lines = [f"Approved {len(approved)}."] if approved or not refused else []
    lines += [f"{candidate_id}: {reason}" for candidate_id, reason in refused.items()]
    if approved:
        lines.append("`mynah train --now` learns what is approved.")
    invocation.emit({"approved": [candidate.id for candidate in approved], "refused": refused}, "\n".join(lines))
    if refused:
        raise typer.Exit(Refused.exit_code)


async def _edit(invocation: Invocation, candidate_id: int, reply: str) -> None:
    from bot.review.desk import ReviewDesk
    from mynah.world import open_screening, open_world

    async with open_world(invocation.settings) as world:
        desk = ReviewDesk(world.store, open_screening(world.settings), may_review_own=True)
        candidate = await desk.edit(candidate_id, world.operator_key, reply)
    invocation.emit({"candidate": candidate}, f"Approved {candidate.id} with your words.")


async def _reject(invocation: Invocation, candidate_id: int, reason: str) -> None:
    from mynah.world import open_world

    async with open_world(invocation.settings) as world:
        candidate = await world.store.candidates.reject(candidate_id, world.operator_key, reason, may_review_own=True)
    invocation.emit({"candidate": candidate}, f"Rejected {candidate.id}: it will not be learnt.")
