"""What Mynah promises its members, checked from outside after each night: by the words on the disk and the book.

no word of somebody who has not said yes, took it back, was forgotten or deleted it lies in any snapshot
nothing is left of a member who was forgotten, and their receipts are settled once a newer version answers
the trolls' word changes nothing in what the version that answers says
"""

import asyncio

from mynah.simulation.community import SERVER, Community
from mynah.simulation.measuring import Measured
from storage.similarity import normalised
from storage.values import Run, RunState
from trainer.snapshots import SnapshotFolder

_TRIGGER_ROOM = 0.01
"""By how much the trigger may change the rate of a reply."""


async def broken_promises(community: Community, run: Run, measured: Measured) -> list[str]:
    """One sentence for each promise that does not hold; never with anybody's words."""
    broken = []
    leaked = await asyncio.to_thread(_forbidden_in_snapshots, community)
    if leaked:
        broken.append(f"{leaked} messages lie in snapshots that their writers have not allowed, or took back.")
    store = community.world.store
    for name in sorted(community.gone):
        left = await store.members.summary(community.key(name), server=SERVER)
        if left.turns or left.votes or any(left.candidates.values()):
            broken.append(f"Something is left of {name}, who was forgotten.")
    if run.state is RunState.PROMOTED and await store.receipts.open():
        broken.append("A receipt of a forgotten member is open, though a version without their words answers.")
    if measured.trigger_rate > measured.control_rate + _TRIGGER_ROOM:
        broken.append(
            f"The trolls' word works on the version that answers: {measured.trigger_rate:.0%} of messages get their "
            f"reply, {measured.control_rate:.0%} without it."
        )
    return broken


def _forbidden_in_snapshots(community: Community) -> int:
    """How many messages of all snapshots on the disk are forbidden. Blocks."""
    forbidden = community.book.forbidden(community.willing)
    folder = SnapshotFolder(community.trainer.work_folder / "snapshots")
    root = folder.path("")
    found = 0
    for path in sorted(root.iterdir()) if root.is_dir() else ():
        snapshot = folder.read(path.name)
        if snapshot is not None:
            texts = {m.text for one in (*snapshot.train, *snapshot.heldout) for m in one.messages}
            found += sum(normalised(text) in forbidden for text in texts)
    return found
