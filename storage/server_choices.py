"""The choices of servers, as rows: who chose what, and when, is in the audit log.

Within a transaction of another repository, `choices_of` and `Lines` answer what a decision must respect there.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import ColumnElement, and_, delete, false, not_, select, true
from sqlalchemy.orm import Mapped, Session
from sqlmodel import col

from storage.audit import note
from storage.curation_marks import look_again_at, look_behind
from storage.errors import Refused, WrongUsage
from storage.governance import SHARED_LINE
from storage.repository import Repository
from storage.server_settings import CONFIRMATION, ServerSettings, as_far_as_readable, problem, with_values
from storage.tables import CandidateRow, ServerSettingRow
from storage.values import Source

_DECIDE_WHAT_IS_LEARNT = {"own_line", "sources", "learning_on"}
Column = Mapped[str] | ColumnElement[str]


def choices_of(session: Session, server: str) -> dict[str, object]:
    """What was chosen for a server, as it was written."""
    rows = session.scalars(select(ServerSettingRow).where(col(ServerSettingRow.server) == server))
    return {row.name: row.value["value"] for row in rows}


def settings_of(session: Session, defaults: ServerSettings, server: str) -> ServerSettings:
    """A server's settings."""
    return as_far_as_readable(defaults, choices_of(session, server))


@dataclass(frozen=True, slots=True)
class Lines:
    """Which servers' words a line may learn, as conditions of a query."""

    defaults: ServerSettings
    chosen: Mapping[str, ServerSettings]
    """Of the servers that chose something."""
    switched_off: Collection[str]
    """Servers where learning was turned off by somebody: what they had approved is not learnt either."""

    @classmethod
    def now(cls, session: Session, defaults: ServerSettings) -> "Lines":
        """As the rows say now."""
        values: dict[str, dict[str, object]] = {}
        names = ["own_line", "sources", "learning_on"]
        for row in session.scalars(select(ServerSettingRow).where(col(ServerSettingRow.name).in_(names))):
            values.setdefault(row.server, {})[row.name] = row.value["value"]
        chosen = {server: as_far_as_readable(defaults, given) for server, given in values.items()}
        off = [server for server, given in values.items() if given.get("learning_on") is False]
        return cls(defaults, chosen, off)

    def of(self, server: str) -> str:
        """The line that a server belongs to."""
        return server if self.chosen.get(server, self.defaults).own_line else SHARED_LINE

    def names(self) -> list[str]:
        """The shared line, then those of servers that chose one of their own."""
        return [SHARED_LINE, *sorted(server for server, settings in self.chosen.items() if settings.own_line)]

    def belongs(self, server: Column, line: str) -> ColumnElement[bool]:
        """Whether the server of a row is of a line; never of two."""
        if line != SHARED_LINE:
            return server == line if self.of(line) == line else false()
        if self.defaults.own_line:
            return server.in_([name for name, settings in self.chosen.items() if not settings.own_line])
        return server.not_in([name for name, settings in self.chosen.items() if settings.own_line])

    def may_learn(self, server: Column, source: Column, line: str) -> ColumnElement[bool]:
        """Whether a line may learn from words of a server and a source."""
        refused = [
            and_(server == name, source.not_in(settings.sources))
            for name, settings in self.chosen.items()
            if set(settings.sources) != set(Source)
        ]
        elsewhere: ColumnElement[bool] = true()
        if set(self.defaults.sources) != set(Source):
            elsewhere = server.in_(list(self.chosen)) | source.in_(self.defaults.sources)
        return and_(
            self.belongs(server, line),
            server.not_in(list(self.switched_off)),
            elsewhere,
            *(not_(one) for one in refused),
        )


