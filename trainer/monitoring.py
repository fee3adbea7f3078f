"""Once a day, when nothing else is to do: how each line's champion wears, and whether a retrain is worth proposing.

Promises: it only reads talk and keeps only numbers; it proposes and never begins a run; what it reads a model with are
exchanges that everybody in them allows to be learnt. What fails is left until the next day.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from bot.engine.threads import use_threads
from storage.monitoring import bounds, day_of
from storage.monitoring_values import DayCounts, MonitoredDay, State, Surprise
from storage.signals import HEARD_WITHIN
from storage.values import Alias, Message, ModelVersion, Role
from trainer.drift import Drift, drift, words_of
from trainer.evaluation import document_of, score_documents
from trainer.loading import loaded
from trainer.snapshots import SnapshotFolder
from trainer.wear import measures
from trainer.world import TrainerWorld

logger = logging.getLogger(__name__)

_MOST_DAYS_BACK = 28
"""A trainer that was away catches up so far."""
_MOST_EXCHANGES = 200
_MOST_MESSAGES = 2_000
"""Read for drift, on each side."""
_A_DAY = timedelta(days=1)


class Monitor:
    """Looks at every line once a day; remembers that it has."""

    def __init__(self, world: TrainerWorld) -> None:
        self._world = world
        self._looked_at: dict[str, date] = {}

    async def look(self) -> None:
        """Measure the days that are over and not measured yet."""
        if not self._world.settings.monitor:
            return
        # Who left after the last answer of a day is known a little later.
        last = day_of(self._world.clock() - HEARD_WITHIN) - _A_DAY
        for line in await self._world.store.server_settings.lines():
            if self._looked_at.get(line) == last:
                continue
            self._looked_at[line] = last  # also where it fails: nothing here is worth trying every second
            try:
                await self._measure(line, last)
            except Exception as error:
                logger.exception("line not monitored", extra={"line": line, "error": type(error).__name__})

    async def _measure(self, line: str, last: date) -> None:
        store = self._world.store
        known = await store.monitoring.history(line, limit=1)
        first = max(known[0].day + _A_DAY if known else date.min, last - (_MOST_DAYS_BACK - 1) * _A_DAY)
        if first > last:
            return
        champion = await self._world.registry.resolve(
            await store.aliases.current(Alias.CHAMPION, line) or self._world.base_version
        )
        at = self._world.clock()
        days = [
            MonitoredDay(line, version, day, counts, at)
            for day in (first + ahead * _A_DAY for ahead in range((last - first).days + 1))
            for version, counts in (await store.monitoring.tally(line, day, champion=champion.version)).items()
        ]
        await store.monitoring.keep(days)
        await self._judge(line, champion, last)

    async def _judge(self, line: str, champion: ModelVersion, last: date) -> None:
        """Keep what the last day and those before say about the champion, and propose a retrain where it wears."""
        store, settings = self._world.store, self._world.settings
        days = await store.monitoring.history(line, version=champion.version)
        empty = MonitoredDay(line, champion.version, last, DayCounts(), self._world.clock())
        newest = next((day for day in days if day.day == last), empty)
        newest = replace(newest, surprise=await self._surprise(line, champion, last))
        found = await self._drift(line, champion, last)
        others = [day for day in days if day.day != last]
        newest = replace(newest, measures=measures([*others, newest], last, found, settings))
        await store.monitoring.keep([newest])
        worse = [one.sentence for one in newest.measures if one.state is State.WORSE]
        proposed = await store.proposals.make(line, champion.version, worse) if worse else None
        logger.info("line monitored", extra={"line": line, "worse": len(worse), "is_proposed": proposed is not None})

    async def _surprise(self, line: str, champion: ModelVersion, day: date) -> Surprise | None:
        """Over the day's new approved exchanges, those that the champion has not learnt; None where there are none."""
        found = await self._world.store.monitoring.unlearnt(
            line, *bounds(day), snapshot=champion.snapshot_hash, limit=_MOST_EXCHANGES
        )
        if not found:
            return None
        return await asyncio.to_thread(self._read, champion, [one.messages for one in found])

    def _read(self, version: ModelVersion, conversations: Sequence[Sequence[Message]]) -> Surprise | None:
        weights = loaded(self._world, version)
        use_threads(self._world.threads, weights)
        documents = [document_of(weights, messages) for messages in conversations]
        scores = score_documents(weights, [one for one in documents if one is not None])
        if not scores:
            return None
        losses = [score.loss for score in scores]
        return Surprise(
            items=len(scores),
            tokens=sum(score.tokens for score in scores),
            nats=sum(score.nats for score in scores),
            loss_sum=sum(losses),
            loss_squares=sum(loss * loss for loss in losses),
        )

    async def _drift(self, line: str, champion: ModelVersion, last: date) -> Drift | None:
        """Of the talk in the last days from what the champion learnt; None where one of both is too little to say."""
        settings = self._world.settings
        begin, _ = bounds(last - (settings.monitor_days - 1) * _A_DAY)
        texts = await self._world.store.monitoring.talk(line, begin, bounds(last)[1], limit=_MOST_MESSAGES)
        if champion.snapshot_hash is None or not texts:
            return None
        return await asyncio.to_thread(self._distance, texts, champion.snapshot_hash)

    def _distance(self, texts: Sequence[str], snapshot_hash: str) -> Drift | None:
        snapshot = SnapshotFolder(self._world.work_folder / "snapshots").read(snapshot_hash)
        if snapshot is None:
            return None
        said = [
            message.text
            for one in (*snapshot.train, *snapshot.heldout)
            for message in one.messages
            if message.role is Role.USER
        ]
        every = -(-len(said) // _MOST_MESSAGES) or 1
        recent, learnt = ([words for text in some if (words := words_of(text))] for some in (texts, said[::every]))
        if min(sum(map(len, recent)), sum(map(len, learnt))) < self._world.settings.monitor_min_words:
            return None
        return drift(recent, learnt, seed=self._world.settings.seed)
