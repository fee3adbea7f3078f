"""Model versions and the names that point to them.

Every move of an alias is a row: who, when, why, from, to. Where an alias points is its newest row, so that a rollback
is one more row. The champion's rows are an undo stack: promotions push, rollbacks pop, and `previous` is what lies
under the top.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.audit import note
from storage.errors import Refused, UnknownModel, WrongUsage
from storage.repository import Repository
from storage.tables import AliasChangeRow, ModelVersionRow
from storage.text import storable
from storage.values import Alias, AliasAction, AliasChange, ModelVersion


class Aliases(Repository):
    """Versions as rows, and champion, challenger and previous."""

    async def add_version(self, version: ModelVersion) -> None:
        """Write a version; one already there is left as it is."""

        def work(session: Session) -> None:
            if session.get(ModelVersionRow, version.version) is None:
                session.add(
                    ModelVersionRow(
                        version=version.version,
                        content_hash=version.content_hash,
                        kind=version.kind,
                        base=version.base,
                        parent=version.parent,
                        snapshot_hash=version.snapshot_hash,
                        run_id=version.run_id,
                        created_at=version.created_at,
                        note=version.note,
                    )
                )

        await self._write(work)

    async def version(self, version: str) -> ModelVersion | None:
        """One version."""

        def work(session: Session) -> ModelVersion | None:
            row = session.get(ModelVersionRow, version)
            return None if row is None else _version(row)

        return await self._read(work)

    async def versions(self) -> list[ModelVersion]:
        """All versions, oldest first."""
        query = select(ModelVersionRow).order_by(col(ModelVersionRow.created_at), col(ModelVersionRow.version))
        return await self._read(lambda session: [_version(row) for row in session.scalars(query)])

    async def current(self, alias: Alias) -> str | None:
        """The version an alias points to."""
        return await self._read(lambda session: _current(session, alias))

    async def set(self, alias: Alias, version: str | None, *, actor: str, reason: str) -> AliasChange:
        """Point an alias (other than the champion) somewhere.

        Raises:
            WrongUsage: the alias is the champion.
            UnknownModel: no such version.
        """
        if alias is Alias.CHAMPION:
            raise WrongUsage("The champion is not set by hand.", advice="Promote a version, or roll back.")
        at = self._clock()

        def work(session: Session) -> AliasChange:
            if version is not None:
                _known(session, version)
            return _change(_point(session, at, alias, AliasAction.SET, version, actor, reason))

        return await self._write(work)

    async def promote(
        self, version: str, *, actor: str, reason: str, expected_champion: str | None = None
    ) -> AliasChange:
        """Make a version the champion, and the champion the previous; promoting the champion changes nothing.

        Raises:
            Refused: `expected_champion` is given and is not the champion any more (someone else moved it).
            UnknownModel: no such version.
        """
        at = self._clock()

        def work(session: Session) -> AliasChange:
            _known(session, version)
            champion = _current(session, Alias.CHAMPION)
            if expected_champion is not None and champion != expected_champion:
                raise Refused(
                    f"The champion is {champion} by now, not {expected_champion}.",
                    advice="Compare with the new champion, then promote again.",
                )
            if champion == version:
                return _change(_champion_rows(session)[-1])
            row = _point(session, at, Alias.CHAMPION, AliasAction.PROMOTE, version, actor, reason)
            _keep_previous_in_step(session, at, AliasAction.PROMOTE, actor, reason)
            note(session, at, actor, "promote", version, {"from": champion})
            return _change(row)

        return await self._write(work)

    async def rollback(self, *, actor: str, reason: str) -> AliasChange:
        """Give the champion's place back to the one before it: promotions push, rollbacks pop.

        Raises:
            Refused: there is nothing to go back to.
        """
        at = self._clock()

        def work(session: Session) -> AliasChange:
            stack = undo_stack(_champion_rows(session))
            if len(stack) < 2:
                raise Refused("There is no earlier champion to go back to.")
            row = _point(session, at, Alias.CHAMPION, AliasAction.ROLLBACK, stack[-2], actor, reason)
            _keep_previous_in_step(session, at, AliasAction.ROLLBACK, actor, reason)
            note(session, at, actor, "rollback", stack[-2], {"from": stack[-1]})
            return _change(row)

        return await self._write(work)

    async def history(self, *, limit: int = 50) -> list[AliasChange]:
        """The newest moves, newest first."""
        query = select(AliasChangeRow).order_by(col(AliasChangeRow.id).desc()).limit(limit)
        return await self._read(lambda session: [_change(row) for row in session.scalars(query)])

    async def was_rolled_back(self, version: str) -> bool:
        """Whether people took this version back and nobody promoted it since."""

        def work(session: Session) -> bool:
            for row in reversed(_champion_rows(session)):
                if row.to_version == version:
                    return False
                if row.from_version == version and row.action == AliasAction.ROLLBACK:
                    return True
            return False

        return await self._read(work)


def undo_stack(champion_rows: Sequence[AliasChangeRow]) -> list[str]:
    """The champions that promotions put on top of one another, the reigning one last."""
    stack: list[str] = []
    for row in champion_rows:
        if row.action == AliasAction.ROLLBACK:
            stack.pop()
        elif row.to_version is not None:
            stack.append(row.to_version)
    return stack


def _champion_rows(session: Session) -> Sequence[AliasChangeRow]:
    return session.scalars(
        select(AliasChangeRow).where(col(AliasChangeRow.alias) == Alias.CHAMPION).order_by(col(AliasChangeRow.id))
    ).all()


def _keep_previous_in_step(session: Session, at: datetime, action: AliasAction, actor: str, reason: str) -> None:
    stack = undo_stack(_champion_rows(session))
    previous = stack[-2] if len(stack) > 1 else None
    if previous != _current(session, Alias.PREVIOUS):
        _point(session, at, Alias.PREVIOUS, action, previous, actor, reason)


def _current(session: Session, alias: Alias) -> str | None:
    return session.scalar(
        select(col(AliasChangeRow.to_version))
        .where(col(AliasChangeRow.alias) == alias)
        .order_by(col(AliasChangeRow.id).desc())
        .limit(1)
    )


def _known(session: Session, version: str) -> None:
    if session.get(ModelVersionRow, version) is None:
        raise UnknownModel(f"There is no model version {version!r}.", advice="See `mynah model list`.")


def _point(
    session: Session, at: datetime, alias: Alias, action: AliasAction, version: str | None, actor: str, reason: str
) -> AliasChangeRow:
    row = AliasChangeRow(
        alias=alias.value,
        action=action.value,
        from_version=_current(session, alias),
        to_version=version,
        actor=storable(actor),
        reason=storable(reason),
        created_at=at,
    )
    session.add(row)
    session.flush()
    return row


def _version(row: ModelVersionRow) -> ModelVersion:
    return ModelVersion(
        version=row.version,
        content_hash=row.content_hash,
        kind=row.kind,
        base=row.base,
        parent=row.parent,
        snapshot_hash=row.snapshot_hash,
        run_id=row.run_id,
        created_at=row.created_at,
        note=row.note,
    )


def _change(row: AliasChangeRow) -> AliasChange:
    return AliasChange(
        id=row.id,
        alias=Alias(row.alias),
        action=AliasAction(row.action),
        from_version=row.from_version,
        to_version=row.to_version,
        actor=row.actor,
        reason=row.reason,
        created_at=row.created_at,
    )
