import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.database import Database, Done
from storage.errors import DatabaseBusy, MynahError, WrongUsage
from storage.store import Store
from storage.tables import AuditRow
from storage.writer import Writer
from tests.fakes.clock import FakeClock

NOW = FakeClock()()


def entry(action: str) -> AuditRow:
    return AuditRow(actor="a", action=action, subject="s", details={}, created_at=NOW)


def actions(session: Session) -> list[str]:
    return sorted(session.scalars(select(col(AuditRow.action))))


async def test_a_write_that_fails_fails_alone(store: Store) -> None:
    database, writer = store._database, Writer(store._database, group_commit_rows=64)

    def failing(session: Session) -> None:
        session.add(entry("half done"))
        session.flush()
        raise WrongUsage("no")

    def broken(session: Session) -> None:
        session.add(AuditRow(actor=None, action="not null", subject="s", details={}, created_at=NOW))  # type: ignore[arg-type]

    works = [lambda session, n=n: session.add(entry(f"good {n}")) for n in range(3)]
    outcomes = await asyncio.gather(
        *(writer.write(work) for work in (works[0], failing, works[1], broken, works[2])), return_exceptions=True
    )
    await writer.close()
    assert [type(outcome) for outcome in outcomes] == [type(None), WrongUsage, type(None), MynahError, type(None)]
    assert await database.read(actions) == ["good 0", "good 1", "good 2"]


@pytest.mark.parametrize("others", [0, 2], ids=["alone", "in a group"])
async def test_a_write_that_the_database_refuses_is_a_line_in_the_log(
    store: Store, others: int, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(session: Session) -> None:
        session.add(AuditRow(actor=None, action="hush", subject="s", details={}, created_at=NOW))  # type: ignore[arg-type]

    works = [refused, *[lambda session: session.add(entry("good"))] * others]
    outcomes = await store._database.write(works)
    assert isinstance(outcomes[0].error, MynahError)
    [line] = [record for record in caplog.records if record.name == "storage.database"]
    assert (line.levelname, line.getMessage(), vars(line)["error"]) == ("WARNING", "database error", "IntegrityError")
    assert "hush" not in str(vars(line))


async def test_a_write_that_says_no_by_itself_is_no_error_of_the_database(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    def refusing(session: Session) -> None:
        raise WrongUsage("no")

    await store._database.write([refusing, lambda session: session.add(entry("good"))])
    assert not [record for record in caplog.records if record.name == "storage.database"]


async def test_a_single_write_that_fails_leaves_nothing(store: Store) -> None:
    def failing(session: Session) -> None:
        session.add(entry("half done"))
        session.flush()
        raise WrongUsage("no")

    with pytest.raises(WrongUsage):
        await store.audit._write(failing)
    assert await store._database.read(actions) == []


async def test_writes_see_those_before_them_in_the_same_group(store: Store) -> None:
    def count(session: Session) -> int:
        session.add(entry("x"))
        session.flush()
        return session.scalar(select(func.count()).select_from(AuditRow)) or 0

    assert await asyncio.gather(*(store.audit._write(count) for _ in range(10))) == list(range(1, 11))


def returning(number: int) -> Callable[[Session], int]:
    return lambda _: number


class Gate:
    """A database whose commits wait to be let through."""

    url = "gate:"

    def __init__(self) -> None:
        self.groups: list[int] = []
        self.open = asyncio.Event()
        self.error: Exception | None = None

    async def write(self, works: Any) -> list[Done]:
        self.groups.append(len(works))
        await self.open.wait()
        if self.error is not None:
            raise self.error
        return [Done(work(None)) for work in works]


def gated(gate: Gate, rows: int = 4) -> Writer:
    database: Database = gate  # type: ignore[assignment]
    return Writer(database, group_commit_rows=rows)


async def test_what_waits_shares_a_commit_up_to_the_limit() -> None:
    gate = Gate()
    writer = gated(gate)
    first = asyncio.create_task(writer.write(lambda _: 0))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    rest = [asyncio.create_task(writer.write(returning(n))) for n in range(1, 11)]
    await asyncio.sleep(0)
    gate.open.set()
    assert await asyncio.gather(first, *rest) == list(range(11))
    await writer.close()
    assert gate.groups == [1, 4, 4, 2]


async def test_a_write_returns_only_after_its_commit() -> None:
    gate = Gate()
    writer = gated(gate)
    waiting = asyncio.create_task(writer.write(lambda _: "written"))
    for _ in range(10):
        await asyncio.sleep(0)
    assert gate.groups == [1]
    assert not waiting.done()
    gate.open.set()
    assert await waiting == "written"
    await writer.close()


async def test_cancelled_waiters_take_nobody_with_them() -> None:
    gate = Gate()
    writer = gated(gate)
    ran = []
    under_way = asyncio.create_task(writer.write(lambda _: ran.append("under way")))
    for _ in range(3):
        await asyncio.sleep(0)
    not_begun = asyncio.create_task(writer.write(lambda _: ran.append("not begun")))
    other = asyncio.create_task(writer.write(lambda _: ran.append("other")))
    await asyncio.sleep(0)
    under_way.cancel()
    not_begun.cancel()
    gate.open.set()
    await other
    await writer.write(lambda _: ran.append("later"))
    await writer.close()
    assert ran == ["under way", "other", "later"]


async def test_a_commit_that_fails_fails_its_whole_group_and_the_writer_goes_on() -> None:
    gate = Gate()
    writer = gated(gate)
    gate.open.set()
    gate.error = DatabaseBusy("locked")
    outcomes = await asyncio.gather(*(writer.write(lambda _: 1) for _ in range(3)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [DatabaseBusy] * 3
    gate.error = None
    assert await writer.write(lambda _: 2) == 2
    await writer.close()


async def test_closing_commits_what_waits_and_then_takes_nothing_more() -> None:
    gate = Gate()
    gate.open.set()
    writer = gated(gate)
    waiting = [asyncio.create_task(writer.write(returning(n))) for n in range(9)]
    await asyncio.sleep(0)
    await writer.close()
    assert await asyncio.gather(*waiting) == list(range(9))
    with pytest.raises(MynahError, match="closed"):
        await writer.write(lambda _: 1)
