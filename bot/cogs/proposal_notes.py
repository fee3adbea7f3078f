"""Tells a server's admins, where they want announcements, that a retrain is worth asking for. It starts nothing.

Promise: once for each proposal and server, also when the bot restarts; a channel that cannot be used is told of in the
log and in the server's audit log, and `/stats` still shows the proposal.
"""

import logging

import discord
from discord.ext import commands

from bot.cogs.cards import card
from bot.cogs.parts import BotParts
from bot.cogs.run_cards import ACTOR, place_in
from bot.cogs.sending import send
from storage.errors import MynahError
from storage.governance import SHARED_LINE
from storage.monitoring_values import Proposal

logger = logging.getLogger(__name__)


class ProposalNotes:
    """Posts notes of proposals.

    Args:
        bot: who posts.
        parts: the world.
    """

    def __init__(self, bot: commands.Bot, parts: BotParts) -> None:
        self._bot = bot
        self._parts = parts

    async def look(self) -> None:
        """Tell of what is proposed and was not told yet."""
        standing = {
            line: proposal
            for line in await self._parts.store.server_settings.lines()
            if (proposal := await self._parts.store.proposals.standing(line)) is not None
        }
        for server in await self._parts.store.server_settings.servers() if standing else ():
            try:
                await self._tell(server, standing)
            except (MynahError, discord.HTTPException) as error:
                logger.warning("proposal not told", extra={"server": server, "error": type(error).__name__})

    async def _tell(self, server: str, standing: dict[str, Proposal]) -> None:
        store = self._parts.store
        settings = await store.server_settings.get(server)
        proposal = standing.get(server if settings.own_line else SHARED_LINE)
        guild = self._bot.get_guild(int(server)) if server.isdecimal() else None
        channel = settings.announce_channel
        if proposal is None or channel is None or guild is None or settings.is_quiet(self._parts.clock()):
            return
        if not await store.proposals.claim_note(proposal.id, server, channel):
            return
        place = place_in(guild, channel)
        if isinstance(place, str):
            logger.warning("proposal not told", extra={"server": server, "problem": place})
            details = {"problem": place, "channel": channel}
            await store.audit.record(ACTOR, "announce", f"proposal {proposal.id}", details, server=server)
            return
        learnt = await store.runs.newest_review_learnt(proposal.line)
        approved = await store.candidates.approved_after(learnt, proposal.line)
        await send(place, embed=proposal_card(proposal, approved))


def proposal_card(proposal: Proposal, approved: int) -> discord.Embed:
    """The note.

    Args:
        proposal: what is proposed.
        approved: examples approved since the last run, which a run would learn.
    """
    new = (
        f"{approved} examples were approved since the last run."
        if approved
        else "Nothing was approved since the last run, so look at `/review queue` first."
    )
    embed = card("A retrain is proposed", proposed_text(proposal), colour=discord.Colour.orange())
    embed.add_field(name="What there is to learn", value=new, inline=False)
    embed.set_footer(text="Nothing starts by itself because of this.")
    return embed


def proposed_text(proposal: Proposal) -> str:
    """Why, and what to do."""
    reasons = "\n".join(f"- {reason}" for reason in proposal.reasons)
    return f"`{proposal.version}` wears:\n{reasons}\n`/retrain now` starts one."
