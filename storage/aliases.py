"""Model versions and the names that point to them.

Every move of an alias is a row: who, when, why, from, to. Where an alias points is its newest row, so that a rollback
is one more row. The champion's rows are an undo stack: promotions push, rollbacks pop, and `previous` is what lies
under the top. Each line has its own three names and its own stack: see `storage.governance` for what a line is.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.audit import note
from storage.errors import Refused, UnknownModel, WrongUsage
from storage.governance import SHARED_LINE
from storage.repository import Repository
from storage.server_choices import Lines
from storage.tables import AliasChangeRow, ModelVersionRow, SnapshotRow
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
            return None if row is None else version_of_row(row)

        return await self._read(work)

    async def versions(self) -> list[ModelVersion]:
        """All versions, oldest first."""
        query = select(ModelVersionRow).order_by(col(ModelVersionRow.created_at), col(ModelVersionRow.version))
        return await self._read(lambda session: [version_of_row(row) for row in session.scalars(query)])

    async def current(self, alias: Alias, line: str = SHARED_LINE) -> str | None:
        """The version an alias points to."""
        return await self._read(lambda session: current(session, alias, line))

    async def champions(self) -> dict[str, str]:
        """The champion of every line that has one."""
        return await self._read(champions)

    async def champion_of(self, server: str) -> str | None:
        """The version that answers in a server; None: the base.

        A server with a line of its own is never answered by another line's champion, also before it has one.
        """

        def work(session: Session) -> str | None:
            return current(session, Alias.CHAMPION, Lines.now(session, self._defaults).of(server))

        return await self._read(work)

    async def set(
        self, alias: Alias, version: str | None, *, actor: str, reason: str, line: str = SHARED_LINE
    ) -> AliasChange:
        """Point an alias (other than the champion) somewhere.

        Raises:
            WrongUsage: the alias is the champion.
            Refused: the version was trained for another line.
            UnknownModel: no such version.
        """
        if alias is Alias.CHAMPION:
            raise WrongUsage("The champion is not set by hand.", advice="Promote a version, or roll back.")
        at = self._clock()

        def work(session: Session) -> AliasChange:
            if version is not None:
                refuse_other_line(session, version, line)
            return _change(_point(session, at, alias, AliasAction.SET, version, actor, reason, line))

        return await self._write(work)

    async def promote(
        self,
        version: str,
        *,
        actor: str,
        reason: str,
        expected_champion: str | None = None,
        line: str = SHARED_LINE,
    ) -> AliasChange:
        """Make a version a line's champion, and that the previous; promoting the champion changes nothing.

        Raises:
            Refused: `expected_champion` is given and is not the champion any more (someone else moved it), or the
                version was trained for another line.
            UnknownModel: no such version.
        """
        at = self._clock()

        def work(session: Session) -> AliasChange:
            refuse_other_line(session, version, line)
            champion = current(session, Alias.CHAMPION, line)
            if expected_champion is not None and champion != expected_champion:
                raise Refused(
                    f"The champion is {champion} by now, not {expected_champion}.",
                    advice="Compare with the new champion, then promote again.",
                )
            if champion == version:
                return _change(_champion_rows(session, line)[-1])
            row = _point(session, at, Alias.CHAMPION, AliasAction.PROMOTE, version, actor, reason, line)
            _keep_previous_in_step(session, at, AliasAction.PROMOTE, actor, reason, line)
            note(session, at, actor, "promote", version, {"from": champion}, server=line or None)
            return _change(row)

        return await self._write(work)

    async def rollback(
        self, *, actor: str, reason: str, line: str = SHARED_LINE, expected_champion: str | None = None
    ) -> AliasChange:
        """Give the champion's place back to the one before it: promotions push, rollbacks pop.

        Raises:
            Refused: there is nothing to go back to, or `expected_champion` is given and is not the champion any more.
        """
        at = self._clock()

        def work(session: Session) -> AliasChange:
            stack = undo_stack(_champion_rows(session, line))
            if expected_champion is not None and stack[-1:] != [expected_champion]:
                raise Refused(f"Version {expected_champion} is not the champion any more.")
            if len(stack) < 2:
                raise Refused("There is no earlier champion to go back to.")
            row = _point(session, at, Alias.CHAMPION, AliasAction.ROLLBACK, stack[-2], actor, reason, line)
            _keep_previous_in_step(session, at, AliasAction.ROLLBACK, actor, reason, line)
            note(session, at, actor, "rollback", stack[-2], {"from": stack[-1]}, server=line or None)
            return _change(row)

        return await self._write(work)

    async def history(self, *, limit: int = 50, line: str | None = None) -> list[AliasChange]:
        """The newest moves, newest first; of one line, or of all."""
        query = select(AliasChangeRow).order_by(col(AliasChangeRow.id).desc()).limit(limit)
        if line is not None:
            query = query.where(col(AliasChangeRow.line) == line)
        return await self._read(lambda session: [_change(row) for row in session.scalars(query)])

    async def was_rolled_back(self, version: str, line: str = SHARED_LINE) -> bool:
        """Whether people took this version back on a line and nobody promoted it there since."""

        def work(session: Session) -> bool:
            for row in reversed(_champion_rows(session, line)):
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


def champions(session: Session) -> dict[str, str]:
    """The champion of every line that has one."""
    newest = (
        select(func.max(col(AliasChangeRow.id)))
        .where(col(AliasChangeRow.alias) == Alias.CHAMPION)
        .group_by(col(AliasChangeRow.line))
    )
    rows = session.scalars(
        select(AliasChangeRow).where(col(AliasChangeRow.id).in_(newest)).order_by(col(AliasChangeRow.line))
    )
    return {row.line: row.to_version for row in rows if row.to_version is not None}


def current(session: Session, alias: Alias, line: str) -> str | None:
    """The version an alias of a line points to."""
    return session.scalar(
        select(col(AliasChangeRow.to_version))
        .where(col(AliasChangeRow.line) == line, col(AliasChangeRow.alias) == alias)
        .order_by(col(AliasChangeRow.id).desc())
        .limit(1)
    )


def refuse_other_line(session: Session, version: str, line: str) -> None:
    """Refuse a version that is unknown, or that has learnt from the words of another line; a base is anybody's.

    Raises:
        Refused: it was trained for another line.
        UnknownModel: no such version.
    """
    row = session.get(ModelVersionRow, version)
    if row is None:
        raise UnknownModel(f"There is no model version {version!r}.", advice="See `mynah model list`.")
    snapshot = None if row.snapshot_hash is None else session.get(SnapshotRow, row.snapshot_hash)
    if snapshot is not None and snapshot.line != line:
        raise Refused(
            f"Version {version} was trained for another line and would show its words here.",
            advice="Choose a version of this line, or a base.",
        )


def _champion_rows(session: Session, line: str) -> Sequence[AliasChangeRow]:
    return session.scalars(
        select(AliasChangeRow)
        .where(col(AliasChangeRow.line) == line, col(AliasChangeRow.alias) == Alias.CHAMPION)
        .order_by(col(AliasChangeRow.id))
    ).all()


def _keep_previous_in_step(
    session: Session, at: datetime, action: AliasAction, actor: str, reason: str, line: str
) -> None:
    stack = undo_stack(_champion_rows(session, line))
    previous = stack[-2] if len(stack) > 1 else None
    if previous != current(session, Alias.PREVIOUS, line):
        _point(session, at, Alias.PREVIOUS, action, previous, actor, reason, line)


def _point(
    session: Session,
    at: datetime,
    alias: Alias,
    action: AliasAction,
    version: str | None,
    actor: str,
    reason: str,
    line: str,
) -> AliasChangeRow:
    row = AliasChangeRow(
        alias=alias.value,
        action=action.value,
        from_version=current(session, alias, line),
        to_version=version,
        actor=storable(actor),
        reason=storable(reason),
        created_at=at,
        line=line,
    )
    session.add(row)
    session.flush()
    return row


def version_of_row(row: ModelVersionRow) -> ModelVersion:
    """A version as a plain value."""
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
        line=row.line,
    )
