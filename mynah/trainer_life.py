"""Whether a trainer lives somewhere: it holds a lease in the database while it does."""

from storage.processes import is_dead
from storage.store import Store
from trainer.holder import LEASE


async def trainer_is_alive(store: Store) -> bool:
    """Whether a process holds the trainer's lease, and is not known to be dead.

    A killed process leaves its lease behind. On this machine it is seen at once; elsewhere when the lease has run out.
    """
    holder = await store.leases.holder(LEASE)
    return holder is not None and not is_dead(holder)
