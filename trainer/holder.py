"""Who is the trainer: the name under which a process holds the trainer's lease.

Knows neither runs nor clocks, so that a command that only looks needs nothing heavy.
"""

import os

from storage.processes import machine

LEASE = "trainer"


def is_own(holder: str | None) -> bool:
    """Whether a lease's holder is this process."""
    return holder is not None and holder.startswith(f"{machine()}:{os.getpid()}:")
