"""The whole story: day after day people talk, moderators review, people take things back; at night the trainer works.

Promise: the same order over the same settings tells the same story, on the same machine.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from mynah.settings import Settings
from mynah.simulation.community import Community, open_community
from mynah.simulation.day import Day
from mynah.simulation.measuring import Measured, champion_of, load_version, measure
from mynah.simulation.onlooker import Onlooker
from mynah.simulation.order import Order, Poison
from mynah.simulation.promises import broken_promises
from mynah.simulation.reviewing import Reviewing
from mynah.simulation.story import STAGES, Round, Story, Verdict
from mynah.simulation.talk import read_talk
from storage.values import Candidate, CandidateState, Message, Run
from trainer.serving import train_now
from trainer.snapshots import SnapshotFolder

_SECONDS_TO_NIGHT = 3600.0


async def simulate(order: Order, settings: Settings, onlooker: Onlooker | None = None) -> Story:
    """Tell the story of a community.

    Args:
        order: the community.
        settings: of `settings_in`: a home of its own.
        onlooker: who watches.

    Raises:
        WrongUsage: the dialogue cannot be read.
        MynahError: whatever is missing or damaged, and what to do about it.
    """
    talk = await asyncio.to_thread(read_talk, order.data, order.seed)
    async with open_community(order, talk, settings) as community:
        return await _Telling(community, onlooker or Onlooker()).through()


class _Telling:
    """A story under way."""

    def __init__(self, community: Community, onlooker: Onlooker) -> None:
        self._community = community
        self._onlooker = onlooker
        self._decks = community.talk.dealt_to(community.order.members)
        self._measured: dict[str, Measured] = {}
        self._poison_of: dict[str, dict[Poison, int]] = {}

    async def through(self) -> Story:
        """All days."""
        community = self._community
        story = Story(
            order=community.order.as_record(),
            cast=community.cast,
            conversations=len(community.talk.said),
            held_out=len(community.talk.held_out),
            before=await self._measure(community.base_version),
        )
        for number in range(1, community.order.rounds + 1):
            story.rounds.append(await self._round(number))
            self._onlooker.on_round(story.rounds[-1])
        return story

    async def _round(self, number: int) -> Round:
        community, onlooker = self._community, self._onlooker
        date = community.clock().date().isoformat()
        onlooker.on_day(number, f"{community.clock():%A, %d %B}")
        day, reviewing = Day(community, number, self._decks, onlooker), Reviewing(community, number, onlooker)
        await day.talk()
        onlooker.on_told("talk", _talked(day.counts))
        await reviewing.through()
        onlooker.on_told("review", _reviewed(reviewing.counts))
        await day.take_back()
        if day.privacy:
            onlooker.on_told("people", "; ".join(day.privacy) + ".")
        community.clock.pass_seconds(_SECONDS_TO_NIGHT)
        run = await train_now(community.trainer, by="schedule", on_progress=onlooker.on_run)
        await community.watch.look()
        onlooker.on_part("measuring", 0, 0)
        measured = await self._measure(await champion_of(community))
        found = Round(
            number=number,
            date=date,
            talk=dict(day.counts),
            review=dict(reviewing.counts),
            privacy=tuple(day.privacy),
            poison=await self._poison(run, measured.version),
            verdict=_verdict(run),
            measured=measured,
            broken=tuple(await broken_promises(community, run, measured)),
        )
        community.clock.sleep()
        return found

    async def _measure(self, version: str) -> Measured:
        """A version's figures, measured once."""
        if version not in self._measured:
            community = self._community
            weights = await load_version(community, version)
            held_out = [one.messages for one in community.talk.held_out]
            self._measured[version] = await asyncio.to_thread(measure, version, weights, held_out, community.order.seed)
        return self._measured[version]

    async def _poison(self, run: Run, champion: str) -> dict[str, dict[Poison, int]]:
        """How far poison came, by stage and kind."""
        book = self._community.book
        kept: list[tuple[Message, ...]] = []
        approved: list[tuple[Message, ...]] = []
        async for candidate in self._candidates():
            kept.append(candidate.messages)
            if candidate.state is CandidateState.APPROVED:
                approved.append(candidate.messages)
        learnt = await asyncio.to_thread(self._learnt, run.snapshot_hash)
        in_training = book.poison_in(learnt)
        if run.version is not None:
            self._poison_of[run.version] = in_training
        stages = (
            book.poison_written(),
            book.poison_in(kept),
            book.poison_in(approved),
            in_training,
            self._poison_of.get(champion, {}),
        )
        return dict(zip(STAGES, stages, strict=True))

    async def _candidates(self) -> AsyncIterator[Candidate]:
        for state in CandidateState:
            after = 0
            while page := await self._community.world.store.candidates.by_state(state, after_id=after):
                for one in page:
                    yield one
                after = page[-1].id

    def _learnt(self, digest: str | None) -> list[tuple[Message, ...]]:
        """What a run's snapshot would have the model say. Blocks."""
        folder = SnapshotFolder(self._community.trainer.work_folder / "snapshots")
        snapshot = None if digest is None else folder.read(digest)
        return [] if snapshot is None else [one.messages for one in snapshot.train]


def _verdict(run: Run) -> Verdict:
    report: Any = run.report or {}
    snapshot = report.get("snapshot") or {}
    return Verdict(
        state=run.state,
        sentence=run.note,
        failed=tuple(check["name"] for check in report.get("checks", ()) if not check["passed"]),
        version=run.version,
        learnt=snapshot.get("train", 0),
        judged_by=snapshot.get("heldout", 0),
        left_out=dict(snapshot.get("dropped", {})),
    )


def _talked(counts: Counter[str]) -> str:
    refused = counts["refusal"] + counts["correction refused"]
    return (
        f"{counts['messages']} messages and {counts['corrections']} better answers were written, {counts['votes']} votes "
        f"cast; the screens turned {refused} away, consent {counts['correction no-consent']}."
    )


def _reviewed(counts: Counter[str]) -> str:
    return (
        f"moderators approved {counts['approve']}, mended {counts['edit']}, turned {counts['reject']} down and left "
        f"{counts['left']}; {counts['mistakes']} were mistakes."
    )
