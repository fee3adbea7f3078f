"""What cannot be spread is refused before anything starts."""

import pytest
import torch

from storage.errors import WrongUsage
from trainer.settings import TrainerSettings
from trainer.spread.choice import ONE, Spread, check_spread, spread_within


@pytest.mark.parametrize(("processes", "gpus"), [(1, 0), (2, 2), (3, 8)])
def test_as_many_processes_as_gpus_may_train(processes: int, gpus: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    check_spread(Spread(processes), "cuda", gpus=gpus)


def test_more_processes_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(WrongUsage, match=r"4 processes need as many GPUs, and this machine has 2\. Train in 2"):
        check_spread(Spread(4), "auto", gpus=2)


def test_a_cpu_takes_any_number() -> None:
    check_spread(Spread(16), "cpu", gpus=0)


def test_apples_gpu_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    with pytest.raises(WrongUsage, match="Apple's GPU"):
        check_spread(Spread(2), "mps")


def test_of_processes_that_run_already_only_those_of_this_machine_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    check_spread(Spread(16, is_within=True), "cuda", gpus=2)
    with pytest.raises(WrongUsage, match="2 processes need as many GPUs"):
        check_spread(Spread(16, is_within=True), "cuda", gpus=1)


def test_torchruns_variables_say_what_this_process_is_part_of() -> None:
    assert spread_within({}) is None
    assert spread_within({"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "1"}) is None
    assert spread_within({"WORLD_SIZE": "4"}) is None
    assert spread_within({"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "4"}) == Spread(4, is_within=True)
    assert ONE.is_alone


def test_a_quantised_base_is_not_trained_in_several_processes() -> None:
    with pytest.raises(ValueError, match="MYNAH_TRAINER__PROCESSES=1"):
        TrainerSettings(method="qlora", processes=2)
    assert TrainerSettings(method="lora", processes=2).spread == Spread(2)
