"""Names of processes that are never used twice, and whether a process of this machine still lives.

For whoever clears away, or takes over, what dead ones left.
"""

import os
import secrets
import socket
from pathlib import Path


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
