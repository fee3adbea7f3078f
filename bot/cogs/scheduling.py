"""`/schedule`: admins say in plain words when a server is trained, and when it must be quiet."""

import contextlib
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import discord
from discord import app_commands
from discord.ext import commands

from bot.cogs.admins import Admin, deferred_admin, is_admin
from bot.cogs.cards import add_field, card
from bot.cogs.parts import BotParts
from bot.cogs.sending import send
from storage.errors import WrongUsage
from storage.governance import SHARED_LINE
from storage.server_settings import ServerSettings
from storage.timetable import end_of_quiet, quiet_hours, timetable

_CHOICES = 25
_SUGGESTED = ("every night at 4", "mondays 03:30", "weekdays at 5", "weekends at 4", "every 6 hours", "0 4 * * *")
_SHOWN = 3


class Scheduling(commands.Cog):
    """When training begins by itself."""

    schedule = app_commands.Group(
        name="schedule",
        description="When Mynah is trained by itself (admins)",
        guild_only=True,
        default_permissions=discord.Permissions(manage_guild=True),
    )

    def __init__(self, parts: BotParts) -> None:
        self._parts = parts

    @schedule.command(name="show", description="When Mynah is trained by itself")
    async def show(self, interaction: discord.Interaction[Any]) -> None:
        """Show the schedule, the quiet hours and the next times."""
        admin = await deferred_admin(interaction, self._parts)
        settings = await self._parts.store.server_settings.get(admin.server)
        await self._tell(interaction, admin, settings)

    @schedule.command(name="set", description="Choose when Mynah is trained by itself")
    @app_commands.describe(
        when="In words (every night at 4, mondays 03:30, every 6 hours) or as a crontab line",
        quiet="Nothing begins or is announced then, such as 08:00-23:00; none for never",
        time_zone="Of these times, such as Europe/Lisbon",
    )
    async def choose(
        self,
        interaction: discord.Interaction[Any],
        when: app_commands.Range[str, 1, 100] | None = None,
        quiet: app_commands.Range[str, 1, 40] | None = None,
        time_zone: app_commands.Range[str, 1, 60] | None = None,
    ) -> None:
        """Check everything before anything is changed."""
        admin = await deferred_admin(interaction, self._parts)
        chosen: dict[str, object] = {}
        if time_zone is not None:
            chosen["time_zone"] = _zone(time_zone)
        if quiet is not None:
            chosen["quiet_hours"] = quiet_hours(quiet)
        if when is not None:
            chosen["schedule"] = timetable(when).line
        if not chosen:
            raise WrongUsage("Nothing to change.", advice="Say `when:`, `quiet:` or `time_zone:`.")
        for name, value in chosen.items():
            settings = await self._parts.store.server_settings.set(admin.server, name, value, admin.key)
        await self._tell(interaction, admin, settings)

    @schedule.command(name="off", description="Train only when somebody asks, or enough was approved")
    async def off(self, interaction: discord.Interaction[Any]) -> None:
        """Take the clock away."""
        admin = await deferred_admin(interaction, self._parts)
        settings = await self._parts.store.server_settings.set(admin.server, "schedule", "", admin.key)
        await self._tell(interaction, admin, settings)

    @choose.autocomplete("when")
    async def _suggest_times(self, interaction: discord.Interaction[Any], typed: str) -> list[app_commands.Choice[str]]:
        if not await is_admin(interaction, self._parts):
            return []
        said = typed.strip().casefold()
        found = [one for one in _SUGGESTED if said in one]
        with contextlib.suppress(WrongUsage):
            found.insert(0, timetable(typed).line)
        return [app_commands.Choice(name=one, value=one) for one in dict.fromkeys(found)]

    @choose.autocomplete("time_zone")
    async def _suggest_zones(self, interaction: discord.Interaction[Any], typed: str) -> list[app_commands.Choice[str]]:
        if not await is_admin(interaction, self._parts):
            return []
        said = typed.strip().casefold().replace(" ", "_")
        fitting = sorted(one for one in available_timezones() if said in one.casefold() and len(one) <= 60)
        return [app_commands.Choice(name=one, value=one) for one in fitting[:_CHOICES]]

    async def _tell(self, interaction: discord.Interaction[Any], admin: Admin, settings: ServerSettings) -> None:
        embed = schedule_card(settings, self._parts.clock(), is_shared=admin.line == SHARED_LINE)
        await send(interaction, embed=embed, is_private=True)


def schedule_card(settings: ServerSettings, now: datetime, *, is_shared: bool) -> discord.Embed:
    """When training begins, as an admin reads it."""
    zone = ZoneInfo(settings.time_zone)
    if settings.schedule:
        embed = card(
            "Training by the clock", f"`{settings.schedule}` in {settings.time_zone}", colour=discord.Colour.green()
        )
        lines = []
        for due in timetable(settings.schedule).upcoming(now, zone, _SHOWN):
            begins = end_of_quiet(due, settings.quiet_hours, zone)
            waits = f" (due {due.astimezone(zone):%H:%M}, waits for the quiet hours to end)" if begins != due else ""
            lines.append(f"{discord.utils.format_dt(begins, 'F')}, {discord.utils.format_dt(begins, 'R')}{waits}")
        add_field(embed, "Next", "\n".join(lines))
    elif settings.schedule == "":
        embed = card("Training by the clock is off", "`/schedule set` turns it on, `/retrain now` trains at once.")
    else:
        embed = card(
            "No schedule of this server's own", "The one of the bot's operator holds. `/schedule set` chooses another."
        )
    add_field(
        embed, "Quiet hours", f"{settings.quiet_hours} ({settings.time_zone})" if settings.quiet_hours else "none"
    )
    if is_shared and settings.schedule is not None:
        add_field(
            embed,
            "A shared model",
            "This server shares its model with the other servers of this bot that have none of their own: "
            "training at these times is for all of them, and the operator's schedule holds besides.",
        )
    return embed


def _zone(said: str) -> str:
    by_name = {one.casefold(): one for one in available_timezones()}
    found = by_name.get(said.strip().casefold().replace(" ", "_"))
    if found is None:
        raise WrongUsage(f"There is no time zone {said[:60]!r}.", advice="Choose one such as `Europe/Lisbon` or `UTC`.")
    return found
