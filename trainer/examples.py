"""What may be learnt from, read from the store and checked again; and what the champion has learnt already.

Promises: whose words may be learnt is asked of the store for every snapshot, once more right before it is written and
once more after, so that an exchange which a member took back while screening ran is not in it. Screening and curation
look at what is new, or at what something has changed; what became of it is kept (`storage.curations`).
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from storage.candidates import content_hash
from storage.curation_values import COMES_BACK, Beside, LeftOutBecause, NewCuration, Pending, Record, Taken
from storage.errors import MynahError, Refused, UnknownModel
from storage.governance import SHARED_LINE
from storage.values import Alias, Candidate, ModelVersion, Snapshot, Source, Verdict
from trainer.curation import Curated, Example, as_learnt, curate, in_turns, rules_of
from trainer.origins import Origins
from trainer.snapshots import DatasetSnapshot, SnapshotFolder, lineage
from trainer.split import HELD_OUT, TRAIN, held_out
from trainer.trust import trust
from trainer.world import TrainerWorld

logger = logging.getLogger(__name__)

_LOOKED_AT_ONCE = 256
"""Candidates: what is on its way when a run is stopped is looked at again."""
_MOST_TRIES = 5
_TAKEN_BACK = "taken back while it was read"


class Approved:
    """The approved exchanges of a line: all servers' without a model of their own, or one server's that has one."""

    def __init__(self, world: TrainerWorld, line: str = SHARED_LINE) -> None:
        self._world = world
        self._line = line
        self._folder = SnapshotFolder(world.work_folder / "snapshots")

    async def curated(self, check: Callable[[], None], *, cycle: int = 0) -> tuple[Curated, int]:
        """What may be learnt now, and the newest review that it takes into account.

        Args:
            check: asked between steps; raises to stop.
            cycle: the number of the run: quarantine ends, and caps of a cycle begin anew, with the next one.
        """
        store, settings = self._world.store, self._world.settings
        newest_review_id = await store.candidates.newest_review_id()
        rules, left = await self.look(check, cycle=cycle)
        taken = await store.curations.taken(self._line, rules, limit=settings.max_examples)
        dropped = await store.curations.left_out(self._line)
        if left:
            dropped[LeftOutBecause.CYCLE_FULL.value] = left
        return Curated(tuple(_example(one) for one in taken), dropped), newest_review_id

    async def look(self, check: Callable[[], None], *, cycle: int = 0) -> tuple[str, int]:
        """Decide about what is new or has changed, and keep what became of it; arguments as for `curated`.

        Returns:
            The name of the rules that hold, and how many wait on because the cycle is full.
        """
        store = self._world.store
        rules = rules_of(self._world.settings, self._world.screening.version, store.server_defaults)
        known = _Known(rules, cycle, await self._look_at_trust())
        left = 0
        for _ in range(_MOST_TRIES):  # what is left out at a second look makes room for others
            pending = await store.curations.pending(self._line, rules)
            waiting = in_turns([one for one in pending if one.candidate_id not in known.only_waits])
            if not waiting or left:
                break
            left = await self._look_at(waiting, known, check)
        return rules, left

    async def _look_at_trust(self) -> dict[str, Record]:
        """Look again at the talk of members who are trusted no more, or again, since the last run.

        Returns:
            The records that were looked at for this.
        """
        store, line = self._world.store, self._line
        if not self._world.settings.min_trust:
            return {}
        members = await store.curations.members_reviewed_after(line, await store.runs.newest_review_learnt(line))
        records = await store.curations.records(members)
        lost = [key for key, record in records.items() if trust(record) < self._world.settings.min_trust]
        await store.curations.look_again_at_members(lost, distrusted=True)
        await store.curations.look_again_at_members([key for key in members if key not in lost], distrusted=False)
        return records

    async def _look_at(self, waiting: Sequence[Pending], known: "_Known", check: Callable[[], None]) -> int:
        """Decide about what waits and keep what became of it; returns how many wait on because the cycle is full."""
        room = self._world.settings.max_per_cycle
        at = 0
        while at < len(waiting):
            check()
            some = waiting[at : at + _LOOKED_AT_ONCE]
            talk = [one for one in some if _is_new_talk(one)]
            if len(talk) > room:  # as many as can be taken; those of them that are left out leave room for the next
                some = some[: some.index(talk[room])]
            if not some:
                return len(waiting) - at
            outcomes = await self._look_at_some(some, known)
            kept = {one.candidate_id for one in outcomes if not one.reason}
            known.only_waits.update(one.candidate_id for one in outcomes if one.reason in COMES_BACK)
            room -= sum(one.candidate_id in kept for one in talk)
            at += len(some)
        return 0

    async def _look_at_some(self, some: Sequence[Pending], known: "_Known") -> list[NewCuration]:
        """Decide about some, as far as they may still be learnt."""
        store, world = self._world.store, self._world
        found = {one.id: one for one in await self.current([one.candidate_id for one in some])}
        candidates = [found[one.candidate_id] for one in some if one.candidate_id in found]
        verdicts = await self._screened(candidates)
        digests = [content_hash(as_learnt(one, verdicts)) for one in candidates]
        beside = await store.curations.beside(self._line, candidates, digests, known.cycle, known.records)
        known.records.update({key: standing.record for key, standing in beside.members.items()})
        kept_before = {one.candidate_id for one in some if one.was_kept}
        outcomes = await self._decided(candidates, verdicts, beside, kept_before)
        await store.curations.keep(
            outcomes, cycle=known.cycle, rules=known.rules, screen_version=world.screening.version
        )
        return outcomes

    async def _decided(
        self,
        candidates: Sequence[Candidate],
        verdicts: Mapping[str, Verdict],
        beside: Beside,
        kept_before: Collection[int],
    ) -> list[NewCuration]:
        """What becomes of some candidates; in a thread, since comparing takes a while."""
        settings, at = self._world.settings, self._world.clock()
        return await asyncio.to_thread(
            lambda: curate(candidates, verdicts, settings, at=at, beside=beside, kept_before=kept_before)
        )

    async def write_snapshot(self, curated: Curated) -> tuple[DatasetSnapshot, dict[str, int]]:
        """The snapshot of what is left of some examples, on the disk and in the store; and what was dropped.

        Raises:
            Refused: nothing is left.
        """
        dropped = dict(curated.dropped)
        examples = list(curated.examples)
        for _ in range(_MOST_TRIES):
            allowed = await self._allowed(examples)
            left = [example for example in examples if example.candidate_id in allowed]
            if len(left) < len(examples):
                dropped[_TAKEN_BACK] = dropped.get(_TAKEN_BACK, 0) + len(examples) - len(left)
            examples = left
            if not examples:
                raise _nothing(dropped)
            snapshot = await asyncio.to_thread(self._write, examples)
            if len(await self._allowed(examples)) == len(examples):
                await self._add_row(snapshot, examples)
                return snapshot, dropped
        raise MynahError("Examples are taken back faster than a snapshot can be written.", advice="Try again later.")

    async def kept_snapshot(self, digest: str | None) -> DatasetSnapshot | None:
        """A snapshot that an earlier process wrote, if it is whole and all of it may still be learnt from."""
        if digest is None:
            return None
        snapshot = await asyncio.to_thread(self._folder.read, digest)
        if snapshot is None or not await self._is_learnable(digest):
            return None
        return snapshot

    async def may_still_learn(self, digest: str) -> bool:
        """Whether everything in a snapshot may be learnt from now."""
        return await self._is_learnable(digest)

    def on_disk(self, digest: str) -> DatasetSnapshot | None:
        """A snapshot as it lies on the disk, whoever's words it holds. Blocks."""
        return self._folder.read(digest)

    async def current(self, candidate_ids: Collection[int]) -> list[Candidate]:
        """Those of some candidates that may be learnt from now, by id."""
        return await self._world.store.candidates.learnable_of(self._line, candidate_ids)

    async def learnable_among(self, candidate_ids: Collection[int]) -> set[int]:
        """The ids of those of some candidates that may be learnt from now."""
        return await self._world.store.candidates.learnable_ids(self._line, candidate_ids)

    async def behind(self, snapshot: DatasetSnapshot) -> Origins:
        """Who is behind a snapshot's examples: all who may be learnt from and said the same, copies left out included."""
        hashes = {one.content_hash for one in (*snapshot.train, *snapshot.heldout)}
        saying = await self._world.store.curations.saying(self._line, hashes)
        return Origins.of((saying[candidate.id], candidate) for candidate in await self.current(saying))

    async def _is_learnable(self, digest: str) -> bool:
        ids = await self._world.store.snapshots.candidate_ids(digest)
        return bool(ids) and await self.learnable_among(ids) == set(ids)

    async def _allowed(self, examples: Sequence[Example]) -> set[int]:
        return await self.learnable_among([example.candidate_id for example in examples])

    async def _screened(self, candidates: Collection[Candidate]) -> dict[str, Verdict]:
        texts = list(dict.fromkeys(message.text for candidate in candidates for message in candidate.messages))
        verdicts = await self._world.screening.check(texts) if texts else []
        return dict(zip(texts, verdicts, strict=True))

    def _write(self, examples: list[Example]) -> DatasetSnapshot:
        sides = held_out(examples, share=self._world.settings.heldout_share)
        snapshot = DatasetSnapshot.of(examples, sides, self._line)
        self._folder.purge({example.content_hash for example in examples}, self._line)
        self._folder.write(snapshot)
        return snapshot

    async def _add_row(self, snapshot: DatasetSnapshot, examples: list[Example]) -> None:
        path = self._folder.path(snapshot.content_hash)
        row = Snapshot(
            content_hash=snapshot.content_hash,
            folder=path.relative_to(self._world.work_folder.parent).as_posix(),
            train_examples=len(snapshot.train),
            heldout_examples=len(snapshot.heldout),
            created_at=self._world.clock(),
            line=self._line,
        )
        await self._world.store.snapshots.add(row, lineage(snapshot))
        new = {example.candidate_id for example in examples if not example.side}
        sides = {one.candidate_id: TRAIN for one in snapshot.train} | {
            one.candidate_id: HELD_OUT for one in snapshot.heldout
        }
        await self._world.store.curations.fix_sides({key: side for key, side in sides.items() if key in new})


