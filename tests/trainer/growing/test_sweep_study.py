"""A search proposes within its space, stops what is behind, remembers across processes, and tries again what was cut off."""

import builtins
import math
from pathlib import Path
from typing import Any

import pytest

from storage.errors import WrongUsage
from trainer.growing.sweep_settings import Settings, Space, TrialState
from trainer.growing.sweep_study import Attempt, StopEarly, Study, open_study

USUAL = Settings(0.02, 64, 0.6, 2.0)
SPACE = Space(USUAL, (0.004, 0.08), (32, 64), (0.2, 0.6), (1.0, 2.0))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "study.log"


def begun(path: Path) -> Study:
    study = open_study(path, seed=1)
    study.begin(SPACE)
    return study


def finish(attempt: Attempt, loss: float, places: int = 4) -> None:
    """A run to its end, unless it is stopped before."""
    is_whole = True
    try:
        for place in range(1, places + 1):
            attempt.report(loss + 1 / place, place=place)
        attempt.report(loss, place=places + 1)
    except StopEarly:
        is_whole = False
    attempt.end(is_whole=is_whole, tokens=1000, seconds=2.0)


def badness(settings: Settings) -> float:
    """Lowest at a learning rate of 0.04."""
    return 2.0 + abs(math.log(settings.learning_rate / 0.04))


def test_the_usual_settings_are_tried_first(path: Path) -> None:
    assert begun(path).ask(SPACE).settings == USUAL


def test_all_that_is_proposed_lies_in_the_space(path: Path) -> None:
    study = begun(path)
    for _ in range(12):
        attempt = study.ask(SPACE)
        assert 0.004 <= attempt.settings.learning_rate <= 0.08
        assert attempt.settings.tokens_a_step in SPACE.tokens_a_step
        assert attempt.settings.decay in SPACE.decays
        assert attempt.settings.epochs in SPACE.epochs
        finish(attempt, badness(attempt.settings))


def test_the_search_comes_closer_to_what_is_best(path: Path) -> None:
    study = begun(path)
    for _ in range(24):
        attempt = study.ask(SPACE)
        attempt.end(is_whole=_reported(attempt), tokens=1, seconds=1.0)
    found = [badness(trial.settings) for trial in study.trials()]
    assert min(found) < 2.15 < found[0]


def _reported(attempt: Attempt) -> bool:
    attempt.report(badness(attempt.settings), place=None)
    return True


def test_what_is_behind_the_others_is_stopped(path: Path) -> None:
    study = begun(path)
    for _ in range(3):
        finish(study.ask(SPACE), 2.0)
    attempt = study.ask(SPACE)
    attempt.report(9.0, place=1)
    with pytest.raises(StopEarly):
        attempt.report(9.0, place=2)
    assert attempt.end(is_whole=False, tokens=20, seconds=1.0).state == TrialState.STOPPED


def test_what_is_not_compared_is_not_stopped(path: Path) -> None:
    study = begun(path)
    for _ in range(3):
        finish(study.ask(SPACE), 2.0)
    attempt = study.ask(SPACE)
    attempt.report(9.0, place=None)
    assert attempt.end(is_whole=True, tokens=20, seconds=1.0).state == TrialState.DONE


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_ends_the_run_and_is_remembered_as_that(path: Path, loss: float) -> None:
    attempt = begun(path).ask(SPACE)
    with pytest.raises(StopEarly):
        attempt.report(loss, place=1)
    attempt.end(is_whole=False, tokens=20, seconds=1.0)
    [trial] = open_study(path, seed=1).trials()
    assert trial.state == TrialState.DIVERGED
    assert trial.heldout_loss is None


def test_another_process_knows_what_was_tried(path: Path) -> None:
    study = begun(path)
    study.note("tokens", 5.0)
    finish(study.ask(SPACE), 2.5)
    again = begun(path)
    [trial] = again.trials()
    assert (trial.number, trial.settings, trial.heldout_loss, trial.seconds) == (0, USUAL, 2.5, 2.0)
    assert again.facts["tokens"] == 5.0


def test_what_was_cut_off_is_tried_again_first(path: Path) -> None:
    study = begun(path)
    finish(study.ask(SPACE), 2.5)
    cut_off = study.ask(SPACE)
    again = begun(path)
    assert again.ask(SPACE).settings == cut_off.settings
    assert len(again.trials()) == 1


def test_a_resumed_search_proposes_something_new(path: Path) -> None:
    study = begun(path)
    finish(study.ask(SPACE), 2.5)
    first = study.ask(SPACE)
    finish(first, 2.4)
    assert begun(path).ask(SPACE).settings != first.settings


def test_the_same_seed_proposes_the_same(tmp_path: Path) -> None:
    proposed: list[list[Settings]] = []
    for name in ("one", "two"):
        study = begun(tmp_path / name)
        proposed.append([])
        for _ in range(4):
            attempt = study.ask(SPACE)
            finish(attempt, badness(attempt.settings))
            proposed[-1].append(attempt.settings)
    assert proposed[0] == proposed[1]


def test_without_optuna_it_says_what_to_install(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "optuna":
            raise ModuleNotFoundError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(WrongUsage, match=r"needs Optuna.*pip install optuna"):
        open_study(path, seed=1)
    assert not path.exists()
