"""What may be learnt from, read from the store and checked again; and what the champion has learnt already.

Promises: consent and screening are looked at again for every snapshot, consent once more right before it is written
and once more after, so that an exchange which a member took back while screening ran is not in it.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass

from storage.candidates import content_hash
from storage.errors import MynahError, Refused, UnknownModel
from storage.governance import SHARED_LINE
from storage.values import Alias, Candidate, ModelVersion, Snapshot, Verdict
from trainer.curation import Curated, Example, curate
from trainer.snapshots import DatasetSnapshot, SnapshotFolder
from trainer.split import held_out
from trainer.world import TrainerWorld

logger = logging.getLogger(__name__)

_PAGE = 500
_SCREENED_AT_ONCE = 256
_MOST_TRIES = 5
_TAKEN_BACK = "taken back while it was read"


class Approved:
    """The approved exchanges of a line: all servers' without a model of their own, or one server's that has one."""

    def __init__(self, world: TrainerWorld, line: str = SHARED_LINE) -> None:
        self._world = world
        self._line = line
        self._folder = SnapshotFolder(world.work_folder / "snapshots")

    async def curated(self, check: Callable[[], None]) -> tuple[Curated, int]:
        """What may be learnt now, and the newest review that it takes into account.

        Args:
            check: asked between steps; raises to stop.

        Raises:
            Refused: there is nothing.
        """
        settings = self._world.settings
        newest_review_id = await self._world.store.candidates.newest_review_id()
        candidates = await self._learnable()
        verdicts = await self._screened(candidates, check)
        curated = curate(
            candidates,
            verdicts,
            sources=settings.sources,
            max_per_member=settings.max_per_member,
            max_per_cluster=settings.max_per_cluster,
        )
        return curated, newest_review_id

    async def write_snapshot(self, curated: Curated) -> tuple[DatasetSnapshot, dict[str, int]]:
        """The snapshot of what is left of some examples, on the disk and in the store; and what was dropped.

        Raises:
            Refused: nothing is left.
        """
        dropped = dict(curated.dropped)
        examples = list(curated.examples)
        for _ in range(_MOST_TRIES):
            allowed = await self._learnable_ids()
            left = [example for example in examples if example.candidate_id in allowed]
            if len(left) < len(examples):
                dropped[_TAKEN_BACK] = dropped.get(_TAKEN_BACK, 0) + len(examples) - len(left)
            examples = left
            if not examples:
                raise _nothing(dropped)
            snapshot = await asyncio.to_thread(self._write, examples)
            if {example.candidate_id for example in examples} <= await self._learnable_ids():
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
        """Those of some candidates that may be learnt from now."""
        wanted = set(candidate_ids)
        return [candidate for candidate in await self._learnable() if candidate.id in wanted]

    async def everything(self) -> list[Candidate]:
        """All that may be learnt from now, copies of one another included."""
        return await self._learnable()

    async def _is_learnable(self, digest: str) -> bool:
        ids = await self._world.store.snapshots.candidate_ids(digest)
        return bool(ids) and set(ids) <= await self._learnable_ids()

    async def _learnable(self) -> list[Candidate]:
        found: list[Candidate] = []
        while page := await self._world.store.candidates.learnable(
            self._line, after_id=found[-1].id if found else 0, limit=_PAGE
        ):
            found += page
        return found

    async def _learnable_ids(self) -> set[int]:
        return {candidate.id for candidate in await self._learnable()}

    async def _screened(self, candidates: Collection[Candidate], check: Callable[[], None]) -> dict[str, Verdict]:
        texts = list(dict.fromkeys(message.text for candidate in candidates for message in candidate.messages))
        verdicts: dict[str, Verdict] = {}
        for start in range(0, len(texts), _SCREENED_AT_ONCE):
            check()
            some = texts[start : start + _SCREENED_AT_ONCE]
            verdicts.update(zip(some, await self._world.screening.check(some), strict=True))
        return verdicts

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
        await self._world.store.snapshots.add(row, [example.candidate_id for example in examples])


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
        current = await approved.current(ids)
        removed = len(ids) - len(current)
        if snapshot is None:  # purged, because somebody took something back: what is left of it is still no news
            hashes = frozenset(content_hash(candidate.messages) for candidate in current)
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
