"""The messages that show runs: posted where an admin asked, or announced by themselves; they move, and end in the report.

Everything is found again in the store after a restart. A run that nobody asked for is announced once in each server that it
is for; a channel that cannot be used is told of once, in the log and in the server's audit log, and nothing else happens.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import discord
from discord.ext import commands

from bot.cogs.parts import BotParts
from bot.cogs.run_progress import RunProgress
from bot.cogs.run_report import progress_card
from bot.cogs.sending import send
from bot.cogs.tasks import Tasks
from storage.errors import MynahError
from storage.governance import SHARED_LINE, RunCard
from storage.values import Run

logger = logging.getLogger(__name__)

ACTOR = "announcements"
"""The actor of what the audit log says about a channel that cannot be used."""
_STILL_OF_INTEREST = timedelta(days=1)
_LOOKED_AT = 50
"""Messages of a channel among which one is looked for that may have been posted right before the bot died."""


class RunCardKeeper:
    """Posts cards of runs and keeps them as they should be.

    Args:
        bot: who posts.
        parts: the world.
        tasks: owns the work that outlives a look.
    """

    def __init__(self, bot: commands.Bot, parts: BotParts, tasks: Tasks) -> None:
        self._bot = bot
        self._parts = parts
        self._tasks = tasks
        self._followed: set[int] = set()

    async def asked_for(self, run: Run, server: str, message: discord.Message) -> None:
        """Follow a run in a message that an admin asked for."""
        place = str(message.channel.id), str(message.id)
        self._follow(await self._parts.store.run_cards.asked_for(run.id, server, *place), run)

    async def look(self) -> None:
        """Announce what began by itself, follow what is not over, and take down quotes of words that are gone.

        What fails is tried again at the next look.
        """
        runs = await self._parts.store.run_cards.to_announce(self._parts.clock() - _STILL_OF_INTEREST)
        for server in await self._parts.store.server_settings.servers() if runs else ():
            with _logged(server):
                await self._announce_in(server, runs)
        cards = self._parts.store.run_cards
        for card in [*await cards.open(), *await cards.quoting_what_is_gone()]:
            with _logged(card.server):
                await self._resume(card)

    def may_quote(self, run: Run) -> bool:
        """Whether what members said may be shown: never what was said in one server to another."""
        return run.line != SHARED_LINE or len(self._bot.guilds) == 1

    async def _announce_in(self, server: str, runs: Sequence[tuple[Run, frozenset[str]]]) -> None:
        """Announce the runs that make a server's model, where the bot is and its admins want to hear of them now."""
        settings = await self._parts.store.server_settings.get(server)
        channel = settings.announce_channel
        if channel is None or settings.is_quiet(self._parts.clock()) or self._guild(server) is None:
            return
        chosen_at = await self._parts.store.server_settings.chosen_at(server, "announce_channel")
        for run, told in runs:
            is_ours = run.line == (server if settings.own_line else SHARED_LINE)
            was_over = run.finished_at is not None and chosen_at is not None and run.finished_at < chosen_at
            if not is_ours or was_over or server in told:
                continue
            card = await self._parts.store.run_cards.claim(run.id, server, channel)
            if card is not None:
                await self._post(card, run, is_new=True)

    async def _resume(self, card: RunCard) -> None:
        if card.id in self._followed:
            return
        run = await self._parts.store.runs.get(card.run_id)
        if run is None or self._guild(card.server) is None:
            await self._parts.store.run_cards.close(card.id)
        elif card.message is None:
            await self._post(card, run, is_new=False)
        else:
            self._follow(card, run)

    async def _post(self, card: RunCard, run: Run, *, is_new: bool) -> None:
        """Post a claimed card; one that may be there already is looked for first."""
        place = self._place(card)
        if isinstance(place, str):
            await self._cannot(card, place)
            return
        try:
            found = None if is_new else await self._posted_before(place, run)
            if found is None:
                sent = await send(place, embed=progress_card(run))
                found = sent[-1] if sent else None
        except discord.Forbidden:  # what is there cannot be read, and nothing shall be there twice
            found = None
        if found is None:
            await self._cannot(card, "no-permission")
            return
        posted = await self._parts.store.run_cards.posted(card.id, str(found.id))
        if posted is not None:
            self._follow(posted, run)

    def _place(self, card: RunCard) -> discord.TextChannel | discord.Thread | str:
        return place_in(self._guild(card.server), card.channel)

    async def _posted_before(self, place: discord.TextChannel | discord.Thread, run: Run) -> discord.Message | None:
        me = self._bot.user
        async for message in place.history(limit=_LOOKED_AT):
            titles = [embed.title or "" for embed in message.embeds]
            if me is not None and message.author.id == me.id and any(_is_of(title, run) for title in titles):
                return message
        return None

    async def _cannot(self, card: RunCard, problem: str) -> None:
        """A card cannot be shown: say so once, until it is another problem or another channel."""
        is_news = await self._parts.store.run_cards.fail(card.id, problem)
        if not is_news:
            return
        logger.warning("run not announced", extra={"run": card.run_id, "server": card.server, "problem": problem})
        details = {"problem": problem, "channel": card.channel}
        await self._parts.store.audit.record(ACTOR, "announce", f"run {card.run_id}", details, server=card.server)

    def _guild(self, server: str) -> discord.Guild | None:
        return self._bot.get_guild(int(server)) if server.isdecimal() else None

    def _follow(self, card: RunCard, run: Run) -> None:
        if card.message is None or card.id in self._followed:
            return
        self._followed.add(card.id)
        # An interaction's own messages can be edited for 15 minutes only, and training may take longer.
        place = self._bot.get_partial_messageable(int(card.channel), guild_id=int(card.server))
        message = place.get_partial_message(int(card.message))
        progress = RunProgress(self._parts, message, card, may_quote=self.may_quote(run))
        self._tasks.start(self._followed_to_its_end(card, progress), name=f"follow run {run.id}")

    async def _followed_to_its_end(self, card: RunCard, progress: RunProgress) -> None:
        try:
            is_shown = await progress.follow()
            problem = self._place(card) if card.is_announced and not is_shown else None
            if isinstance(problem, str):
                await self._cannot(card, problem)
            elif not is_shown:  # somebody deleted the message: that is theirs to do
                await self._parts.store.run_cards.close(card.id)
        except MynahError as error:
            logger.warning("card of a run not closed", extra={"run": card.run_id, "error": type(error).__name__})
        finally:
            self._followed.discard(card.id)


@contextmanager
def _logged(server: str) -> Iterator[None]:
    """Let what fails in one server be no other's trouble."""
    try:
        yield
    except (MynahError, discord.HTTPException) as error:
        logger.warning("runs not shown", extra={"server": server, "error": type(error).__name__})


def place_in(guild: discord.Guild | None, channel_id: str) -> discord.TextChannel | discord.Thread | str:
    """Where a card belongs, or why it cannot be there. A channel of another server counts as none."""
    channel = None if guild is None else guild.get_channel_or_thread(int(channel_id))
    if guild is None or not isinstance(channel, discord.TextChannel | discord.Thread):
        return "no-channel"
    may = channel.permissions_for(guild.me)
    may_send = may.send_messages_in_threads if isinstance(channel, discord.Thread) else may.send_messages
    return channel if may.view_channel and may_send and may.embed_links else "no-permission"


def _is_of(title: str, run: Run) -> bool:
    """Whether a card's title is of a run."""
    return re.match(rf"Run {run.id}\b", title) is not None
