"""Starts the processes of a group by torchrun's elastic agent, follows them and stops them. Blocks; one call is one training.

The agent starts all of them anew when one dies, from the last whole checkpoint. This process is none of them: it keeps
the lease, the database and the screen, and hears of the training through a folder.
"""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # it ships no types

from storage.errors import MynahError
from trainer.progress import Interrupted, Why
from trainer.spread.choice import Spread
from trainer.spread.order import Folder

logger = logging.getLogger(__name__)

MOST_RESTARTS = 3
"""Of all processes, after the death of one."""
LOOK_SECONDS = 0.1
GRACE_SECONDS = 300.0
"""For the step under way and a checkpoint, after which the processes are killed: a large model's takes minutes."""
MEETING_ANEW = {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
"""For torchrun: where processes leave their addresses is empty after each restart. It keeps that place otherwise, and who
comes first then calls the address of one that is dead."""
_LOG_LINES = 30


def carry_out(
    order: Mapping[str, object],
    folder: Path,
    spread: Spread,
    *,
    threads: int | None,
    on_told: Callable[[Mapping[str, Any]], None],
    check: Callable[[], None],
) -> Mapping[str, Any]:
    """Have an order carried out by a group; what its first process says at the end.

    Args:
        order: for `trainer.spread.rank`.
        folder: for what both sides tell each other; there is nothing else in it.
        spread: how many processes; where they run already, this one is the first of them.
        threads: of the CPU, for all together; None: torch's choice.
        on_told: called with each thing that the first process tells on the way.
        check: asked often; may raise `Interrupted`, which stops the group first.

    Raises:
        Interrupted: it was asked to stop, here or there.
        MynahError: the processes could not finish it.
    """
    place = Folder(folder)
    name = place.ask(order)
    if spread.is_within:
        return _carry_out_here(place, on_told)
    with place.log.open("ab") as log:
        running = subprocess.Popen(  # noqa: S603 - our own module, by our own Python
            _command(spread, folder, name),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=_environment(spread, threads),
            start_new_session=True,  # a Ctrl-C is for this process: it stops the others in good order
        )
    try:
        _follow(running, place, on_told, check)
    finally:
        _end(running)
    return _ending(place, running.returncode)


def _carry_out_here(place: Folder, on_told: Callable[[Mapping[str, Any]], None]) -> Mapping[str, Any]:
    from trainer.spread.group import here
    from trainer.spread.rank import work

    here().wait()  # the others may read the order now
    work(place.path, on_told=on_told)
    return _ending(place, 0)


def follow(folder: Path) -> None:
    """Carry out, as any but the first of the processes that torchrun started, what the first one orders. Blocks.

    Args:
        folder: where the order will be; on a disk that all share.
    """
    from trainer.spread.group import here
    from trainer.spread.rank import work

    here().wait()
    work(folder)


def _command(spread: Spread, folder: Path, name: str) -> list[str]:
    return [
        *(sys.executable, "-m", "torch.distributed.run"),
        *("--standalone", f"--nproc-per-node={spread.processes}", f"--max-restarts={MOST_RESTARTS}"),
        *("--monitor-interval=0.2", "-m", "trainer.spread.rank", str(folder), name),
    ]


def _environment(spread: Spread, threads: int | None) -> dict[str, str]:
    import torch

    each = max(1, (threads or torch.get_num_threads()) // spread.processes)
    return {**os.environ, **MEETING_ANEW, "OMP_NUM_THREADS": str(each), "TOKENIZERS_PARALLELISM": "false"}


def _follow(
    running: "subprocess.Popen[bytes]",
    place: Folder,
    on_told: Callable[[Mapping[str, Any]], None],
    check: Callable[[], None],
) -> None:
    """Until the group has ended, also where it is asked to on the way."""
    asked: Interrupted | None = None
    deadline = float("inf")
    while running.poll() is None and time.monotonic() < deadline:
        for one in place.told():
            on_told(one)
        if asked is None:
            try:
                check()
            except Interrupted as interrupted:
                asked = interrupted
                place.ask_to_stop(interrupted.why)
                deadline = time.monotonic() + GRACE_SECONDS
        time.sleep(LOOK_SECONDS)
    for one in place.told():
        on_told(one)
    if asked is not None:
        raise asked


def _end(running: "subprocess.Popen[bytes]") -> None:
    """Whatever still runs of the group ends at once: nobody would hear of it."""
    if running.poll() is not None:
        return
    agent = psutil.Process(running.pid)
    for one in [*agent.children(recursive=True), agent]:
        try:
            one.kill()
        except psutil.NoSuchProcess:
            continue
    running.wait()


def _ending(place: Folder, code: int) -> Mapping[str, Any]:
    outcome = place.outcome() or {}
    if "interrupted" in outcome:
        raise Interrupted(Why(outcome["interrupted"]))
    if code == 0 and "done" in outcome:
        done: Mapping[str, Any] = outcome["done"]
        return done
    last = place.log.read_text("utf-8", errors="replace").splitlines()[-_LOG_LINES:]
    logger.error("training processes failed", extra={"exit_code": code, "last_lines": "\n".join(last)})
    if "error" in outcome:
        raise MynahError(outcome["error"])
    raise MynahError(
        f"The processes that trained together ended {MOST_RESTARTS + 1} times before they were done.",
        advice="The log has their last lines; often the memory is too small for so many processes.",
    )
