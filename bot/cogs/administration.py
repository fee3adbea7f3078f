"""Everything that admins do from inside Discord, as one cog that brings the others and their lasting buttons."""

from discord.ext import commands

from bot.cogs.auditing import Auditing, PageButton
from bot.cogs.canaries import CanaryButton, CanaryWatch
from bot.cogs.configuration import Configuration, Picker
from bot.cogs.models import ConfirmButton, Models, RollbackButton
from bot.cogs.my_votes import MyVotesButton
from bot.cogs.parts import BotParts
from bot.cogs.retraining import Retraining
from bot.cogs.scheduling import Scheduling
from bot.cogs.statistics import Statistics


class Administration(commands.Cog):
    """Training, versions, canaries, schedules, figures, settings and the audit log."""

    def __init__(self, bot: commands.Bot, parts: BotParts) -> None:
        self._bot = bot
        self._cogs: tuple[commands.Cog, ...] = (
            Retraining(bot, parts),
            Models(parts),
            CanaryWatch(bot, parts),
            Scheduling(parts),
            Statistics(parts),
            Configuration(parts),
            Auditing(parts),
        )

    async def cog_load(self) -> None:
        """Add the cogs, and the buttons that outlive a restart."""
        for cog in self._cogs:
            await self._bot.add_cog(cog)
        self._bot.add_dynamic_items(ConfirmButton, RollbackButton, MyVotesButton, CanaryButton, PageButton, Picker)
