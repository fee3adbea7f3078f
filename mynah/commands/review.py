"""`mynah review`: decide what may be learnt."""

from typing import Annotated

import typer

from mynah.invocation import Home, Invocation, Json, begin, run
from mynah.terminal.showing import candidate_lines, moment, one_line
from storage.errors import Refused, WrongUsage
from storage.governance import LeftOut, QueueItem, ReviewStats
from storage.values import Candidate, CandidateState, Review

app = typer.Typer(help="Decide what may be learnt.", no_args_is_help=True)

Id = Annotated[int, typer.Argument(metavar="ID", help="From `mynah review list`.")]
PAGE = 100


@app.command("list")
def list_candidates(
    context: typer.Context,
    state: Annotated[CandidateState, typer.Option("--state", help="Which ones.")] = CandidateState.WAITING,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most this many.")] = 20,
    after: Annotated[
        int | None, typer.Option("--after", help="Go on after this id: the next page.", show_default="the beginning")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """List candidate examples: those that wait as in Discord's queue, best and most doubtful first; others by age."""
    run(_list(begin(context, home, as_json), state, limit, after))


@app.command("approve")
def approve(
    context: typer.Context,
    ids: Annotated[list[int] | None, typer.Argument(metavar="ID…", show_default=False)] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that wait.")] = False,
    alike: Annotated[bool, typer.Option("--alike", help="Also what waits and says nearly the same.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Say yes: the next run learns it."""
    run(_approve(begin(context, home, as_json), ids or [], everything=everything, alike=alike))


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


@app.command("undo")
def undo(
    context: typer.Context,
    candidate: Annotated[int | None, typer.Argument(metavar="[ID]", show_default=False)] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Take back the last decision made here, or the last one on a candidate."""
    run(_undo(begin(context, home, as_json), candidate))


@app.command("why")
def why(context: typer.Context, candidate: Id, home: Home = None, as_json: Json = False) -> None:
    """Say what became of a candidate, and all that is known about it: screens, votes, near-duplicates, decisions."""
    run(_why(begin(context, home, as_json), candidate))


@app.command("stats")
def stats(
    context: typer.Context,
    days: Annotated[int, typer.Option("--days", min=1, max=365, help="Of how many days.")] = 7,
    server: Annotated[str | None, typer.Option("--server", help="Only of this server.", show_default="all")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Say who waits how long, and who decided what."""
    run(_stats(begin(context, home, as_json), days, server))


async def _list(invocation: Invocation, state: CandidateState, limit: int, after: int | None) -> None:
    from mynah.world import open_world

    async with open_world(invocation.settings) as world:
        if state is CandidateState.WAITING:
            found = await world.store.review_queue.listed(after_id=after, limit=limit)
            total = await world.store.review_queue.waiting()
        else:
            found = await world.store.candidates.by_state(state, after_id=after or 0, limit=limit)
            total = (await world.store.candidates.counts()).get(state, 0)
    lines = [line for candidate in found for line in [*candidate_lines(candidate), ""]]
    if not found:
        lines = [f"Nothing is {state.value}." if after is None else f"Nothing more is {state.value}."]
    elif len(found) < total:
        lines.append(f"{len(found)} of {total} {state.value}. More: mynah review list --after {found[-1].id}")
    invocation.emit({"candidates": found, "total": total}, "\n".join(lines).rstrip())


async def _approve(invocation: Invocation, ids: list[int], *, everything: bool, alike: bool) -> None:
    from bot.review.desk import ReviewDesk
    from bot.review.wording import left_out_in_words
    from mynah.world import open_screening, open_world

    if everything == bool(ids):
        raise WrongUsage("Name the ids to approve, or --all.", advice="`mynah review list` shows what waits.")
    async with open_world(invocation.settings) as world:
        desk = ReviewDesk(world.store, open_screening(world.settings), may_review_own=True)
        approved: dict[int, Candidate] = {}
        refused: dict[int, str] = {}
        left_out: dict[int, LeftOut] = {}
        after = None
        while everything and (page := await desk.waiting(after_id=after, limit=PAGE)):
            ids += [candidate.id for candidate in page]
            after = page[-1].id
        for candidate_id in ids:
            if candidate_id in approved:
                continue
            try:
                if alike:
                    together = await desk.approve_alike(candidate_id, world.operator_key)
                    approved |= {candidate.id: candidate for candidate in together.decided}
                    left_out |= together.left_out
                else:
                    approved[candidate_id] = await desk.approve(candidate_id, world.operator_key)
            except Refused as error:
                refused[candidate_id] = str(error)
    left_out = {key: reason for key, reason in left_out.items() if key not in approved and key not in refused}
    more = sum(candidate.state is CandidateState.WAITING for candidate in approved.values())
    lines = [f"Approved {len(approved)}."] if approved or not refused else []
    lines += [f"{more} of them need another approval: their server asks for several."] if more else []
    lines += [f"{candidate_id}: {reason}" for candidate_id, reason in refused.items()]
    lines += [f"{candidate_id}: left out ({left_out_in_words(reason)})" for candidate_id, reason in left_out.items()]
    if len(approved) > more:
        lines.append("`mynah train --now` learns what is approved.")
    document = {"approved": list(approved), "refused": refused, "left_out": left_out}
    invocation.emit(document, "\n".join(lines))
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
    from bot.review.desk import ReviewDesk
    from mynah.world import open_screening, open_world

    async with open_world(invocation.settings) as world:
        desk = ReviewDesk(world.store, open_screening(world.settings), may_review_own=True)
        candidate = await desk.reject(candidate_id, world.operator_key, reason, only_waiting=False)
    invocation.emit({"candidate": candidate}, f"Rejected {candidate.id}: it will not be learnt.")


async def _undo(invocation: Invocation, candidate_id: int | None) -> None:
    from bot.review.desk import ReviewDesk
    from mynah.world import open_screening, open_world

    async with open_world(invocation.settings) as world:
        desk = ReviewDesk(world.store, open_screening(world.settings), may_review_own=True)
        undone = await desk.undo(world.operator_key, candidate_id=candidate_id)
    lines = [f"{candidate.id} is {candidate.state.value} again." for candidate in undone]
    invocation.emit({"candidates": list(undone)}, "\n".join(lines))


async def _why(invocation: Invocation, candidate_id: int) -> None:
    from bot.review.desk import ReviewDesk
    from bot.review.wording import outcome_in_words
    from mynah.world import open_screening, open_world

    async with open_world(invocation.settings) as world:
        desk = ReviewDesk(world.store, open_screening(world.settings), may_review_own=True)
        sheet = await desk.sheet(candidate_id)
        decisions = await desk.decisions(candidate_id)
        curation = await world.store.curations.get(candidate_id)
        may_be_learnt = await world.store.candidates.may_be_learnt(candidate_id)
    outcome = outcome_in_words(sheet.item, curation, may_be_learnt=may_be_learnt)
    lines = [*candidate_lines(sheet.candidate), f"  {outcome}", *_known(sheet.item), *_decisions(decisions)]
    document = {
        "item": sheet.item,
        "reviews": decisions,
        "outcome": outcome,
        "may_be_learnt": may_be_learnt,
        "curation": curation,
    }
    invocation.emit(document, "\n".join(lines))


async def _stats(invocation: Invocation, days: int, server: str | None) -> None:
    from bot.review.desk import ReviewDesk
    from mynah.world import open_screening, open_world

    async with open_world(invocation.settings) as world:
        desk = ReviewDesk(world.store, open_screening(world.settings), may_review_own=True)
        found = await desk.stats(server, days=days)
        oldest = None if found.oldest_at is None else (world.clock() - found.oldest_at).total_seconds()
    invocation.emit({"stats": found}, "\n".join(_stats_lines(found, oldest)))


def _known(item: QueueItem) -> list[str]:
    """What the queue knows about a candidate."""
    from bot.review.wording import doubt_in_words, feedback_in_words, likeness_in_words, source_in_words

    lines = [
        f"Screens: {'; '.join(doubt_in_words(item.candidate.verdict).replace('*', '').splitlines())}",
        f"Votes: {item.votes_up} up, {item.votes_down} down. {feedback_in_words(item.feedback)}".rstrip(),
        f"Alike: {likeness_in_words(item)}",
        f"From: {source_in_words(item.candidate.source)}, written {moment(item.candidate.created_at)}",
        f"Approvals: {len(item.approvals)} of {item.quorum}",
    ]
    return [f"  {line}" for line in lines]


def _decisions(reviews: list[Review]) -> list[str]:
    """A candidate's decisions, oldest first."""
    return [
        f"  {moment(review.created_at)} {review.decision.value} by {review.reviewer_key[:8]}"
        + (f": {one_line(review.reason, at_most=100)}" if review.reason else "")
        + (f" (taken back {moment(review.undone_at)})" if review.undone_at is not None else "")
        for review in reviews
    ]


def _stats_lines(stats: ReviewStats, oldest_seconds: float | None) -> list[str]:
    """Figures of the queue, and a line for each day and moderator."""
    from bot.review.wording import span_in_words

    return [
        f"Waiting: {stats.waiting} ({stats.half_approved} need another approval)",
        f"Oldest waits: {span_in_words(oldest_seconds)}; half wait longer than {span_in_words(stats.median_age_seconds)}",
        *(
            f"{one.day:%Y-%m-%d} {one.reviewer_key[:8]}: {one.approved} approved, {one.edited} edited, "
            f"{one.rejected} rejected"
            for one in stats.days
        ),
    ]
