"""Whether a trainer lives somewhere: it holds a lease in the database while it does."""

from storage.store import Store

TRAINER_LEASE = "trainer"


async def trainer_is_alive(store: Store) -> bool:
    """Whether a process holds the trainer's lease."""
    return await store.leases.holder(TRAINER_LEASE) is not None