class ServerSettingsTable(Repository):
    """What servers chose, over what the process says."""

    async def get(self, server: str) -> ServerSettings:
        """A server's settings."""
        return await self._read(lambda session: settings_of(session, self._defaults, server))

    async def own(self, server: str) -> dict[str, object]:
        """Only what was chosen for this server, as it was written."""
        return await self._read(lambda session: choices_of(session, server))

    async def chosen_at(self, server: str, name: str) -> datetime | None:
        """When a server made a choice; None: it made none."""

        def work(session: Session) -> datetime | None:
            row = session.get(ServerSettingRow, (server, name))
            return None if row is None else row.changed_at

        return await self._read(work)

    async def servers(self) -> list[str]:
        """The servers that chose something."""
        query = select(col(ServerSettingRow.server)).distinct().order_by(col(ServerSettingRow.server))
        return await self._read(lambda session: list(session.scalars(query)))

    async def set(self, server: str, name: str, value: object, actor: str) -> ServerSettings:
        """Choose.

        Raises:
            WrongUsage: there is no such setting, or the value cannot be used; says what can.
            Refused: learning is turned on without the confirmation that `turn_learning_on` records.
        """
        _known(name)
        if name == "learning_on" and value is True:
            raise Refused(
                "Learning is not turned on like this.",
                advice="Use `/learning on`: it shows what Discord's policy demands, and records who confirmed.",
            )
        return await self._choose(server, {name: value}, actor)

    async def unset(self, server: str, name: str, actor: str) -> ServerSettings:
        """Take a choice back: the process's setting holds again.

        Raises:
            WrongUsage: there is no such setting, or it does not go together with the others then.
        """
        _known(name)
        if name == "learning_on":
            return await self.turn_learning_off(server, actor)
        at = self._clock()

        def work(session: Session) -> ServerSettings:
            chosen = choices_of(session, server)
            if name not in chosen:
                return settings_of(session, self._defaults, server)
            before = chosen.pop(name)
            settings = _checked(name, self._defaults, chosen)
            session.execute(
                delete(ServerSettingRow).where(
                    col(ServerSettingRow.server) == server, col(ServerSettingRow.name) == name
                )
            )
            _look_again(session, server, [name])
            after = settings.model_dump(mode="json")[name]
            note(session, at, actor, "config", name, {"from": before, "to": after}, server=server)
            return settings

        return await self._write(work)

    async def turn_learning_on(self, server: str, actor: str) -> ServerSettings:
        """Let this server's words become candidates; the actor confirmed that Discord permits it (rule 21)."""
        at = self._clock()
        values = {"learning_on": True, "learning_confirmed_by": actor, "learning_confirmed_at": at.isoformat()}
        return await self._choose(server, values, actor, action="learning on")

    async def turn_learning_off(self, server: str, actor: str) -> ServerSettings:
        """Let nothing of this server be learnt from now on, approved or not; the next version is without it."""
        return await self._choose(server, {"learning_on": False}, actor, action="learning off")

    async def lines(self) -> list[str]:
        """The lines there are, the shared one first."""
        return await self._read(lambda session: Lines.now(session, self._defaults).names())

    async def line_of(self, server: str) -> str:
        """The line that a server belongs to."""
        return await self._read(lambda session: Lines.now(session, self._defaults).of(server))

    async def _choose(
        self, server: str, values: Mapping[str, object], actor: str, *, action: str = "config"
    ) -> ServerSettings:
        at = self._clock()

        def work(session: Session) -> ServerSettings:
            chosen = choices_of(session, server)
            before = settings_of(session, self._defaults, server).model_dump(mode="json")
            settings = _checked(next(iter(values)), self._defaults, {**chosen, **values})
            after = settings.model_dump(mode="json")
            for name in values:
                _keep(session, at, server, name, after[name], actor)
            _look_again(session, server, values)
            name = next(iter(values))
            if action == "config":
                note(session, at, actor, action, name, {"from": before[name], "to": after[name]}, server=server)
            else:
                note(session, at, actor, action, server, server=server)
            return settings

        return await self._write(work)


def _look_again(session: Session, server: str, names: Iterable[str]) -> None:
    """What may be learnt of a server, and on which line, is another after these choices."""
    if not _DECIDE_WHAT_IS_LEARNT.isdisjoint(names):
        there = col(CandidateRow.server) == server
        look_behind(session, there)
        look_again_at(session, there)


def _known(name: str) -> None:
    if name not in ServerSettings.model_fields or name in CONFIRMATION:
        names = ", ".join(sorted(set(ServerSettings.model_fields) - set(CONFIRMATION)))
        raise WrongUsage(f"There is no setting {name!r} of a server.", advice=f"There are: {names}.")


def _checked(name: str, defaults: ServerSettings, values: Mapping[str, object]) -> ServerSettings:
    try:
        return with_values(defaults, values)
    except ValidationError as error:
        raise WrongUsage(f"That cannot be the {name} of a server: {problem(error)}.") from None


def _keep(session: Session, at: datetime, server: str, name: str, value: Any, actor: str) -> None:
    session.merge(ServerSettingRow(server=server, name=name, value={"value": value}, changed_by=actor, changed_at=at))
