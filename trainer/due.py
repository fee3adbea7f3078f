"""Which lines are due for a run: by their servers' own schedules, and when enough was approved on them.

A server with a model of its own has its admins' schedule, and their quiet hours, in which nothing begins by itself. The
shared line has the process's clock (`MYNAH_TRAINER__CRON`), kept elsewhere, and besides the schedules of the servers that
share it: what one of them asks for is for all. What is asked for by hand is not asked here.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from storage.errors import WrongUsage
from storage.governance import SHARED_LINE
from storage.server_settings import ServerSettings
from storage.timetable import end_of_quiet, timetable
from storage.values import Alias
from trainer.examples import Champion
from trainer.world import TrainerWorld


class Due:
    """Looks at every line; remembers what it has asked for, so that nothing is asked for twice."""

    def __init__(self, world: TrainerWorld) -> None:
        self._world = world
        self._began = world.clock()
        self._struck: dict[str, datetime] = {}
        self._asked_at_review: dict[str, int] = {}

    async def by_clock(self) -> list[str]:
        """Lines with a server whose schedule struck since their last run, or since it was last looked at."""
        due = []
        for line in await self._own_lines():
            settings = await self._world.store.server_settings.get(line)
            text = self._world.settings.cron if settings.schedule is None else settings.schedule
            if await self._has_struck(line, line, settings, text):
                due.append(line)
        sharing = await self._sharing()
        struck = [
            await self._has_struck(server, SHARED_LINE, one, one.schedule or "") for server, one in sharing.items()
        ]
        return [*due, SHARED_LINE] if any(struck) else due

    async def by_approvals(self) -> list[str]:
        """Lines on which enough was approved since their last run.

        A run that failed has learnt nothing, but trying the same again at once would fail again: the next approval
        asks again.
        """
        store, wanted = self._world.store, self._world.settings.approvals
        newest = await store.candidates.newest_review_id() if wanted else 0
        due = []
        for line in [SHARED_LINE, *await self._own_lines()] if wanted else []:
            if newest <= self._asked_at_review.get(line, 0) or await self._is_quiet(line):
                continue
            learnt = await store.runs.newest_review_learnt(line)
            if await store.candidates.approved_after(learnt, line) >= wanted:
                self._asked_at_review[line] = newest
                due.append(line)
        return due

    async def _own_lines(self) -> list[str]:
        return [line for line in await self._world.store.server_settings.lines() if line != SHARED_LINE]

    async def _sharing(self) -> dict[str, ServerSettings]:
        """The servers that have no model of their own and chose something, with their choices."""
        table = self._world.store.server_settings
        chosen = {server: await table.get(server) for server in await table.servers()}
        return {server: settings for server, settings in chosen.items() if not settings.own_line}

    async def _since(self, server: str, line: str) -> datetime:
        if server in self._struck:
            return self._struck[server]
        latest = await self._world.store.runs.latest(limit=1, line=line)
        return latest[0].created_at if latest else self._began

    async def _has_struck(self, server: str, line: str, settings: ServerSettings, text: str) -> bool:
        """Whether a server's schedule struck for its line; it has then been seen."""
        if not text.strip():
            return False
        zone = ZoneInfo(settings.time_zone)
        try:
            moment = timetable(text).after(await self._since(server, line), zone)
        except WrongUsage:  # a row from another version: no schedule rather than no trainer
            return False
        has_struck = end_of_quiet(moment, settings.quiet_hours, zone) <= self._world.clock()
        if has_struck:
            self._struck[server] = self._world.clock()
        return has_struck

    async def _is_quiet(self, line: str) -> bool:
        """Whether nothing may begin by itself; on the shared line only while that holds for all who learn together."""
        now = self._world.clock()
        if line != SHARED_LINE:
            return (await self._world.store.server_settings.get(line)).is_quiet(now)
        learning = [settings for settings in (await self._sharing()).values() if settings.learning_on]
        return bool(learning) and all(settings.is_quiet(now) for settings in learning)


async def has_news(world: TrainerWorld, line: str = SHARED_LINE) -> bool:
    """Whether something was approved on a line since its last run, waits for the next, or was taken back since.

    What waits are approved examples that no run has looked at yet, and those of members who were new.
    """
    learnt = await world.store.runs.newest_review_learnt(line)
    if await world.store.candidates.approved_after(learnt, line) > 0 or await world.store.curations.has_waiting(line):
        return True
    if await world.store.aliases.current(Alias.CHAMPION, line) is None:
        return False
    return (await Champion.now(world, line)).removed > 0
