"""A budgeted search for the settings a model grows best with, and what its runs say about time and talk. Blocks; resumes.

Every run begins with the same weights and reads the same corpus; they differ in their settings alone and are judged on
the same held-out talk. After the search, the best settings are tried on a half and a quarter of the talk and for half
of the time, which tells whether more talk or a longer run would help. It knows nothing of commands.
"""

import json
import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from storage.errors import WrongUsage
from trainer.growing.advice import Advice, advise_parts
from trainer.growing.corpus import Corpus
from trainer.growing.dataset import Dataset
from trainer.growing.estimate import fits, require_fits
from trainer.growing.power_law import Place
from trainer.growing.pretraining import Onlooker, Plan, Point, pretrain
from trainer.growing.sizes import Size
from trainer.growing.sweep_material import Material, Pace, prepare
from trainer.growing.sweep_settings import FEWEST_STEPS, Settings, Space, Trial, TrialState, space, usual_batch
from trainer.growing.sweep_study import Attempt, StopEarly, Study, open_study, require_optuna
from trainer.growing.variations import Variations
from trainer.machine import Machine, look

_PARTS = {"half": (0.5, 1.0), "quarter": (0.25, 1.0), "shorter": (1.0, 0.5)}
"""Runs after the search: which share of the talk they read, and how often compared with the best run."""
_PART_NAMES = {"half": "half of the talk", "quarter": "a quarter of the talk", "shorter": "half of the time"}
_PARTS_COST = sum(talk * readings for talk, readings in _PARTS.values())
_MOST_EPOCHS = 8.0
_MOST_AT_ONCE = 16_384
_STUDY = "study.log"


@dataclass(frozen=True, slots=True)
class SweepOrder:
    """What to search for, and with how much."""

    dataset: Dataset
    size: Size
    minutes: float
    """In all, over all sessions of the same sweep."""
    trials: int
    """At most."""
    variations: Variations = field(default_factory=Variations)
    device: str = "auto"
    seed: int = 1

    def as_record(self) -> dict[str, object]:
        """What the runs depend on; a sweep may go on with a larger budget, but not with another of these."""
        return {
            "dataset": self.dataset.content_hash,
            "size": asdict(self.size),
            "variations": asdict(self.variations),
            "seed": self.seed,
        }


@dataclass(frozen=True, slots=True)
class Sweep:
    """What came of a search."""

    space: Space
    tokens_an_epoch: int
    trials: tuple[Trial, ...]
    best: Trial | None
    """None where every run was thrown off."""
    advice: Advice | None
    """None where the budget did not reach that far."""
    seconds: float
    """Of all runs, also those of earlier sessions."""

    @property
    def gain(self) -> float | None:
        """How much lower the best held-out loss is than that of the usual settings, in nats a token."""
        usual = next((trial for trial in self.trials if trial.settings == self.space.usual), None)
        if self.best is None or usual is None or usual.heldout_loss is None or usual.state != TrialState.DONE:
            return None
        return usual.heldout_loss - (self.best.heldout_loss or math.inf)


@dataclass(frozen=True, slots=True)
class SweepOnlooker:
    """How the outside follows a sweep and stops it."""

    on_space: Callable[[Space, Pace, float], None] = lambda space, pace, tokens: None
    """Called with the tokens of the longest run, before the first."""
    on_begin: Callable[[str, Settings], None] = lambda name, settings: None
    """Called with what the run is, before it begins."""
    on_step: Callable[[int, int, float], None] = lambda step, steps, loss: None
    on_end: Callable[[Trial], None] = lambda trial: None
    check: Callable[[], None] = lambda: None
    """Asked after each step; may raise `Interrupted`. What was done is kept."""
    now: Callable[[], float] = time.monotonic


def sweep(order: SweepOrder, folder: Path, onlooker: SweepOnlooker, *, restart: bool = False) -> Sweep:
    """Search until the budget is spent, and say what was found. Goes on with what the folder has of the same sweep.

    Args:
        order: what to search for.
        folder: where the sweep's files are; made if it is missing.
        onlooker: follows and may stop it.
        restart: throw away what the folder has.

    Raises:
        WrongUsage: Optuna is missing, the budget is none or too small for one run, the size does not fit this machine,
            there is too little talk or none held out, or the folder has another sweep.
        Interrupted: it was asked to stop; the same call goes on.
    """
    _require_budget(order)
    require_optuna()
    machine = look(order.device)
    require_fits(order.size, machine, tokens_a_step=usual_batch(order.size.context))
    study = _opened(order, folder, restart=restart)
    material = prepare(order.dataset, order.size, order.variations, folder, device=order.device, seed=order.seed)
    runs = _Runs(order, material, study, folder, onlooker)
    searched = _searched(order, material, study, machine)
    onlooker.on_space(searched, material.pace, max(searched.epochs) * material.tokens_an_epoch)
    runs.search(searched)
    trials = study.trials()
    best = _best(trials)
    return Sweep(
        space=searched,
        tokens_an_epoch=material.tokens_an_epoch,
        trials=tuple(trials),
        best=best,
        advice=runs.advice(best) if best else None,
        seconds=runs.spent(),
    )


