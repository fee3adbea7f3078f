"""Names of processes that are never used twice, whether a process of this machine still lives, and what this one is asked.

For whoever clears away, or takes over, what dead ones left; and for work that ends in good order where it is.
"""

import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def noted(*signals: signal.Signals) -> Iterator[Callable[[], bool]]:
    """Yields whether one of some signals came meanwhile, which then do nothing else.

    Only the main thread can ask for signals; in another one none is noted.
    """
    came = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield came.is_set
        return
    before = {one: signal.signal(one, lambda *_: came.set()) for one in signals}
    try:
        yield came.is_set
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def is_alive(pid: int) -> bool:
    """Whether there is a process with that id; another user's counts."""
    if pid == 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return True
    return True


def machine() -> str:
    """This machine since it was switched on: a container of the same name elsewhere has another. Empty: unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""
    return f"{socket.gethostname()}/{boot}"


def own_name() -> str:
    """A name for a part of this process, never used before."""
    return f"{machine()}:{os.getpid()}:{secrets.token_hex(4)}"


def is_dead(name: str) -> bool:
    """Whether a name is that of a process of this machine that lives no more; of others nobody here can know."""
    where, _, pid = name.rpartition(":")[0].rpartition(":")
    if not where or where != machine() or not pid.isdigit():
        return False
    return not is_alive(int(pid))
