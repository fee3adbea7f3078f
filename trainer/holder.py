"""Who is the trainer: the name under which a process holds the trainer's lease, and whether that process is dead.

Knows neither runs nor clocks, so that a command that only looks needs nothing heavy.
"""

import os
import secrets
import socket
from pathlib import Path

from storage.processes import is_alive

LEASE = "trainer"


def machine() -> str:
    """This machine since it was switched on: a container of the same name elsewhere has another. Empty: unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""
    return f"{socket.gethostname()}/{boot}"


def own_name() -> str:
    """A name for this process as the trainer, never used before."""
    return f"{machine()}:{os.getpid()}:{secrets.token_hex(4)}"


def is_own(holder: str | None) -> bool:
    """Whether a lease's holder is this process."""
    return holder is not None and holder.startswith(f"{machine()}:{os.getpid()}:")


def is_dead(holder: str) -> bool:
    """Whether a lease's holder is a process of this machine that lives no more; of others nobody here can know."""
    where, _, pid = holder.rpartition(":")[0].rpartition(":")
    if not where or where != machine() or not pid.isdigit():
        return False
    return not is_alive(int(pid))