class _Runs:
    """Makes the runs of one sweep, one after another."""

    def __init__(
        self, order: SweepOrder, material: Material, study: Study, folder: Path, onlooker: SweepOnlooker
    ) -> None:
        self._order = order
        self._material = material
        self._study = study
        self._folder = folder
        self._onlooker = onlooker

    def search(self, space: Space) -> None:
        """Try settings until the budget allows no more, leaving enough of it for the runs after the search."""
        self._study.begin(space)
        while self._may_try_another():
            attempt = self._study.ask(space)
            self._onlooker.on_begin(f"trial {attempt.number + 1}", attempt.settings)
            began = self._onlooker.now()
            plan = self._plan(attempt.settings)
            judge = _Judge(attempt, plan, may_stop=attempt.settings.epochs == max(space.epochs))
            try:
                self._run("trial", attempt.settings, self._material.corpus, judge)
                is_whole = True
            except StopEarly:
                is_whole = False
            seconds = self._onlooker.now() - began
            self._onlooker.on_end(attempt.end(is_whole=is_whole, tokens=judge.tokens, seconds=seconds))
            self._forget("trial", attempt.settings)

    def advice(self, best: Trial) -> Advice | None:
        """What the best settings do with less talk and less time; None where there is no budget left to try."""
        whole = best.heldout_loss
        losses: dict[str, float] = {}
        for name, (share, readings) in _PARTS.items():
            loss = self._part(name, best.settings, share, readings)
            if loss is None:
                return None
            losses[name] = loss
        tokens = self._material.tokens_an_epoch
        places = [
            Place(tokens, math.nan if whole is None else whole),
            Place(tokens / 2, losses["half"]),
            Place(tokens / 4, losses["quarter"]),
        ]
        return advise_parts(places, shorter_loss=losses["shorter"], seed=self._order.seed)

    def spent(self) -> float:
        """Seconds of all runs so far."""
        parts = [float(item["seconds"]) for key, item in self._study.facts.items() if key.startswith("part ")]
        return sum(trial.seconds for trial in self._study.trials()) + sum(parts)

    def _may_try_another(self) -> bool:
        trials = self._study.trials()
        if len(trials) >= self._order.trials:
            return False
        whole = [trial.seconds for trial in trials if trial.state == TrialState.DONE]
        if not whole:
            return not trials or self.spent() < 60 * self._order.minutes
        return self.spent() + max(whole) * (1 + _PARTS_COST) <= 60 * self._order.minutes

    def _part(self, name: str, settings: Settings, share: float, readings: float) -> float | None:
        """The held-out loss of one run after the search; made once for the same settings."""
        key = f"part {name} {_named(settings)}"
        if key in self._study.facts:
            return float(self._study.facts[key]["heldout_loss"])
        if self.spent() > 60 * self._order.minutes:
            return None
        corpus = self._material.part(share)
        if corpus is None:
            return None
        tried = replace(settings, epochs=settings.epochs * share * readings)
        self._onlooker.on_begin(_PART_NAMES[name], tried)
        began = self._onlooker.now()
        curve = self._run(name, tried, corpus, lambda point: None)
        loss = curve[-1].heldout_loss
        if loss is None:
            return None
        self._study.note(key, {"heldout_loss": loss, "seconds": self._onlooker.now() - began})
        self._forget(name, tried)
        return loss

    def _run(self, kind: str, settings: Settings, corpus: Corpus, judge: Callable[[Point], None]) -> Sequence[Point]:
        watch = Onlooker(
            on_step=self._onlooker.on_step, on_point=judge, check=self._onlooker.check, now=self._onlooker.now
        )
        model = self._material.fresh_model()
        plan, place = self._plan(settings), self._place(kind, settings)
        return pretrain(model, corpus, self._material.heldout, plan, place, watch).curve

    def _plan(self, settings: Settings) -> Plan:
        return settings.plan(tokens_an_epoch=self._material.tokens_an_epoch, seed=self._order.seed)

    def _place(self, kind: str, settings: Settings) -> Path:
        """Checkpoints of a run, under what it is, so that a resumed one finds its own and no other's."""
        return self._folder / "runs" / f"{kind}-{_named(settings)}"

    def _forget(self, kind: str, settings: Settings) -> None:
        shutil.rmtree(self._place(kind, settings), ignore_errors=True)


