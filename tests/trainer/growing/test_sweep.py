"""A sweep of a tiny model: finds, recommends, advises, resumes, and refuses what cannot work before it begins."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from storage.errors import WrongUsage
from tests.trainer.growing.conftest import WriteDataset
from trainer.growing import sweep as sweeping
from trainer.growing import sweep_material, sweep_settings
from trainer.growing.dataset import Dataset, Talk
from trainer.growing.sizes import choose_size
from trainer.growing.sweep import SweepOnlooker, SweepOrder, sweep
from trainer.growing.sweep_settings import Settings, Trial, TrialState
from trainer.machine import Machine
from trainer.progress import Interrupted, Why

TINY = choose_size("nano", vocabulary=300, context=32, layers=1, hidden=16, heads=2, feed_forward=32)


class Clock:
    """A hundredth of a second for each look."""

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        self._now += 0.01
        return self._now


@pytest.fixture(autouse=True)
def short_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handful of small steps are a run here, and the machine always seems to be as fast."""
    small = replace(sweep_settings._USUAL, tokens_a_step=64)
    monkeypatch.setattr(sweep_settings, "_USUAL", small)
    monkeypatch.setattr(sweep_settings, "FEWEST_STEPS", 4)
    monkeypatch.setattr(sweeping, "FEWEST_STEPS", 4)
    monkeypatch.setattr(sweep_material, "_pace", lambda *_: sweep_material.Pace(100.0, 0.0))


@pytest.fixture
def talk(write_dataset: WriteDataset, animals: list[Talk]) -> Dataset:
    return write_dataset(animals[:-6], animals[-6:])


