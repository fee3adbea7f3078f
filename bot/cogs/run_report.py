"""A run as people see it: a moving bar, then the report card with what changed, why, thanks and a picture.

Everything is read from the run's row: the trainer's files lie on another machine's disk perhaps.
"""

import asyncio
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import discord

from bot.cogs.cards import add_field, card, plain, shortened
from bot.cogs.parts import BotParts
from bot.cogs.plots import Drawn, report_plot, set_name
from storage.values import Run, RunState

_BAR_CELLS = 20
_REPLIES = 3
_WORDS = 150
_LISTED_CHECKS = 6
_PICTURE = "report.png"
_COLOURS = {
    RunState.PROMOTED: discord.Colour.green(),
    RunState.REFUSED: discord.Colour.gold(),
    RunState.FAILED: discord.Colour.red(),
    RunState.CANCELLED: discord.Colour.dark_grey(),
}
_OUTCOMES = {
    RunState.PROMOTED: "a better version answers from now on 🎉",
    RunState.REFUSED: "the new version was not good enough",
    RunState.FAILED: "failed",
    RunState.CANCELLED: "was cancelled",
}


@dataclass(frozen=True, slots=True)
class Thanks:
    """What members of a server gave to a version."""

    votes: int
    members: int


def progress_card(run: Run, *, nobody_there: bool = False) -> discord.Embed:
    """A run that is not over."""
    if run.state is RunState.REQUESTED:
        text = "It waits for the trainer."
        if nobody_there:
            text += "\nNo trainer has taken it yet. Does `mynah trainer` run?"
        return card(f"Run {run.id} waits", text, colour=discord.Colour.blurple())
    full = round(min(max(run.progress, 0.0), 1.0) * _BAR_CELLS)
    bar = f"`{'█' * full}{'░' * (_BAR_CELLS - full)}` {run.progress:.0%}"
    stopping = "It will stop at its next step." if run.cancel_requested else ""
    text = "\n".join(part for part in (bar, plain(run.note, 500), stopping) if part)
    return card(f"Run {run.id} is {run.state.value}", text, colour=discord.Colour.blurple())


def report_card(run: Run, *, thanks: Thanks | None = None, may_quote: bool = True) -> discord.Embed:
    """A run that is over.

    Args:
        run: the run.
        thanks: what members gave to the version.
        may_quote: whether replies to what members said may be shown; those to small talk always may.
    """
    report = dict(run.report or {})
    title = f"Run {run.id}: {_OUTCOMES.get(run.state, run.state.value)}"
    verdict = str(report.get("verdict") or run.note)
    embed = card(title, plain(verdict, 1000), colour=_COLOURS.get(run.state))
    if run.version is not None:
        before = str(report.get("champion") or "")
        add_field(
            embed, "Version", f"**`{run.version}`**" + (f"\ninstead of `{before}`" if before else ""), is_narrow=True
        )
    add_field(embed, "Learnt from", _learnt(_mapping(report.get("snapshot"))), is_narrow=True)
    add_field(
        embed, "Training", _training(_mapping(report.get("training")), _mapping(report.get("recipe"))), is_narrow=True
    )
    add_field(embed, "Perplexity (lower is better)", _figures(perplexities(report)))
    checks = [one for one in _sequence(report.get("checks")) if isinstance(one, Mapping)]
    failed = [one for one in checks if not one.get("passed")]
    if failed:
        told = [f"✗ {plain(str(one.get('sentence', one.get('name', ''))), 300)}" for one in failed[:_LISTED_CHECKS]]
        add_field(embed, f"Why not: {len(failed)} of {len(checks)} checks failed", "\n".join(told))
    elif checks:
        add_field(embed, "Checks", f"✓ all {len(checks)} passed")
    shown = [one for one in _sequence(report.get("replies")) if isinstance(one, Mapping)]
    shown = [one for one in shown if one.get("before") != one.get("after")] or shown
    if not may_quote:
        shown = [one for one in shown if one.get("taught") is None]
    for one in shown[:_REPLIES]:
        words = {name: plain(str(one.get(name) or "…"), _WORDS) for name in ("prompt", "before", "after")}
        add_field(
            embed, f"💬 {shortened(words['prompt'], 200)}", f"before: {words['before']}\n**after: {words['after']}**"
        )
    if report.get("quotes_cleared"):
        add_field(embed, "Replies", "Not shown any more: somebody took back words that these versions had learnt.")
    if thanks is not None and thanks.votes:
        votes = "1 vote" if thanks.votes == 1 else f"{thanks.votes} votes"
        members = "a member" if thanks.members == 1 else f"{thanks.members} members"
        is_are = "is" if thanks.votes == 1 else "are"
        add_field(embed, "Thank you 💚", f"{votes} of {members} {is_are} behind this version.")
    return embed


