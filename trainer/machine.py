"""What this machine has for training: free memory, and how fast it really multiplies matrices.

It asks the machine and measures it; what a size needs of that is `estimate`'s to say. Knows nothing of models.
"""

import contextlib
import ctypes
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WIDTHS = (128, 256, 512, 1024, 2048, 4096)
_ROWS = 2048
"""About the tokens of a step of a small model."""
_LONG_SECONDS = 0.12
"""When one product takes longer than this, wider ones are not tried: they are about as fast."""
_GO_SECONDS = 0.01
"""Products of one width are repeated for about so long."""
_MOST_PRODUCTS = 64
_CONTAINER_LIMITS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)
"""Where Linux says what a container may use and uses, in its second and first version of that."""
_HALF_INSTRUCTIONS = ("amx_bf16", "avx512_bf16", "bf16")
"""As torch names them: Intel's tiles and vectors, ARM's."""
_HALF_WIDTH = 256
"""On a CPU, narrower matrices are multiplied faster in float32: at 64 four times, at 320 it is the other way round."""
_KEEPING = {-8: 1, -4: 0, -1: 2**31 - 1}
"""From malloc.h: one arena for all threads (M_ARENA_MAX), no mapping of its own for large blocks (M_MMAP_MAX), and the
heap never trimmed (M_TRIM_THRESHOLD)."""


@dataclass(frozen=True, slots=True)
class Machine:
    """One device to train on, and its memory."""

    device: str
    """`cpu`, `cuda` or `mps`, as torch calls it."""
    name: str
    """As people know it."""
    free_bytes: int
    total_bytes: int
    trains_in_half: bool = False
    """Whether its matrices are multiplied in bfloat16."""


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a device multiplies matrices of some widths."""

    flops: Mapping[int, float] = field(default_factory=dict)
    """Operations a second, by the matrix's width."""

    def at(self, width: int) -> float:
        """Operations a second at a width: between measured widths in proportion, beyond them as the nearest."""
        known = sorted(self.flops)
        wider = next((item for item in known if item >= width), known[-1])
        narrower = next((item for item in reversed(known) if item <= width), known[0])
        if wider == narrower:
            return self.flops[wider]
        share = math.log(width / narrower) / math.log(wider / narrower)
        return math.exp((1 - share) * math.log(self.flops[narrower]) + share * math.log(self.flops[wider]))

    @property
    def best(self) -> float:
        """At the best width."""
        return max(self.flops.values())


def look(device: str = "auto") -> Machine:
    """The device to train on, as it is now. Other programs' memory is not counted as free.

    Args:
        device: `auto` (a GPU when there is one), `cpu`, `cuda` or `mps`.

    Raises:
        WrongUsage: this machine has no such device.
    """
    import psutil  # type: ignore[import-untyped]  # it ships no types
    import torch

    from bot.engine.weights import find_device

    place = find_device(device)
    in_half = trains_in_half(place.type)
    if place.type == "cuda":
        free, total = torch.cuda.mem_get_info()
        return Machine("cuda", torch.cuda.get_device_name(), free, total, in_half)
    memory = psutil.virtual_memory()
    free, total = container_limit(int(memory.available), int(memory.total))
    threads = torch.get_num_threads()
    name = f"CPU, {threads} thread{'s' if threads > 1 else ''}" if place.type == "cpu" else "Apple GPU, shared memory"
    return Machine(place.type, name, free, total, in_half)


def trains_in_half(device: str, width: int | None = None) -> bool:
    """Whether matrices are multiplied in bfloat16: where a device has instructions for it, and they pay.

    Args:
        device: `cpu`, `cuda` or `mps`.
        width: of the narrowest matrices; None: wide enough.
    """
    import torch

    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    if device != "cpu" or (width is not None and width < _HALF_WIDTH):
        return False
    known = torch.cpu.get_capabilities()
    return any(known.get(name) for name in _HALF_INSTRUCTIONS)


def keep_freed_memory() -> None:
    """Let this process keep the memory that it frees, where the C library is glibc; elsewhere nothing happens.

    Left alone, glibc gives every large tensor's memory back to the system, which clears each page before the next step
    gets it again: 15 to 25 % of a step of a small model. For processes that do nothing but train.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        library = ctypes.CDLL(None)
        for option, value in _KEEPING.items():
            library.mallopt(option, value)


def devices() -> list[str]:
    """The devices this machine can train on, the one that `auto` takes first."""
    from bot.engine.weights import find_device

    first = find_device("auto").type
    return [first] if first == "cpu" else [first, "cpu"]


def container_limit(
    free: int, total: int, limits: tuple[tuple[Path, Path], ...] = _CONTAINER_LIMITS
) -> tuple[int, int]:
    """Free and total bytes, or what a container leaves of them.

    Args:
        free: of the whole machine.
        total: of the whole machine.
        limits: files with a limit and what is used of it; those that cannot be read say nothing.
    """
    for limit_path, used_path in limits:
        limit, used = _number(limit_path), _number(used_path)
        if limit is not None and limit < total:
            free, total = min(free, max(0, limit - (used or 0))), limit
    return free, total


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def measure(machine: Machine, *, widths: Sequence[int] = WIDTHS, now: Callable[[], float] = time.perf_counter) -> Speed:
    """Multiply matrices for about a second, as training would, at several widths. Blocks.

    Args:
        machine: whose device to measure; with as many threads as torch uses now.
        widths: of the matrices; narrow ones first.
        now: a clock, in seconds.
    """
    import torch

    kind = torch.bfloat16 if machine.trains_in_half else torch.float32
    flops: dict[int, float] = {}
    for width in widths:
        left = torch.randn(_ROWS, width, device=machine.device, dtype=kind)
        right = torch.randn(width, 4 * width, device=machine.device, dtype=kind)
        seconds = _seconds_each(left, right, now)
        flops[width] = 2.0 * _ROWS * width * 4 * width / max(seconds, 1e-9)
        if seconds > _LONG_SECONDS:
            break
    return Speed(flops)


def _seconds_each(left: Any, right: Any, now: Callable[[], float]) -> float:
    """Of one product, the best of three goes: what else the machine did meanwhile is not its speed."""
    import torch

    product = (
        left @ right
    )  # chooses a kernel, and is written over from now on: new memory would cost more than the work
    _finished(product)

    def timed(count: int) -> float:
        started = now()
        for _ in range(count):
            torch.matmul(left, right, out=product)
        _finished(product)
        return (now() - started) / count

    count = int(_GO_SECONDS / max(1e-9, timed(1)))
    return min(timed(min(_MOST_PRODUCTS, max(1, count))) for _ in range(3))


def _finished(product: Any) -> None:
    """Wait until it is there: a GPU works behind our back."""
    float(product[0, 0])