class _Judge:
    """Tells a search how good a run is, at each place of its curve."""

    def __init__(self, attempt: Attempt, plan: Plan, *, may_stop: bool) -> None:
        self._attempt = attempt
        self._every = max(1, plan.steps // plan.evaluations)
        self._may_stop = may_stop
        self.tokens = 0

    def __call__(self, point: Point) -> None:
        self.tokens = point.tokens
        loss = math.nan if point.heldout_loss is None else point.heldout_loss
        # Runs of fewer readings are cheap, and behind on their way even where they are better in the end.
        self._attempt.report(loss, place=math.ceil(point.step / self._every) if self._may_stop else None)


def _named(settings: Settings) -> str:
    """A name that only these settings have, fit for a folder."""
    return "-".join(f"{value:g}" for value in asdict(settings).values())


def _best(trials: Sequence[Trial]) -> Trial | None:
    """The whole run with the lowest held-out loss."""
    whole = [trial for trial in trials if trial.state == TrialState.DONE and trial.heldout_loss is not None]
    return min(whole, key=lambda trial: trial.heldout_loss or 0.0, default=None)


def _searched(order: SweepOrder, material: Material, study: Study, machine: Machine) -> Space:
    """The space to search in, as long as the budget allows; a resumed sweep keeps its runs' length.

    Raises:
        WrongUsage: the budget is too small for one run.
    """
    tokens = study.facts.get("tokens")
    if tokens is None:
        tokens = min(
            _MOST_EPOCHS * material.tokens_an_epoch,
            material.pace.tokens_in(60 * order.minutes / (order.trials + _PARTS_COST)),
        )
    fewest = FEWEST_STEPS * usual_batch(material.corpus.width)
    if tokens < fewest:
        what = f"{order.minutes:g} minutes for {order.trials} trials leave {tokens / fewest * FEWEST_STEPS:.0f} steps"
        if _MOST_EPOCHS * material.tokens_an_epoch < fewest:
            raise WrongUsage(
                f"There is too little talk for a sweep: {material.tokens_an_epoch:,} tokens.",
                advice="Prepare more talk, or give a smaller --context.",
            )
        needed = math.ceil(material.pace.seconds_for(fewest) * (order.trials + _PARTS_COST) / 60)
        raise WrongUsage(
            f"{what} to each, which would show nothing.",
            advice=f"Allow about {needed} minutes, fewer trials, or take a smaller size.",
        )
    study.note("tokens", float(tokens))
    most = _MOST_AT_ONCE
    while most > order.size.context and not fits(order.size, machine, tokens_a_step=most):
        most //= 2
    return space(
        tokens=float(tokens),
        tokens_an_epoch=material.tokens_an_epoch,
        width=material.corpus.width,
        most_at_once=most,
    )


def _require_budget(order: SweepOrder) -> None:
    if not 0 < order.minutes < math.inf:
        raise WrongUsage(f"A sweep cannot last {order.minutes:g} minutes.", advice="Give a number above 0.")
    if order.trials < 1:
        raise WrongUsage(f"A sweep cannot have {order.trials} trials.", advice="Give a number from 1 on.")


def _opened(order: SweepOrder, folder: Path, *, restart: bool) -> Study:
    """The folder's study, if it is of the same sweep; what has no finished run yet is begun anew.

    Raises:
        WrongUsage: the folder has another sweep.
    """
    if restart:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    study = open_study(folder / _STUDY, seed=order.seed)
    left, wanted = study.facts.get("order"), json.loads(json.dumps(order.as_record()))
    if left == wanted:
        return study
    if study.trials():
        differing = ", ".join(key for key in wanted if left is None or left.get(key) != wanted[key])
        raise WrongUsage(
            f"{folder} has a sweep that differs in: {differing}.",
            advice="Give another --out, or add --restart to throw it away.",
        )
    shutil.rmtree(folder)
    folder.mkdir(parents=True)
    study = open_study(folder / _STUDY, seed=order.seed)
    study.note("order", wanted)
    return study
