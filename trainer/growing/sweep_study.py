"""The search itself: which settings to try next, which runs to stop early; by Optuna, kept in a file of its own.

A tree-structured Parzen estimator proposes (Bergstra et al. 2011), after the usual settings and some at random; a run
that is worse than half of the others were at the same share of their way is stopped. A sweep that was interrupted
knows from its file what was tried, and tries again what was cut off. Nothing here knows how a run is made.
"""

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.errors import WrongUsage
from trainer.growing.sweep_settings import Settings, Space, Trial, TrialState

if TYPE_CHECKING:
    import optuna

_RANDOM_TRIALS = 4
_PRUNE_AFTER = 3
"""Finished runs, before any is stopped early."""
_DIVERGED_LOSS = 20.0
"""What a run that was thrown off counts as: worse than knowing nothing in any vocabulary there is."""
_STATE, _LOSS, _TOKENS, _SECONDS = "ended", "heldout_loss", "tokens", "seconds"


class StopEarly(Exception):
    """This run will not be the best; raised inside it."""


class Attempt:
    """One run that is being made."""

    def __init__(self, study: "optuna.Study", trial: "optuna.Trial", settings: Settings) -> None:
        self._study = study
        self._trial = trial
        self._loss: float | None = None
        self.settings = settings

    @property
    def number(self) -> int:
        """Counted from 0, in the order of their beginnings."""
        return self._trial.number

    def report(self, heldout_loss: float, *, place: int | None) -> None:
        """Tell how good the run is so far.

        Args:
            heldout_loss: in nats a token.
            place: the same number at the same share of the way in every run; None: not to be compared.

        Raises:
            StopEarly: it is not worth going on with.
        """
        self._loss = heldout_loss
        if not math.isfinite(heldout_loss):
            raise StopEarly
        if place is None:
            return
        self._trial.report(heldout_loss, place)
        if self._trial.should_prune():
            raise StopEarly

    def end(self, *, is_whole: bool, tokens: int, seconds: float) -> Trial:
        """Write down how it ended."""
        from optuna.trial import TrialState as OptunaState

        has_diverged = self._loss is None or not math.isfinite(self._loss)
        state = TrialState.DIVERGED if has_diverged else TrialState.DONE if is_whole else TrialState.STOPPED
        ended = {_STATE: state.value, _LOSS: None if has_diverged else self._loss, _TOKENS: tokens, _SECONDS: seconds}
        for key, value in ended.items():
            self._trial.set_user_attr(key, value)
        if state == TrialState.STOPPED:
            self._study.tell(self._trial, state=OptunaState.PRUNED)
        else:
            self._study.tell(self._trial, _DIVERGED_LOSS if has_diverged else self._loss)
        return Trial(self.number, self.settings, state, None if has_diverged else self._loss, tokens, seconds)


class Study:
    """All runs of one sweep, on the disk."""

    def __init__(self, study: "optuna.Study") -> None:
        self._study = study

    @property
    def facts(self) -> Mapping[str, Any]:
        """What was written down about the sweep as a whole."""
        return dict(self._study.user_attrs)

    def note(self, key: str, value: object) -> None:
        """Write down a fact about the sweep as a whole; anything that JSON knows."""
        self._study.set_user_attr(key, value)

    def begin(self, space: Space) -> None:
        """Queue what must be tried: the usual settings in a new sweep, and what an interruption cut off."""
        from optuna.trial import TrialState as OptunaState

        trials = self._study.get_trials(deepcopy=False)
        if not trials:
            self._study.enqueue_trial(_parameters(space.usual))
        for trial in trials:
            if trial.state == OptunaState.RUNNING:
                self._study.tell(trial.number, state=OptunaState.FAIL)
                self._study.enqueue_trial(dict(trial.params))

    def ask(self, space: Space) -> Attempt:
        """The next settings to try."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution

        trial = self._study.ask(
            {
                "learning_rate": FloatDistribution(*space.learning_rates, log=True),
                "tokens_a_step": CategoricalDistribution(space.tokens_a_step),
                "decay": CategoricalDistribution(space.decays),
                "epochs": CategoricalDistribution(space.epochs),
            }
        )
        return Attempt(self._study, trial, _settings(trial.params))

    def trials(self) -> list[Trial]:
        """The runs that ended, in the order of their beginnings."""
        return [
            Trial(
                trial.number,
                _settings(trial.params),
                TrialState(trial.user_attrs[_STATE]),
                trial.user_attrs[_LOSS],
                trial.user_attrs[_TOKENS],
                trial.user_attrs[_SECONDS],
            )
            for trial in self._study.get_trials(deepcopy=False)
            if _STATE in trial.user_attrs
        ]


def require_optuna() -> None:
    """Refuse before anything is begun where the library is missing.

    Raises:
        WrongUsage: it is not installed.
    """
    try:
        import optuna  # noqa: F401 - only whether it is there
    except ModuleNotFoundError:
        raise WrongUsage(
            "A sweep needs Optuna, which is not installed.", advice="Install it: pip install optuna"
        ) from None


def open_study(path: Path, *, seed: int) -> Study:
    """The study in a file; a new one where there is none.

    Args:
        path: of the file, which only ever grows.
        seed: of what is proposed at random.

    Raises:
        WrongUsage: Optuna is not installed.
    """
    require_optuna()
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(logging.WARNING)
    study = optuna.create_study(
        study_name="sweep",
        storage=JournalStorage(JournalFileBackend(str(path))),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_PRUNE_AFTER, n_warmup_steps=2),
        load_if_exists=True,
    )
    # A sampler begins with its seed each time; a resumed sweep must not be proposed the same ones again.
    tried = len(study.get_trials(deepcopy=False))
    study.sampler = optuna.samplers.TPESampler(seed=seed + tried, n_startup_trials=_RANDOM_TRIALS)
    return Study(study)


def _parameters(settings: Settings) -> dict[str, Any]:
    return {
        "learning_rate": settings.learning_rate,
        "tokens_a_step": settings.tokens_a_step,
        "decay": settings.decay,
        "epochs": settings.epochs,
    }


def _settings(parameters: Mapping[str, Any]) -> Settings:
    rate = float(f"{parameters['learning_rate']:.3g}")  # what is tried is what a person can type again
    return Settings(rate, int(parameters["tokens_a_step"]), float(parameters["decay"]), float(parameters["epochs"]))
