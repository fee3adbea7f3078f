"""What the repositories stand on in which members take something back."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from storage.database import Database, Work
from storage.repository import Repository
from storage.server_settings import ServerSettings
from storage.withdrawals import Withdrawal, Withdrawals
from storage.writer import Writer

T = TypeVar("T")


class WithdrawingRepository(Repository):
    """A repository that notes beside the database what is taken back.

    Args:
        database: as of every repository, like the next three.
        writer: of this process.
        clock: the time, aware.
        defaults: what holds for a server that chose nothing.
        withdrawals: where to note it.
    """

    def __init__(
        self,
        database: Database,
        writer: Writer,
        clock: Callable[[], datetime],
        defaults: ServerSettings,
        withdrawals: Withdrawals,
    ) -> None:
        super().__init__(database, writer, clock, defaults)
        self._withdrawals = withdrawals

    async def _write_noted(self, work: Work[T], withdrawals: Sequence[Withdrawal]) -> T:
        """Write, and note at the same time: what is taken back must not wait for a file while somebody approves it."""
        noting = asyncio.gather(*(self._withdrawals.note(one) for one in withdrawals))
        try:
            return await self._write(work)
        finally:
            await noting
