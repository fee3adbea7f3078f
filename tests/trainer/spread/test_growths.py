"""A model grown by two processes is the one that a single process grows; dying and stopping change nothing about that."""

import os
import signal
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # it ships no types
import pytest
import torch

from storage.errors import MynahError, WrongUsage
from tests.trainer.spread.group_cases import WIDTH, small_corpus, small_model
from trainer.growing.pretraining import Grown, Onlooker, Plan, Point, pretrain
from trainer.progress import Interrupted, Why
from trainer.spread import launching
from trainer.spread.choice import Spread
from trainer.spread.growths import pretrain_together
from trainer.training import last_checkpoint

pytestmark = pytest.mark.timeout(900)  # each start imports torch three times: seconds, on a busy machine minutes
PLAN = Plan(steps=30, tokens_a_step=4 * WIDTH, tokens_at_once=WIDTH, warmup_steps=2, evaluations=2)
TWO = Spread(2)
OFTEN = 0.001
"""Seconds between checkpoints: one after each step."""


def grown_by_two(folder: Path, onlooker: Onlooker) -> tuple[Any, Grown]:
    """The model of two processes, from nothing or from what they left."""
    folder.mkdir(exist_ok=True)
    model, talk = small_model(), small_corpus(folder)
    return model, pretrain_together(model, talk, talk, PLAN, folder / "run", onlooker, TWO)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Grown, list[int], list[Point]]:
    """The model of two processes that nothing happened to, and what was told of it."""
    steps: list[int] = []
    points: list[Point] = []
    onlooker = Onlooker(on_step=lambda step, *_: steps.append(step), on_point=points.append)
    model, grown = grown_by_two(tmp_path_factory.mktemp("undisturbed"), onlooker)
    return model, grown, steps, points


def assert_bitwise_equal(model: Any, other: Any) -> None:
    for one, another in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, another)


def ranks() -> list[psutil.Process]:
    """The processes that train, of those that this one started."""
    found = []
    for one in psutil.Process().children(recursive=True):
        try:
            command = one.cmdline()
        except psutil.Error:
            continue
        if "trainer.spread.rank" in command and "torch.distributed.run" not in command:
            found.append(one)
    return found


def test_two_processes_learn_what_one_does_and_one_of_them_tells(
    undisturbed: tuple[Any, Grown, list[int], list[Point]], tmp_path: Path
) -> None:
    together, grown, steps, points = undisturbed
    model, talk = small_model(), small_corpus(tmp_path)
    alone = pretrain(model, talk, talk, PLAN, tmp_path / "run", Onlooker())

    assert steps == list(range(1, 31))
    assert grown.curve == tuple(points)
    assert (grown.tokens, grown.resumed_from) == (alone.tokens, 0)
    assert [point.loss for point in grown.curve] == pytest.approx([point.loss for point in alone.curve], rel=1e-4)
    for one, another in zip(together.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(one, another, rtol=1e-3, atol=1e-4)


def test_when_one_is_killed_all_go_on_from_the_last_whole_checkpoint(
    undisturbed: tuple[Any, Grown, list[int], list[Point]], tmp_path: Path
) -> None:
    killed: list[int] = []

    def kill_one(step: int, *_: object) -> None:
        if not killed and last_checkpoint(tmp_path / "run") is not None:
            killed.append(step)
            os.kill(ranks()[-1].pid, signal.SIGKILL)

    model, grown = grown_by_two(tmp_path, Onlooker(on_step=kill_one, checkpoint_seconds=OFTEN))

    assert killed
    assert grown.resumed_from > 0
    assert_bitwise_equal(model, undisturbed[0])


def test_asked_to_stop_all_stop_at_a_checkpoint_and_go_on_from_it(
    undisturbed: tuple[Any, Grown, list[int], list[Point]], tmp_path: Path
) -> None:
    steps: list[int] = []

    def check() -> None:
        if steps:
            raise Interrupted(Why.STOPPING)

    with pytest.raises(Interrupted):
        grown_by_two(tmp_path, Onlooker(on_step=lambda step, *_: steps.append(step), check=check))
    left = last_checkpoint(tmp_path / "run")
    assert left is not None
    assert {path.name for path in left.glob("rng_state_*")} == {"rng_state_0.pth", "rng_state_1.pth"}
    assert ranks() == []

    model, grown = grown_by_two(tmp_path, Onlooker())
    assert f"checkpoint-{grown.resumed_from}" == left.name
    assert_bitwise_equal(model, undisturbed[0])


def test_who_lost_the_work_to_another_one_writes_no_checkpoint(tmp_path: Path) -> None:
    def check() -> None:
        raise Interrupted(Why.LOST)

    with pytest.raises(Interrupted) as raised:
        grown_by_two(tmp_path, Onlooker(check=check))
    assert raised.value.why is Why.LOST
    assert last_checkpoint(tmp_path / "run") is None
    assert ranks() == []


def test_processes_that_cannot_finish_are_told_of_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(launching, "MOST_RESTARTS", 0)
    model, talk = small_model(), small_corpus(tmp_path)
    broken = Plan(**{**PLAN.as_record(), "seed": -1})  # type: ignore[arg-type]  # numpy draws nothing from it
    with pytest.raises(MynahError, match=r"ended 1 times before they were done.*log"):
        pretrain_together(model, talk, None, broken, tmp_path / "run", Onlooker(), TWO)
    assert any("Error" in getattr(record, "last_lines", "") for record in caplog.records)


def test_a_step_that_cannot_be_shared_evenly_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(WrongUsage, match=r"3 processes cannot share the 4 rows .* multiple of 96 tokens"):
        pretrain_together(small_model(), small_corpus(tmp_path), None, PLAN, tmp_path / "run", Onlooker(), Spread(3))
    assert not (tmp_path / "run").exists()
