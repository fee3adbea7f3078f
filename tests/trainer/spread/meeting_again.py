"""One of two processes that the tests have torchrun start: the second of them dies once, and then comes back late."""

import os
import time
from datetime import timedelta

from trainer.spread.group import joined

LATE_SECONDS = 4.0
"""The first one has long called by then, whatever it found to call."""


def meet() -> None:
    """Join, and go on from there only after a restart."""
    is_second, is_anew = os.environ["RANK"] == "1", os.environ["TORCHELASTIC_RESTART_COUNT"] != "0"
    if is_second and is_anew:
        time.sleep(LATE_SECONDS)
    with joined("cpu", timedelta(seconds=30)) as group:
        group.wait()
        if is_second and not is_anew:
            os._exit(1)
        group.wait()


if __name__ == "__main__":
    meet()