@dataclass(frozen=True, slots=True)
class _Known:
    """What one look knows from its beginning to its end."""

    rules: str
    cycle: int
    records: dict[str, Record]
    """Of the members met so far."""
    only_waits: set[int] = field(default_factory=set)
    """Candidates that can only be taken in a later cycle."""


def _is_new_talk(one: Pending) -> bool:
    return not one.was_kept and one.source is not Source.IMPORT


def _example(one: Taken) -> Example:
    return Example(
        candidate_id=one.candidate_id,
        messages=one.messages,
        content_hash=one.digest,
        source=one.source,
        author_keys=one.author_keys,
        place=f"{one.server}\n{one.channel}",
        cluster=one.cluster,
        side=one.side,
    )


def _nothing(dropped: dict[str, int]) -> Refused:
    told = "; ".join(f"{count} × {reason}" for reason, count in sorted(dropped.items()))
    because = f" ({told})" if told else ""
    return Refused(f"There is nothing approved to learn from{because}.", advice="Review some examples first.")


@dataclass(frozen=True, slots=True)
class Champion:
    """The version that answers now, and what it was made of."""

    version: ModelVersion
    base_version: str
    learnt: frozenset[str]
    """Content hashes of what it learnt."""
    heard_of: frozenset[str]
    """Of that and what was held out from it."""
    removed: int
    """How many of these examples may no longer be learnt from."""

    @classmethod
    async def now(cls, world: TrainerWorld, line: str = SHARED_LINE) -> "Champion":
        """The champion of a line as it is; on a server's own line that has none yet, the base answers.

        Raises:
            UnknownModel: the shared line has none.
        """
        name = await world.store.aliases.current(Alias.CHAMPION, line)
        if name is None and line != SHARED_LINE:
            name = world.base_version
        if name is None:
            raise UnknownModel("There is no champion to compare with.", advice="Run `mynah doctor`.")
        version = await world.registry.resolve(name)
        if version.snapshot_hash is None:
            return cls(version, world.base_version, frozenset(), frozenset(), 0)
        approved = Approved(world, line)
        snapshot = await asyncio.to_thread(approved.on_disk, version.snapshot_hash)
        ids = await world.store.snapshots.candidate_ids(version.snapshot_hash)
        removed = len(ids) - len(await approved.learnable_among(ids))
        if snapshot is None:  # purged, because somebody took something back: what is left of it is still no news
            hashes = frozenset(content_hash(candidate.messages) for candidate in await approved.current(ids))
            return cls(version, world.base_version, hashes, hashes, removed)
        learnt = frozenset(one.content_hash for one in snapshot.train)
        heard_of = learnt | {one.content_hash for one in snapshot.heldout}
        return cls(version, world.base_version, learnt, heard_of, removed)

    def new_in(self, snapshot: DatasetSnapshot) -> int:
        """How many examples of a snapshot are new since this version."""
        return sum(one.content_hash not in self.heard_of for one in (*snapshot.train, *snapshot.heldout))

    def has_learnt(self, snapshot: DatasetSnapshot) -> bool:
        """Whether it was made from just this snapshot and the base of today."""
        return self.version.snapshot_hash == snapshot.content_hash and self.version.base == self.base_version