@pytest.fixture
def search_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the runs after the search."""
    monkeypatch.setattr(sweeping._Runs, "advice", lambda *_: None)


def order(dataset: Dataset, *, minutes: float = 0.4, trials: int = 3, **more: Any) -> SweepOrder:
    return SweepOrder(dataset=dataset, size=TINY, minutes=minutes, trials=trials, device="cpu", **more)


class Watching:
    """What a sweep did, by what it told."""

    def __init__(self, stop_in: int | None = None) -> None:
        self.begun: list[tuple[str, Settings]] = []
        self.ended: list[Trial] = []
        self.steps = 0
        self._stop_in = stop_in
        self.onlooker = SweepOnlooker(
            on_begin=lambda name, settings: self.begun.append((name, settings)),
            on_step=self._step,
            on_end=self.ended.append,
            check=self._check,
            now=Clock(),
        )

    def _step(self, step: int, steps: int, loss: float) -> None:
        self.steps += 1

    def _check(self) -> None:
        if self._stop_in is not None and self.steps >= self._stop_in:
            raise Interrupted(Why.STOPPING)


def test_a_sweep_tries_recommends_and_advises_and_has_nothing_left_to_do(talk: Dataset, tmp_path: Path) -> None:
    watching = Watching()
    found = sweep(order(talk, trials=2), tmp_path / "sweep", watching.onlooker)
    assert len(found.trials) == 2
    assert found.trials[0].settings == found.space.usual
    assert found.best is not None
    done = [trial for trial in found.trials if trial.state == TrialState.DONE]
    assert found.best.heldout_loss == min(trial.heldout_loss or 0.0 for trial in done)
    assert found.gain is not None
    assert found.gain >= 0
    assert found.advice is not None
    assert [name for name, _ in watching.begun][-3:] == [
        "half of the talk",
        "a quarter of the talk",
        "half of the time",
    ]
    assert tuple(watching.ended) == found.trials
    assert not list((tmp_path / "sweep").glob("runs/*")), "checkpoints were left behind"
    again = Watching()
    assert sweep(order(talk, trials=2), tmp_path / "sweep", again.onlooker) == found
    assert again.steps == 0


@pytest.mark.usefixtures("search_only")
def test_the_same_seed_finds_the_same(talk: Dataset, tmp_path: Path) -> None:
    first, second = (sweep(order(talk, trials=2), tmp_path / name, Watching().onlooker) for name in ("one", "two"))
    assert [trial.heldout_loss for trial in first.trials] == [trial.heldout_loss for trial in second.trials]


@pytest.mark.usefixtures("search_only")
def test_more_trials_go_on_where_it_ended(talk: Dataset, tmp_path: Path) -> None:
    first = sweep(order(talk, trials=1), tmp_path / "sweep", Watching().onlooker)
    watching = Watching()
    second = sweep(order(talk, trials=2), tmp_path / "sweep", watching.onlooker)
    assert second.trials[0] == first.trials[0]
    assert len(watching.ended) == 1
    assert second.space == first.space, "runs of one sweep are equally long, whatever the budget became"


@pytest.mark.usefixtures("search_only")
def test_an_interrupted_sweep_ends_as_if_it_had_not_been(talk: Dataset, tmp_path: Path) -> None:
    whole = sweep(order(talk, trials=1), tmp_path / "whole", Watching().onlooker)
    with pytest.raises(Interrupted):
        sweep(order(talk, trials=1), tmp_path / "cut", Watching(stop_in=5).onlooker)
    watching = Watching()
    resumed = sweep(order(talk, trials=1), tmp_path / "cut", watching.onlooker)
    assert resumed.best is not None
    assert whole.best is not None
    assert resumed.best.settings == whole.best.settings
    assert resumed.best.heldout_loss == whole.best.heldout_loss
    assert watching.begun[0][1] == whole.best.settings


@pytest.mark.usefixtures("search_only")
def test_a_spent_budget_ends_the_search(talk: Dataset, tmp_path: Path) -> None:
    sweep(order(talk, trials=1), tmp_path / "sweep", Watching().onlooker)
    watching = Watching()
    found = sweep(order(talk, minutes=0.001, trials=9), tmp_path / "sweep", watching.onlooker)
    assert len(found.trials) == 1
    assert not watching.begun
    assert found.seconds > 60 * 0.001


@pytest.mark.usefixtures("search_only")
def test_another_sweep_in_the_folder_is_refused_and_thrown_away_on_demand(talk: Dataset, tmp_path: Path) -> None:
    sweep(order(talk, trials=1), tmp_path / "sweep", Watching().onlooker)
    with pytest.raises(WrongUsage, match=r"differs in: seed.*--restart"):
        sweep(order(talk, trials=1, seed=2), tmp_path / "sweep", Watching().onlooker)
    found = sweep(order(talk, trials=1, seed=2), tmp_path / "sweep", Watching().onlooker, restart=True)
    assert len(found.trials) == 1


@pytest.mark.usefixtures("search_only")
def test_what_never_finished_a_run_gives_way_to_another_sweep(talk: Dataset, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        sweep(order(talk, trials=1), tmp_path / "sweep", Watching(stop_in=2).onlooker)
    found = sweep(order(talk, trials=1, seed=2), tmp_path / "sweep", Watching().onlooker)
    assert len(found.trials) == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"minutes": 0.0}, "0 minutes"),
        ({"minutes": -1.0}, "-1 minutes"),
        ({"minutes": float("nan")}, "nan minutes"),
        ({"trials": 0}, "0 trials"),
    ],
    ids=lambda value: str(value),
)
def test_no_budget_is_refused_before_anything_is_written(
    talk: Dataset, tmp_path: Path, change: dict[str, Any], told: str
) -> None:
    with pytest.raises(WrongUsage, match=told):
        sweep(replace(order(talk), **change), tmp_path / "sweep", Watching().onlooker)
    assert not (tmp_path / "sweep").exists()


def test_a_budget_too_small_for_a_run_says_what_would_do(talk: Dataset, tmp_path: Path) -> None:
    with pytest.raises(WrongUsage, match=r"0.001 minutes for 3 trials.*Allow about \d+ minutes"):
        sweep(order(talk, minutes=0.001), tmp_path / "sweep", Watching().onlooker)


def test_a_size_that_does_not_fit_is_refused_before_anything_is_written(
    talk: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "look", lambda device: Machine("cpu", "CPU", 10**6, 10**6))
    with pytest.raises(WrongUsage, match="to train and this machine has"):
        sweep(order(talk), tmp_path / "sweep", Watching().onlooker)
    assert not (tmp_path / "sweep").exists()


@pytest.mark.parametrize(
    ("learnt", "kept", "told"),
    [
        (lambda talks: [], lambda talks: talks[:6], "nothing to learn"),
        (lambda talks: talks[:1], lambda talks: talks[:6], "talk"),
        (lambda talks: talks, lambda talks: [], "nothing held out"),
    ],
    ids=["no talk", "one conversation", "nothing held out"],
)
def test_too_little_talk_is_refused(
    write_dataset: WriteDataset,
    animals: list[Talk],
    tmp_path: Path,
    learnt: Callable[[list[Talk]], list[Talk]],
    kept: Callable[[list[Talk]], list[Talk]],
    told: str,
) -> None:
    dataset = write_dataset(learnt(animals), kept(animals))
    with pytest.raises(WrongUsage, match=told):
        sweep(order(dataset), tmp_path / "sweep", Watching().onlooker)


def test_where_every_run_is_thrown_off_nothing_is_recommended(
    talk: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.growing.pretraining.heldout_loss", lambda *_: float("nan"))
    found = sweep(order(talk, trials=2), tmp_path / "sweep", Watching().onlooker)
    assert [trial.state for trial in found.trials] == [TrialState.DIVERGED] * 2
    assert found.best is None
    assert found.advice is None
    assert found.gain is None
