"""What a machine has is what it says, what a container leaves of it, and what a clock measures."""

import ctypes
from pathlib import Path

import pytest
import torch

from storage.errors import WrongUsage
from trainer.machine import (
    Machine,
    Speed,
    container_limit,
    devices,
    keep_freed_memory,
    look,
    measure,
    trains_in_half,
)


class SteadyClock:
    """Each look at it is a while later: every product of matrices seems to take as long."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._now = 0.0

    def __call__(self) -> float:
        self._now += self._seconds
        return self._now


def limits(folder: Path, most: str, used: str) -> tuple[tuple[Path, Path], ...]:
    (folder / "max").write_text(most)
    (folder / "current").write_text(used)
    return ((folder / "missing", folder / "missing"), (folder / "max", folder / "current"))


def test_the_machine_has_some_memory_free_and_no_more_than_all() -> None:
    machine = look("cpu")
    assert machine.device == "cpu"
    assert "CPU" in machine.name
    assert 0 < machine.free_bytes <= machine.total_bytes


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(WrongUsage, match="no device 'abacus'"):
        look("abacus")


def test_the_cpu_is_always_among_the_devices() -> None:
    assert devices()[-1] == "cpu"
    assert len(set(devices())) == len(devices())


@pytest.mark.parametrize(
    ("device", "capabilities", "in_half"),
    [
        ("cpu", {"amx_bf16": True}, True),
        ("cpu", {"avx512_bf16": True, "amx_bf16": False}, True),
        ("cpu", {"avx512_f": True, "avx512_bf16": False}, False),
        ("cpu", {}, False),
        ("mps", {"bf16": True}, False),
    ],
    ids=["tiles", "vectors", "only-float32", "unknown", "not-a-cpu"],
)
def test_matrices_are_halved_where_instructions_for_it_are(
    monkeypatch: pytest.MonkeyPatch, device: str, capabilities: dict[str, bool], in_half: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert trains_in_half(device) is in_half


def test_narrow_matrices_stay_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    assert [trains_in_half("cpu", width) for width in (64, 320, None)] == [False, True, True]


@pytest.mark.parametrize("library", [OSError("no such library"), object()], ids=["not-found", "without-mallopt"])
def test_a_c_library_that_cannot_keep_memory_is_left_alone(monkeypatch: pytest.MonkeyPatch, library: object) -> None:
    asked = []

    def load(name: str | None) -> object:
        asked.append(name)
        if isinstance(library, Exception):
            raise library
        return library

    monkeypatch.setattr(ctypes, "CDLL", load)
    keep_freed_memory()
    assert asked == [None]


def test_a_container_has_what_its_limit_leaves(tmp_path: Path) -> None:
    assert container_limit(900, 1000, limits(tmp_path, "400", "150")) == (250, 400)


def test_a_container_that_used_more_than_it_may_has_nothing_left(tmp_path: Path) -> None:
    assert container_limit(900, 1000, limits(tmp_path, "400", "450")) == (0, 400)


@pytest.mark.parametrize("most", ["max", "9223372036854771712", ""])
def test_a_container_without_a_limit_has_the_machines_memory(tmp_path: Path, most: str) -> None:
    assert container_limit(900, 1000, limits(tmp_path, most, "150")) == (900, 1000)


def test_slower_clocks_make_slower_machines() -> None:
    machine = Machine("cpu", "CPU", 1, 1)
    slow, fast = (measure(machine, widths=(16, 32), now=SteadyClock(seconds)) for seconds in (0.5, 0.02))
    assert slow.best == pytest.approx(fast.flops[min(fast.flops)] / 25)
    assert len(slow.flops) == 1, "after a slow product, wider ones are not tried"
    assert len(fast.flops) > 1


def test_speed_between_measured_widths_is_between_and_beyond_them_is_the_nearest() -> None:
    speed = Speed({128: 1e9, 512: 4e9})
    assert speed.at(128) == 1e9
    assert speed.at(256) == pytest.approx(2e9)
    assert speed.at(64) == 1e9
    assert speed.at(4096) == speed.best == 4e9
