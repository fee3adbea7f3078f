"""`/stats`: how a server talks with Mynah, what its screens and moderators do, and how the model got better."""

import asyncio
import io
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.cogs.admins import deferred_admin
from bot.cogs.cards import add_field, card
from bot.cogs.parts import BotParts
from bot.cogs.plots import stats_plot
from bot.cogs.proposal_notes import proposed_text
from bot.cogs.run_report import losses_of
from bot.cogs.sending import send
from storage.figures import DayFigures
from storage.governance import ReviewStats
from storage.monitoring_values import MonitoredDay, State
from storage.values import Alias, CandidateState

_PICTURE = "stats.png"
_RUNS_LOOKED_AT = 10
_MARKS = {State.WORSE: "🔻", State.STEADY: "•", State.TOO_FEW: "…"}
"""Of measures, in the order in which people want to see them."""
_CURVES = 4
"""Of the newest runs that trained at all; more could not be told apart."""


class Statistics(commands.Cog):
    """Figures with plots."""

    def __init__(self, parts: BotParts) -> None:
        self._parts = parts

    @app_commands.command(description="Messages, votes, screens, review and versions, with plots (admins)")
    @app_commands.describe(days="How many days to look back", everyone="Show it to everyone here, not only to you")
    @app_commands.guild_only()
    @app_commands.default_permissions(manage_guild=True)
    async def stats(
        self, interaction: discord.Interaction[Any], days: app_commands.Range[int, 1, 90] = 14, everyone: bool = False
    ) -> None:
        """Show the figures of this server."""
        admin = await deferred_admin(interaction, self._parts, is_private=not everyone)
        store = self._parts.store
        by_day = await store.figures.days(admin.server, days=days)
        versions = await store.figures.perplexities(admin.line)
        champion = await store.aliases.current(Alias.CHAMPION, admin.line)
        embed = stats_card(
            by_day,
            await store.figures.candidates(admin.server),
            await store.review_queue.stats(admin.server),
            champion,
            self._parts.clock(),
        )
        if (newest := await store.monitoring.newest(admin.line, champion)) is not None:
            add_field(embed, f"How the model wears, up to {newest.day.isoformat()}", wear_text(newest))
        if (proposal := await store.proposals.standing(admin.line)) is not None:
            add_field(embed, "A retrain is proposed", proposed_text(proposal))
        runs = await store.runs.latest(limit=_RUNS_LOOKED_AT, line=admin.line)
        curves = {f"run {run.id}": losses for run in runs if len(losses := losses_of(run)) > 1}
        drawn = await asyncio.to_thread(stats_plot, by_day, versions, dict(list(curves.items())[:_CURVES][::-1]))
        embed.set_image(url=f"attachment://{_PICTURE}")
        file = discord.File(io.BytesIO(drawn), filename=_PICTURE)
        await send(interaction, embed=embed, files=[file], is_private=not everyone)


def wear_text(day: MonitoredDay) -> str:
    """How the version that answers wears, what is worse first."""
    told = sorted(day.measures, key=lambda one: list(_MARKS).index(one.state))
    return "\n".join(f"{_MARKS[one.state]} {one.sentence}" for one in told)


def stats_card(
    days: Sequence[DayFigures],
    candidates: dict[CandidateState, int],
    queue: ReviewStats,
    champion: str | None,
    now: datetime,
) -> discord.Embed:
    """The figures in words."""
    when = "today" if len(days) == 1 else f"the last {len(days)} days"
    embed = card(f"Mynah here, {when}", colour=discord.Colour.blurple())
    messages, answers = sum(one.messages for one in days), sum(one.answers for one in days)
    up, down = sum(one.votes_up for one in days), sum(one.votes_down for one in days)
    held, refused = sum(one.held for one in days), sum(one.refused for one in days)
    add_field(embed, "Talk", f"{messages} messages\n{answers} answers", is_narrow=True)
    add_field(
        embed, "Votes", f"👍 {up}  👎 {down}" + (f"\n{up / (up + down):.0%} liked" if up + down else ""), is_narrow=True
    )
    rate = f"\n{(held + refused) / answers:.1%} of the answers" if answers else ""
    add_field(embed, "Screens", f"{held} held, {refused} refused{rate}", is_narrow=True)
    oldest = f"\noldest {discord.utils.format_dt(queue.oldest_at, 'R')}" if queue.oldest_at else ""
    add_field(embed, "Review queue", f"{queue.waiting} waiting{oldest}", is_narrow=True)
    approved, rejected = candidates[CandidateState.APPROVED], candidates[CandidateState.REJECTED]
    decided = sum(one.decided for one in days)
    add_field(
        embed, "Examples", f"{approved} approved, {rejected} rejected\n{decided} decisions {when}", is_narrow=True
    )
    add_field(embed, "Answers now", f"`{champion}`" if champion else "the base", is_narrow=True)
    embed.timestamp = now
    return embed
