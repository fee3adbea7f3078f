"""Leases: one process at a time does a piece of work; a dead holder's lease runs out."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.errors import LeaseHeld, MynahError
from storage.repository import Repository
from storage.tables import LeaseRow

logger = logging.getLogger(__name__)


class Leases(Repository):
    """Named leases with an expiry."""

    async def acquire(self, name: str, holder: str, *, ttl_seconds: float) -> bool:
        """Take a free or expired lease, or renew one's own; False if another holds it."""

        def work(session: Session) -> bool:
            now = self._clock()  # read under the lock: waiting for it may take longer than another's lease
            row = session.get(LeaseRow, name)
            if row is not None and row.holder != holder and row.expires_at > now:
                return False
            session.merge(LeaseRow(name=name, holder=holder, expires_at=now + timedelta(seconds=ttl_seconds)))
            return True

        return await self._write(work)

    async def release(self, name: str, holder: str) -> None:
        """Give a lease back."""
        giving = delete(LeaseRow).where(col(LeaseRow.name) == name, col(LeaseRow.holder) == holder)
        await self._execute(giving)

    async def holder(self, name: str) -> str | None:
        """Who holds an unexpired lease."""
        query = select(LeaseRow).where(col(LeaseRow.name) == name, col(LeaseRow.expires_at) > self._clock())

        def work(session: Session) -> str | None:
            row = session.scalar(query)
            return None if row is None else row.holder

        return await self._read(work)

    @asynccontextmanager
    async def held(self, name: str, holder: str, *, ttl_seconds: float) -> AsyncIterator[None]:
        """Hold a lease, renewing it at a third of its time.

        Raises:
            LeaseHeld: another process holds it, or took it because it could not be renewed in time; in that case the
                body is cancelled.
        """
        if not await self.acquire(name, holder, ttl_seconds=ttl_seconds):
            raise LeaseHeld(
                f"Another process does this work now ({name}, held by {await self.holder(name)}).",
                advice="Wait until it is done; a dead process's lease runs out by itself.",
            )
        body = asyncio.current_task()
        lost = False

        async def renew() -> None:
            nonlocal lost
            while True:
                await asyncio.sleep(ttl_seconds / 3)
                try:
                    renewed = await self.acquire(name, holder, ttl_seconds=ttl_seconds)
                except MynahError as error:
                    logger.warning("lease not renewed", extra={"lease": name, "error": type(error).__name__})
                    continue
                if not renewed:
                    lost = True
                    if body is not None:
                        body.cancel()
                    return

        renewing = asyncio.create_task(renew(), name=f"lease-{name}")
        try:
            yield
        except asyncio.CancelledError:
            if not lost or body is None:
                raise
            body.uncancel()
            raise LeaseHeld(f"Another process took over this work ({name}).") from None
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            await self.release(name, holder)