def has_quotes(run: Run) -> bool:
    """Whether a run's report quotes anybody or any version: what is shown of it may have to be taken down."""
    return bool(_sequence((run.report or {}).get("replies")))


async def picture(run: Run) -> discord.File | None:
    """The report's plot, if there is anything to draw."""
    drawn = await asyncio.to_thread(report_plot, Drawn(losses_of(run), perplexities(dict(run.report or {}))))
    return None if drawn is None else discord.File(io.BytesIO(drawn), filename=_PICTURE)


async def report_of(
    parts: BotParts, run: Run, server: str | None, *, may_quote: bool
) -> tuple[discord.Embed, list[discord.File]]:
    """The whole card, with the thanks of a server and the picture."""
    thanks = None
    if run.version is not None and run.state is RunState.PROMOTED:
        behind = await parts.store.votes.behind_all(run.version, server=server)
        thanks = Thanks(sum(behind.values()), len(behind))
    embed = report_card(run, thanks=thanks, may_quote=may_quote)
    drawn = await picture(run)
    if drawn is None:
        return embed, []
    embed.set_image(url=f"attachment://{_PICTURE}")
    return embed, [drawn]


def losses_of(run: Run) -> list[tuple[float, float]]:
    """Step and loss while it was trained, as far as its report tells."""
    return [
        (float(point[0]), float(point[1]))
        for point in map(_sequence, _sequence((run.report or {}).get("losses")))
        if len(point) == 2 and all(map(_is_number, point))
    ]


def perplexities(report: Mapping[str, object]) -> dict[str, tuple[float, float]]:
    """Set name to perplexity before and after."""
    found = {}
    for name, pair in _mapping(report.get("figures")).items():
        before, after = (_mapping(_mapping(pair).get(side)).get("perplexity") for side in ("before", "after"))
        if isinstance(before, int | float) and isinstance(after, int | float):
            found[str(name)] = (float(before), float(after))
    return found


def _figures(pairs: Mapping[str, tuple[float, float]]) -> str:
    if not pairs:
        return ""
    lines = [f"{'':<10}{'before':>9}{'after':>9}"]
    for name, (before, after) in list(pairs.items())[:8]:
        lines.append(f"{set_name(name)[:10]:<10}{before:>9.2f}{after:>9.2f} {_change(before, after)}".rstrip())
    return "```\n" + "\n".join(lines) + "\n```"


def _change(before: float, after: float) -> str:
    if not (math.isfinite(before) and math.isfinite(after)) or before <= 0:
        return ""
    return f"{(after - before) / before:+.0%}"


def _learnt(snapshot: Mapping[str, object]) -> str:
    if not snapshot:
        return ""
    lines = [f"{snapshot.get('train', '?')} examples"]
    lines += [
        f"{count} {name}" for name in ("new", "removed") if isinstance(count := snapshot.get(name), int) and count
    ]
    return "\n".join(lines)


def _training(training: Mapping[str, object], recipe: Mapping[str, object]) -> str:
    seconds, steps = training.get("seconds"), training.get("steps")
    lines = [str(recipe.get("method", ""))]
    if isinstance(steps, int):
        lines.append(f"{steps} steps")
    if _is_number(strength := training.get("strength")) and strength != 1:
        lines.append(f"{strength:.0%} of the way from the base")
    if isinstance(seconds, int | float):
        lines.append(f"{float(seconds):.0f} s" if float(seconds) < 120 else f"{float(seconds) / 60:.0f} min")
    return ", ".join(line for line in lines if line)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _sequence(value: object) -> Sequence[Any]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()
