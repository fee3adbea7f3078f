"""Who was asked about learning already: once in each server, also after a restart."""

from datetime import datetime

from sqlalchemy.orm import Session

from storage.repository import Repository
from storage.tables import FirstContactRow


class FirstContacts(Repository):
    """Members who were asked."""

    async def claim(self, server: str, author_key: str) -> bool:
        """Whether this member is to be asked now: True once, and then never again until they leave or are forgotten."""
        if await self.asked_at(server, author_key) is not None:
            return False
        at = self._clock()

        def work(session: Session) -> bool:
            if session.get(FirstContactRow, (server, author_key)) is not None:
                return False
            session.add(FirstContactRow(server=server, author_key=author_key, asked_at=at))
            return True

        return await self._write(work)

    async def asked_at(self, server: str, author_key: str) -> datetime | None:
        """When a member was asked."""

        def work(session: Session) -> datetime | None:
            row = session.get(FirstContactRow, (server, author_key))
            return None if row is None else row.asked_at

        return await self._read(work)
