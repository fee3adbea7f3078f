"""One run, from what is approved to a new champion, or to the reason why not.

    curating → building → training → evaluating → gating → publishing → promoted
                                                     └→ refused

The steps of a run are kept in its row, and what they made in its work folder, so that a run whose process died goes on
with the same snapshot, the last checkpoint and the verdict that was reached. Heavy work is done in threads. Nothing is
decided here that `curation`, `split`, `recipe` or `gate` decide.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from bot.engine.threads import use_threads
from bot.engine.weights import load_weights
from storage.errors import LeaseHeld, MynahError, Refused
from storage.registry import Lineage
from storage.values import Evaluation, ModelVersion, Run, RunState
from trainer import gate
from trainer.assets import load_assets
from trainer.checks import Check
from trainer.examples import Approved, Champion
from trainer.golden import Golden, read_golden
from trainer.interpolation import interpolate, may_mend
from trainer.journal import MOST_ATTEMPTS, Journal
from trainer.judging import Contestants, Judged, judge
from trainer.learning import Learnt, Task, learn
from trainer.loading import checked_folder, loaded
from trainer.politeness import NEWEST_TURNS, Politeness, busy_share
from trainer.progress import Interrupted, Progress, Why
from trainer.publication import Publication, foreseen_version, publish
from trainer.recipe import Recipe
from trainer.report import RunReport
from trainer.snapshots import DatasetSnapshot
from trainer.vote_stage import learn_from_votes
from trainer.world import TrainerWorld

logger = logging.getLogger(__name__)

_FINE_TUNING = 0.85
"""Of the time of training; learning from votes has the rest."""


async def work_on(
    world: TrainerWorld,
    run: Run,
    *,
    on_progress: Callable[[Run], None] | None = None,
    stop: asyncio.Event | None = None,
) -> Run:
    """Take a run, new or left by a dead process, to its end; or, once `stop` is set, to where it can go on later.

    The caller holds the trainer's lease. Whatever goes wrong becomes the run's outcome, and is not raised.
    """

    async def chat_is_busy() -> bool:
        turns = await world.store.conversations.newest(limit=NEWEST_TURNS)
        return busy_share(turns, world.clock()) >= world.settings.busy_share

    looks = chat_is_busy if world.settings.wait_minutes else None
    progress = Progress(world.store, run, on_progress, stop, looks, world.tracer)
    async with progress.followed():
        return await _Work(world, progress).through()


class _Work:
    """One run under way."""

    def __init__(self, world: TrainerWorld, progress: Progress) -> None:
        self._world = world
        self._progress = progress
        self._journal = Journal(world.work_folder / str(progress.run.id))
        self._line = progress.run.line
        self._politeness = Politeness(
            lambda: progress.chat_is_busy,
            progress.check,
            progress.say,
            patience_seconds=world.settings.wait_minutes * 60,
        )
        self._approved = Approved(world, self._line)
        self._report = RunReport(run_id=progress.run.id, outcome="", verdict="", champion=None, version=None)

    async def through(self) -> Run:
        """All of it."""
        run_id = self._progress.run.id
        try:
            return await self._steps()
        except Interrupted as interrupted:
            if interrupted.why is Why.CANCELLED:
                return await self._end(RunState.CANCELLED, "Somebody cancelled it.")
            logger.info("run interrupted", extra={"run": run_id, "why": interrupted.why.value})
            return self._progress.run
        except LeaseHeld:
            raise
        except Refused as refusal:
            return await self._end(RunState.REFUSED, str(refusal))
        except MynahError as error:
            logger.warning("run failed", extra={"run": run_id, "error": type(error).__name__})
            return await self._end(RunState.FAILED, str(error))
        except Exception as error:
            # Nobody waits for this with a debugger: the log has the traceback, people get a sentence.
            logger.exception("run failed", extra={"run": run_id})
            return await self._end(
                RunState.FAILED, f"The run failed unexpectedly ({type(error).__name__}). The trainer's log says more."
            )

    async def _steps(self) -> Run:
        attempt = await asyncio.to_thread(self._journal.begin)
        if attempt > MOST_ATTEMPTS:
            raise MynahError(
                f"The trainer's process died {MOST_ATTEMPTS} times in this run, so it is given up.",
                advice="Look into the trainer's log; often the memory is too small for the base model.",
            )
        passed = self._journal.read("passed")
        if passed is not None and self._files_of(passed).is_dir():
            return await self._publish(passed)
        pinned = await pinned_now(self._world)
        champion = await Champion.now(self._world, self._line)
        self._report = replace(self._report, champion=champion.version.version)
        snapshot = await self._snapshot(champion)
        task = await task_for(self._world, snapshot, self._journal)
        learnt = await self._learn(task)
        tried = await self._best_that_passes(task, champion, learnt, pinned)
        self._report = replace(
            self._report,
            figures=tried.judged.figures,
            comparisons=tried.judged.comparisons,
            replies=tried.judged.replies,
            checks=tried.checks,
            training={
                **self._report.training,
                "strength": tried.strength,
                "weights": tried.foreseen,
                "waited_seconds": round(self._politeness.waited_seconds, 1),
            },
        )
        await self._progress.enter(RunState.GATING, "Deciding whether it is better.")
        await self._keep_figures(tried.judged, champion.version.version, tried.foreseen)
        verdict = gate.verdict(tried.checks)
        if not tried.passed:
            raise Refused(verdict)
        promoted = replace(self._report, outcome="promoted", verdict=verdict, version=tried.foreseen)
        await asyncio.to_thread(promoted.write, self._journal.folder)
        passed = {
            "champion": champion.version.version,
            "verdict": verdict,
            "strength": tried.strength,
            "has_voted": tried.has_voted,
            "kind": learnt.kind,
            "snapshot": snapshot.content_hash,
            "report": promoted.as_json(),
        }
        await asyncio.to_thread(self._journal.note, "passed", passed)
        return await self._publish(passed)

    async def _snapshot(self, champion: Champion) -> DatasetSnapshot:
        """What is learnt: the snapshot that this run made before its process died, or a new one."""
        kept = await self._approved.kept_snapshot(self._progress.run.snapshot_hash)
        told = self._journal.read("snapshot")
        if kept is None or told is None:
            await asyncio.to_thread(self._journal.clear)
            await self._progress.enter(RunState.CURATING, "Reading and screening what was approved.")
            curated, newest_review_id = await self._approved.curated(self._progress.check, cycle=self._progress.run.id)
            await self._progress.enter(
                RunState.BUILDING,
                f"Building the snapshot from {len(curated.examples)} examples.",
                newest_review_id=newest_review_id,
            )
            kept, dropped = await self._approved.write_snapshot(curated)
            told = {"dropped": dropped}
            await asyncio.to_thread(self._journal.note, "snapshot", told)
        facts = {
            "hash": kept.content_hash,
            "train": len(kept.train),
            "heldout": len(kept.heldout),
            "new": champion.new_in(kept),
            "removed": champion.removed,
            "dropped": told["dropped"],
            "general_hash": load_assets().general_hash,
        }
        self._report = replace(self._report, snapshot=facts)
        if champion.has_learnt(kept):
            raise Refused("The model that answers now has learnt from exactly these examples.")
        return kept

    async def _learn(self, task: Task) -> Learnt:
        progress, snapshot = self._progress, task.snapshot
        await progress.enter(
            RunState.TRAINING, f"Learning {len(snapshot.train)} exchanges.", snapshot_hash=snapshot.content_hash
        )

        def tell(share: float, note: str) -> None:
            progress.tell(share * _FINE_TUNING, note)

        def once() -> Learnt:
            return learn(task, tell=tell, check=self._politeness.make_way)

        learnt = await progress.in_thread(once)
        self._report = replace(
            self._report, recipe=learnt.recipe.as_record(), training=learnt.facts, losses=learnt.losses
        )
        return learnt

    async def _best_that_passes(
        self, task: Task, champion: Champion, learnt: Learnt, pinned: Sequence[Golden]
    ) -> "_Tried":
        """The model that has learnt from votes, too, where it is no worse and passes; otherwise one that has not."""
        share = (_FINE_TUNING, 1.0)
        votes = await learn_from_votes(
            self._world, self._progress, task, learnt, share=share, check=self._politeness.make_way
        )
        why_not = votes.why_not
        if not why_not:
            note = "Comparing what has learnt from votes with the model that answers now."
            await self._progress.enter(RunState.EVALUATING, note)
            tried = await self._judge(task.snapshot, champion, learnt, pinned, 1.0, note, has_voted=True)
            why_not = "" if tried.passed else f"the gate said: {gate.verdict(tried.checks)}"
        self._report = replace(self._report, from_votes=votes.ended(why_not))
        if not why_not:
            return tried
        return await self._strongest_that_passes(task.snapshot, champion, learnt, pinned)

    async def _strongest_that_passes(
        self, snapshot: DatasetSnapshot, champion: Champion, learnt: Learnt, pinned: Sequence[Golden]
    ) -> "_Tried":
        """The first of the strengths that the gate lets through; if none, the first one, which says most about why."""
        tried: list[_Tried] = []
        for strength in self._world.settings.strengths:
            note = "Comparing it with the model that answers now."
            if tried:
                note = f"It forgot too much. Trying {strength:.0%} of the way from the base."
            await self._progress.enter(RunState.EVALUATING, note)
            if strength != 1:
                await self._progress.in_thread(partial(self._weaken, strength))
            tried.append(await self._judge(snapshot, champion, learnt, pinned, strength, note))
            if tried[-1].passed:
                return tried[-1]
            if not may_mend([one.checks for one in tried]):
                break
        return tried[0]

    def _weaken(self, strength: float) -> None:
        base = checked_folder(self._world, self._world.base_version)
        interpolate(base, self._journal.model, strength, self._journal.model_at(strength))

    async def _judge(
        self,
        snapshot: DatasetSnapshot,
        champion: Champion,
        learnt: Learnt,
        pinned: Sequence[Golden],
        strength: float,
        note: str,
        *,
        has_voted: bool = False,
    ) -> "_Tried":
        """What the gate thinks of the model at a strength, and the name that the new version will have."""
        world, progress = self._world, self._progress
        model = self._journal.voted_model if has_voted else self._journal.model_at(strength)
        foreseen = await asyncio.to_thread(foreseen_version, model, learnt.kind, world.base_version)
        was_rolled_back = await world.store.aliases.was_rolled_back(foreseen, self._line)
        origins = await self._approved.behind(snapshot)

        def on_part(share: float) -> None:
            progress.tell(share, note)
            progress.check()

        def once() -> Judged:
            return judge(
                self._contestants(champion.version, model),
                snapshot,
                champion_learnt=champion.learnt,
                champion_heard_of=champion.heard_of,
                removed=champion.removed,
                was_rolled_back=was_rolled_back,
                origins=origins,
                pinned=pinned,
                assets=load_assets(),
                screening=world.screening,
                settings=world.settings,
                on_part=on_part,
            )

        judged = await progress.in_thread(once)
        return _Tried(strength, judged, foreseen, gate.check(judged.evidence, world.settings), has_voted)

    def _contestants(self, champion: ModelVersion, model: Path) -> Contestants:
        device, base_version = self._world.device, self._world.base_version
        base_folder = checked_folder(self._world, base_version)
        base = load_weights(base_folder, device=device)
        use_threads(self._world.threads, base)
        rival = base
        if champion.version != base_version:
            rival = loaded(self._world, champion)
        return Contestants(base, rival, load_weights(model, base_folder=base_folder, device=device))

    async def _keep_figures(self, judged: Judged, champion: str, challenger: str) -> None:
        rows = [
            Evaluation(self._progress.run.id, version, name, **asdict(figures))
            for name, pair in judged.figures.items()
            for version, figures in zip((champion, challenger), pair, strict=True)
        ]
        await self._world.store.evaluations.add(rows)

    def _files_of(self, passed: Mapping[str, Any]) -> Path:
        """The model that passed the gate."""
        has_voted = bool(passed.get("has_voted"))
        return self._journal.voted_model if has_voted else self._journal.model_at(passed["strength"])

    async def _publish(self, passed: Mapping[str, Any]) -> Run:
        """Publish what passed the gate, in this process or in one that died."""
        await self._progress.enter(RunState.PUBLISHING, "Publishing the new version.")
        if not await self._approved.may_still_learn(passed["snapshot"]):
            raise Refused(
                "Somebody took back an example while the model was trained on it.", advice="Start another run."
            )
        lineage = Lineage(
            kind=passed["kind"],
            base=self._world.base_version,
            parent=passed["champion"],
            snapshot_hash=passed["snapshot"],
            run_id=self._progress.run.id,
            note=passed["verdict"],
        )
        version = await publish(
            self._world,
            Publication(self._files_of(passed), lineage, passed["champion"], passed["verdict"], self._line),
        )
        report = {**passed["report"], "version": version.version, **await self._thanks(version.version)}
        run = await self._progress.end(RunState.PROMOTED, passed["verdict"], version=version.version, report=report)
        await asyncio.to_thread(self._journal.finish)
        return run

    async def _thanks(self, version: str) -> dict[str, object]:
        """Whose votes are behind a new champion, and how many receipts of forgotten members it settles. Counts only."""
        behind = await self._world.store.votes.behind_all(version)
        settled = await self._world.store.receipts.settle()
        return {"votes": sum(behind.values()), "voters": len(behind), "receipts_settled": len(settled)}

    async def _end(self, state: RunState, note: str) -> Run:
        """Give the run an outcome other than promotion, with its report card."""
        report = replace(self._report, outcome=state.value, verdict=note)
        try:
            await asyncio.to_thread(report.write, self._journal.folder)
            await asyncio.to_thread(self._journal.finish)
        except OSError as error:  # such as a full disk: the row still says what happened
            logger.warning("report not written", extra={"run": report.run_id, "error": type(error).__name__})
        return await self._progress.end(state, note, report=report.as_json())


async def task_for(
    world: TrainerWorld, snapshot: DatasetSnapshot, journal: Journal, recipe: Recipe | None = None
) -> Task:
    """What is to be learnt of a snapshot, here; by a recipe, or by one that the settings, time and memory choose."""
    return Task(
        base_folder=await asyncio.to_thread(checked_folder, world, world.base_version),
        base_version=world.base_version,
        device=world.device,
        threads=world.threads,
        snapshot=snapshot,
        settings=world.settings,
        replay_prompts=load_assets().replay_prompts,
        replay_folder=world.work_folder / "replay",
        journal=journal,
        recipe=recipe,
    )


async def pinned_now(world: TrainerWorld) -> tuple[Golden, ...]:
    """The operator's golden conversations as they are now.

    Raises:
        WrongUsage: the file is broken; names the line.
    """
    if world.golden_file is None:
        return ()
    return await asyncio.to_thread(read_golden, world.golden_file)


@dataclass(frozen=True, slots=True)
class _Tried:
    """A model that the gate looked at."""

    strength: float
    judged: Judged
    foreseen: str
    """Its name, once it is published."""
    checks: Sequence[Check]
    has_voted: bool = False
    """Whether it has learnt from votes."""

    @property
    def passed(self) -> bool:
        """Whether it may answer."""
        return all(one.passed for one in self.checks)
