"""One process of a group: `torchrun … -m trainer.spread.rank FOLDER ORDER`. It trains, and the first one tells of it.

An end in good order, also one that was asked for, is exit code 0: whoever started the group would start it anew
otherwise.
"""

import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from storage.errors import MynahError
from storage.processes import noted
from trainer.progress import Interrupted, Why
from trainer.spread.group import Group, joined
from trainer.spread.order import Folder

_ENDED = frozenset({"done", "interrupted"})
"""Outcomes after which nothing is left to do."""


def work(folder: Path, name: str | None = None, on_told: Callable[[Mapping[str, Any]], None] | None = None) -> None:
    """Do this process's part of the order in a folder. Blocks.

    Args:
        folder: of the order.
        name: of the order: another one that lies there by now is for others. None: whichever lies there.
        on_told: told how far it is, where this process ordered it; None: that is written into the folder.
    """
    place = Folder(folder, on_told)
    order = place.take(name)
    # Also where a process fell over after the end, and all were started anew.
    if order is None or _ENDED & (place.outcome() or {}).keys():
        return
    # The agent passes on its own signals, and a cluster sends them.
    with joined(order["device"]) as group, noted(signal.SIGTERM, signal.SIGINT) as is_asked:

        def check() -> None:
            why = place.asked_to_stop() if group.is_first else None
            if why is None and is_asked():
                why = Why.STOPPING
            if why is not None:
                raise Interrupted(why)

        try:
            done = _kinds()[order["kind"]](order, place, group, check)
        except Interrupted as interrupted:
            outcome: dict[str, object] = {"interrupted": interrupted.why.value}
        except MynahError as error:
            place.end({"error": str(error)})
            raise
        else:
            outcome = {"done": done}
        if group.is_first:
            place.end(outcome)
        group.wait()


def _kinds() -> dict[str, Callable[[dict[str, Any], Folder, Group, Callable[[], None]], dict[str, object]]]:
    from trainer.spread import growths, lessons

    return {"lesson": lessons.train_part, "growth": growths.train_part}


if __name__ == "__main__":
    work(Path(sys.argv[1]), sys.argv[2])
