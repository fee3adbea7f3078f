"""Which version answers: promoting, rolling back and canaries, with all that belongs to such a change.

Every change verifies what it puts in place, closes a canary that it makes pointless, settles the receipts of members
whose words no version that answers has learnt any more, and is in the audit log of the server where it was decided.
"""

import asyncio
import logging

from bot.cogs.admins import Admin
from bot.cogs.parts import BotParts
from storage.errors import MynahError, Refused, WrongUsage
from storage.governance import SHARED_LINE, Canary, CanaryOutcome
from storage.values import Alias, AliasChange, ModelVersion

logger = logging.getLogger(__name__)


class Champions:
    """Changes of what answers, by admins."""

    def __init__(self, parts: BotParts) -> None:
        self._parts = parts
        self._store = parts.store

    async def resolve(self, name: str, line: str) -> ModelVersion:
        """The version that an alias of a line, a version or the beginning of one names.

        Raises:
            UnknownModel: none, or more than one.
            Refused: it was trained for another line.
        """
        said = name.strip().lower()
        if said in set(Alias):
            current = await self._store.aliases.current(Alias(said), line)
            if current is None:
                raise WrongUsage(f"There is no {said} here yet.", advice="See `/model list`.")
            said = current
        found = await self._parts.registry.resolve(said)
        if found.version not in {one.version for one in await self._store.figures.versions(line)}:
            raise Refused(
                f"Version {found.version} was trained for another server alone.", advice="See `/model list` for yours."
            )
        return found

    async def previous(self, line: str) -> tuple[str, str]:
        """The champion and the version that a rollback would bring back.

        Raises:
            Refused: there is nothing to go back to.
        """
        champion = await self._store.aliases.current(Alias.CHAMPION, line)
        previous = await self._store.aliases.current(Alias.PREVIOUS, line)
        if champion is None or previous is None:
            raise Refused("There is no earlier champion to go back to.", advice="`/model promote` chooses any version.")
        return champion, previous

    async def promote(self, admin: Admin, version: str, *, expected: str | None, reason: str) -> AliasChange:
        """Verify a version and let it answer.

        Raises:
            Refused: the champion is another than expected by now, the version is not for this line, or no version of
                ours can answer.
            ModelDamaged: its files are not what they were.
        """
        self._parts.check_takes_versions()
        if await self._store.aliases.current(Alias.CHAMPION, admin.line) != expected:
            raise Refused("Another version answers by now.", advice="Look again: `/model list`.")
        await asyncio.to_thread(self._parts.registry.verify, version)
        change = await self._store.aliases.promote(
            version, actor=admin.key, reason=reason, expected_champion=expected, line=admin.line
        )
        await self._changed(admin, "promote", version, {"from": expected})
        return change

    async def rollback(self, admin: Admin, *, expected: str, reason: str) -> AliasChange:
        """Give the place back to the version before.

        Raises:
            Refused: the champion is another than expected by now, or there is nothing before it.
        """
        _, previous = await self.previous(admin.line)
        await asyncio.to_thread(self._parts.registry.verify, previous)
        change = await self._store.aliases.rollback(
            actor=admin.key, reason=reason, line=admin.line, expected_champion=expected
        )
        await self._changed(admin, "rollback", str(change.to_version), {"from": change.from_version})
        return change

    async def start_canary(self, admin: Admin, version: str, share: float) -> Canary:
        """Verify a version and let it answer a share of the channels.

        Raises:
            Refused: a canary answers already, the version is the champion or not for this line, or no version of ours
                can answer.
            ModelDamaged: its files are not what they were.
        """
        self._parts.check_takes_versions()
        await asyncio.to_thread(self._parts.registry.verify, version)
        canary = await self._store.canaries.start(version, share, actor=admin.key, line=admin.line)
        await self._note(admin, "canary", version, {"share": share})
        await self._store.receipts.settle()
        return canary

    async def change_share(self, admin: Admin, canary: Canary, share: float) -> Canary:
        """Let a canary answer more or fewer channels.

        Raises:
            Refused: it has ended.
        """
        changed = await self._store.canaries.set_share(canary.id, share, actor=admin.key)
        await self._note(admin, "canary", canary.version, {"share": share})
        return changed

    async def end_canary(self, admin: Admin, canary: Canary) -> Canary:
        """Let a canary answer no more.

        Raises:
            Refused: it has ended.
        """
        ended = await self._store.canaries.end(canary.id, CanaryOutcome.STOPPED, actor=admin.key)
        await self._note(admin, "end canary", canary.version, {"outcome": CanaryOutcome.STOPPED.value})
        await self._store.receipts.settle()
        return ended

    async def _changed(self, admin: Admin, action: str, version: str, details: dict[str, object]) -> None:
        """What follows from another champion: nothing here may undo it."""
        await self._note(admin, action, version, details)
        try:
            canary = await self._store.canaries.open(admin.line)
            if canary is not None:
                is_it = canary.version == version
                outcome = CanaryOutcome.PROMOTED if is_it else CanaryOutcome.STOPPED
                await self._store.canaries.end(canary.id, outcome, actor=admin.key)
            await self._store.receipts.settle()
        except MynahError as error:
            logger.warning("change of champion not followed up", extra={"error": type(error).__name__})

    async def _note(self, admin: Admin, action: str, version: str, details: dict[str, object]) -> None:
        """Storage notes changes of a server's own line there; those of the shared line belong to no server."""
        if admin.line == SHARED_LINE:
            await self._store.audit.record(admin.key, action, version, details, server=admin.server)
