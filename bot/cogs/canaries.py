"""A canary: a version that answers some channels until votes and screen rates decide, with automatic revert."""

import asyncio
import logging
import re
from typing import Any

import discord
from discord.ext import commands

from bot.cogs.admins import Admin, admin_of
from bot.cogs.cards import add_field, card
from bot.cogs.champions import Champions
from bot.cogs.failures import reporting
from bot.cogs.parts import BotParts
from bot.cogs.sending import revise, send
from bot.cogs.tasks import Tasks
from storage.canary_judgement import Judged, Judgement, judge, share
from storage.errors import MynahError, Refused, WrongUsage
from storage.governance import SHARED_LINE, Canary, CanaryOutcome, Evidence
from storage.values import Alias

logger = logging.getLogger(__name__)

_ACTOR = "canary"
_LOOK_SECONDS = 60.0
_LABELS = {"end": "End", "promote": "Promote", "look": "Look again"}
_STYLES = {"end": discord.ButtonStyle.danger, "promote": discord.ButtonStyle.success}
_SHARES = (10, 25, 50)
_COLOURS = {
    Judgement.WAIT: discord.Colour.gold(),
    Judgement.WORSE: discord.Colour.red(),
    Judgement.AS_GOOD: discord.Colour.green(),
}


class CanaryCommand:
    """What `/model canary` does for one admin."""

    def __init__(self, parts: BotParts, admin: Admin) -> None:
        self._parts = parts
        self._admin = admin
        self._champions = Champions(parts)

    async def run(self, interaction: discord.Interaction[Any], percent: int | None, name: str | None) -> None:
        """Start, change, show or end, as the options say; the answer is for the admin alone.

        Raises:
            WrongUsage: it does not say which version, or says nothing to do with it.
            Refused: another canary answers, or the version cannot be tried here.
        """
        canary = await self._parts.store.canaries.open(self._admin.line)
        if percent is None and name is not None:
            raise WrongUsage("On how many channels?", advice="Say for example `share:20` for one channel in five.")
        if percent is None:
            if canary is None:
                await send(
                    interaction, "No canary answers. `/model canary share:20 version:…` starts one.", is_private=True
                )
                return
        elif percent == 0:
            if canary is None:
                raise Refused("No canary answers, so there is nothing to end.")
            canary = await self._champions.end_canary(self._admin, canary)
            await send(
                interaction,
                f"The canary `{canary.version}` has ended; the champion answers everywhere.",
                is_private=True,
            )
            return
        elif canary is None:
            version = (await self._champions.resolve(await self._to_try(name), self._admin.line)).version
            canary = await self._champions.start_canary(self._admin, version, percent / 100)
        else:
            if name is not None and (await self._champions.resolve(name, self._admin.line)).version != canary.version:
                raise Refused(f"`{canary.version}` is being tried already.", advice="End it first: `share:0`.")
            canary = await self._champions.change_share(self._admin, canary, percent / 100)
        await send(interaction, embed=await status(self._parts, canary), view=buttons(canary), is_private=True)

    async def _to_try(self, name: str | None) -> str:
        if name is not None:
            return name
        challenger = await self._parts.store.aliases.current(Alias.CHALLENGER, self._admin.line)
        if challenger is None:
            raise WrongUsage("Which version?", advice="Choose one as `version:`; `/model list` shows them.")
        return challenger


class CanaryButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]],
    template=r"mynah:canary:(?P<act>end|promote|look|[1-9]\d):(?P<canary>\d{1,18})",
):
    """Promotes, ends, widens or shows a canary."""

    def __init__(self, act: str, canary_id: int, *, is_now: bool = False) -> None:
        self.act, self.canary_id = act, canary_id
        super().__init__(
            discord.ui.Button(
                style=_STYLES.get(act, discord.ButtonStyle.secondary),
                label=_LABELS.get(act, f"{act} %"),
                custom_id=f"mynah:canary:{act}:{canary_id}",
                disabled=is_now,
                row=1 if act.isdigit() else 0,
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> "CanaryButton":
        """The button that was pressed."""
        return cls(match["act"], int(match["canary"]))

    @reporting
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Do it, and show how the canary stands."""
        parts: BotParts = interaction.client.parts
        admin = await admin_of(interaction, parts)
        await interaction.response.defer()
        canary = await parts.store.canaries.get(self.canary_id)
        if canary is None or canary.line != admin.line:
            raise Refused("That canary belongs to another server.")
        message = await interaction.original_response()
        champions = Champions(parts)
        try:
            if self.act == "end":
                await champions.end_canary(admin, canary)
            elif self.act == "promote":
                _require_open(canary)
                await champions.promote(
                    admin, canary.version, expected=canary.champion, reason="a canary that proved itself"
                )
            elif self.act != "look":
                await champions.change_share(admin, canary, int(self.act) / 100)
        except MynahError as error:
            await send(interaction, str(error), is_private=True)
        now = await parts.store.canaries.get(self.canary_id) or canary
        await revise(message, embed=await status(parts, now), view=buttons(now))


class CanaryWatch(commands.Cog):
    """Looks at open canaries every minute: what is worse is taken back at once, what is as good is proposed."""

    def __init__(self, bot: commands.Bot, parts: BotParts) -> None:
        self._bot = bot
        self._parts = parts
        self._tasks = Tasks()
        self._is_watching = False

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Begin to watch, once: what is decided can then be told."""
        if not self._is_watching:
            self._is_watching = True
            self._tasks.start(self._watch(), name="watch canaries")

    async def cog_unload(self) -> None:
        """Stop."""
        await self._tasks.close()

    async def look(self) -> None:
        """Decide about every open canary, once."""
        for canary in await self._parts.store.canaries.all_open():
            judged = judge(*await self._parts.store.canaries.evidence(canary.id))
            if judged.judgement is Judgement.WORSE:
                await self._end(canary, CanaryOutcome.REVERTED, judged)
            elif judged.judgement is Judgement.AS_GOOD and await self._promotes(canary):
                await self._promote(canary, judged)
            elif judged.judgement is Judgement.AS_GOOD:
                await self._propose(canary, judged)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                await self.look()
            except (MynahError, discord.HTTPException) as error:
                logger.warning("canaries not looked at", extra={"error": type(error).__name__})

    async def _promote(self, canary: Canary, judged: Judged) -> None:
        store = self._parts.store
        await asyncio.to_thread(self._parts.registry.verify, canary.version)
        if await store.aliases.current(Alias.CHAMPION, canary.line) == canary.champion:
            await store.aliases.promote(
                canary.version,
                actor=_ACTOR,
                reason=judged.why,
                expected_champion=canary.champion,
                line=canary.line,
            )
            await self._end(canary, CanaryOutcome.PROMOTED, judged)

    async def _end(self, canary: Canary, outcome: CanaryOutcome, judged: Judged) -> None:
        ended = await self._parts.store.canaries.end(canary.id, outcome, actor=_ACTOR, figures=judged.figures)
        await self._parts.store.receipts.settle()
        logger.info("canary decided", extra={"canary": canary.id, "outcome": outcome.value})
        await self._announce(ended, None)

    async def _propose(self, canary: Canary, judged: Judged) -> None:
        """Tell the admins once, also over restarts."""
        subject = f"canary {canary.id}"
        told = await self._parts.store.audit.latest(limit=20, action="propose canary")
        if not any(entry.subject == subject for entry in told):
            await self._parts.store.audit.record(
                _ACTOR, "propose canary", subject, judged.figures, server=canary.line or None
            )
            await self._announce(canary, buttons(canary))

    async def _servers(self, line: str) -> list[str]:
        """The servers of a line that chose anything."""
        settings = self._parts.store.server_settings
        return [one for one in await settings.servers() if await settings.line_of(one) == line]

    async def _promotes(self, canary: Canary) -> bool:
        """Whether the servers of its line want that; where several share a line, all of them must."""
        settings = self._parts.store.server_settings
        wishes = [(await settings.get(one)).canary_promotes for one in await self._servers(canary.line)]
        return bool(wishes) and all(wishes)

    async def _announce(self, canary: Canary, view: discord.ui.View | None) -> None:
        for server in await self._servers(canary.line):
            settings = await self._parts.store.server_settings.get(server)
            channel = settings.review_channel or settings.announce_channel
            if channel is not None and server.isdigit() and self._bot.get_guild(int(server)) is not None:
                place = self._bot.get_partial_messageable(int(channel), guild_id=int(server))
                await send(place, embed=await status(self._parts, canary), view=view)


async def status(parts: BotParts, canary: Canary) -> discord.Embed:
    """How a canary stands, or ended."""
    tried, champion = await parts.store.canaries.evidence(canary.id)
    judged = judge(tried, champion)
    if canary.outcome is None:
        title = f"Canary {canary.version} answers {canary.share:.0%} of the channels"
        colour, text = _COLOURS[judged.judgement], judged.why
        if judged.judgement is Judgement.AS_GOOD:
            text += " It can be promoted."
    else:
        title = f"Canary {canary.version} was {canary.outcome.value}"
        colour = discord.Colour.green() if canary.outcome is CanaryOutcome.PROMOTED else discord.Colour.dark_grey()
        text = (
            judged.why
            if canary.outcome is not CanaryOutcome.STOPPED
            else "Somebody ended it, or another version took over."
        )
        if canary.outcome is CanaryOutcome.REVERTED:
            text += " The champion answers everywhere again."
    embed = card(title, text, colour=colour)
    add_field(embed, f"Canary {canary.version[:8]}", _seen(tried), is_narrow=True)
    add_field(embed, f"Champion {(canary.champion or 'the base')[:8]}", _seen(champion), is_narrow=True)
    whose = "all servers that share this model" if canary.line == SHARED_LINE else "this server"
    add_field(embed, "Since", f"{discord.utils.format_dt(canary.started_at, 'R')}, in {whose}")
    return embed


def buttons(canary: Canary) -> discord.ui.View | None:
    """What can be done with it; None when it has ended."""
    if canary.outcome is not None:
        return None
    view = discord.ui.View(timeout=None)
    for act in ("promote", "end", "look"):
        view.add_item(CanaryButton(act, canary.id))
    for percent in _SHARES:
        view.add_item(CanaryButton(str(percent), canary.id, is_now=round(canary.share * 100) == percent))
    return view


def _require_open(canary: Canary) -> None:
    if canary.outcome is not None:
        raise Refused(f"Canary {canary.id} has ended already: {canary.outcome.value}.")


def _seen(evidence: Evidence) -> str:
    votes = evidence.votes_up + evidence.votes_down
    liked = f" ({share(evidence.votes_up, votes):.0%} 👍)" if votes else ""
    stopped = evidence.held + evidence.refused
    return (
        f"{evidence.answers} answers\n"
        f"🛡️ {stopped} stopped ({share(stopped, evidence.answers):.1%})\n"
        f"👍 {evidence.votes_up}  👎 {evidence.votes_down}{liked}"
    )
