"""`/review stats` as a card: who waits how long, who decided what, and a plot of the days."""

import asyncio
import io
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta

import discord

from bot.cogs.quoting import escaped
from bot.review.wording import span_in_words
from storage.governance import ReviewStats

_REVIEWERS_SHOWN = 10
_NAME_CHARACTERS = 32
_PLOT = "review-days.png"
_COLOURS = {"approved": "#3ba55d", "edited": "#5865f2", "rejected": "#747f8d"}
_BACKGROUND, _INK = "#2b2d31", "#dbdee1"


async def stats_report(
    stats: ReviewStats, days: int, names: Mapping[str, str], now: datetime
) -> tuple[discord.Embed, list[discord.File]]:
    """The card, and its plot if anything was decided.

    Args:
        stats: the figures.
        days: of how many days they are.
        names: author key to the name of a moderator, as far as they are known.
        now: the time, aware.
    """
    embed = discord.Embed(title="Review", colour=discord.Colour.blurple())
    embed.add_field(name="Waiting", value=_waiting(stats))
    oldest = None if stats.oldest_at is None else (now - stats.oldest_at).total_seconds()
    embed.add_field(name="Oldest waits", value=span_in_words(oldest))
    embed.add_field(name="Half of them longer than", value=span_in_words(stats.median_age_seconds))
    embed.add_field(name=f"Decided in {days} days", value=_reviewers(stats, names), inline=False)
    if not stats.days:
        return embed, []
    picture = await asyncio.to_thread(_plot, stats, days, now.date())
    embed.set_image(url=f"attachment://{_PLOT}")
    return embed, [discord.File(io.BytesIO(picture), filename=_PLOT)]


def _waiting(stats: ReviewStats) -> str:
    half = f" ({stats.half_approved} of them need another approval)" if stats.half_approved else ""
    return f"{stats.waiting}{half}"


def _reviewers(stats: ReviewStats, names: Mapping[str, str]) -> str:
    """A line for each moderator, the busiest first."""
    counts: dict[str, Counter[str]] = {}
    for one in stats.days:
        mine = counts.setdefault(one.reviewer_key, Counter())
        mine.update(approved=one.approved, edited=one.edited, rejected=one.rejected)
    if not counts:
        return "Nothing yet."
    ranked = sorted(counts.items(), key=lambda item: (-item[1].total(), item[0]))
    lines = [
        f"**{_name(key, names)}** {mine['approved']} approved, {mine['edited']} edited, {mine['rejected']} rejected"
        for key, mine in ranked[:_REVIEWERS_SHOWN]
    ]
    rest = ranked[_REVIEWERS_SHOWN:]
    if rest:
        lines.append(f"{len(rest)} others: {sum(mine.total() for _, mine in rest)} decisions")
    return "\n".join(lines)


def _name(key: str, names: Mapping[str, str]) -> str:
    return escaped(names[key][:_NAME_CHARACTERS]) if key in names else f"Moderator {key[:4]}"


def _plot(stats: ReviewStats, days: int, today: date) -> bytes:
    """A stacked bar a day, as a PNG."""
    from matplotlib.figure import Figure  # heavy, and only wanted here
    from matplotlib.ticker import MaxNLocator

    shown = [today - timedelta(days=back) for back in reversed(range(days))]
    figure = Figure(figsize=(6, 2.4), dpi=120, facecolor=_BACKGROUND, layout="constrained")
    axes = figure.subplots()
    axes.set_facecolor(_BACKGROUND)
    below = [0] * days
    for kind, colour in _COLOURS.items():
        heights = [sum(getattr(one, kind) for one in stats.days if one.day == day) for day in shown]
        axes.bar(range(days), heights, bottom=below, color=colour, label=kind, width=0.7)
        below = [low + height for low, height in zip(below, heights, strict=True)]
    step = max(1, days // 8)
    axes.set_xticks(range(0, days, step), [f"{day:%d %b}" for day in shown[::step]])
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.tick_params(colors=_INK, labelsize=8, length=0)
    axes.spines[:].set_visible(False)
    axes.set_ylabel("decisions a day", color=_INK, fontsize=8)
    axes.legend(frameon=False, labelcolor=_INK, fontsize=8, ncols=3, loc="upper left")
    axes.set_ylim(0, max(4, max(below) * 1.25))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
