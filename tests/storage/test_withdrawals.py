"""What members took back is noted beside the database: before it is asked, and whatever becomes of it."""

import os
from pathlib import Path

import pytest

from storage.errors import WrongUsage
from storage.store import Store
from storage.withdrawals import FILE_NAME, Taken, Withdrawal, Withdrawals, read_withdrawals
from tests.fakes.clock import FakeClock


def noted(home: Path) -> list[tuple[Taken, str, str]]:
    return [(one.taken, one.author_key, one.server) for one in read_withdrawals(home / FILE_NAME)]


async def test_who_is_forgotten_or_says_no_is_noted(store: Store, tmp_path: Path, clock: FakeClock) -> None:
    await store.consents.set("harbour", "ada", allowed=True)
    await store.consents.set("harbour", "bob", allowed=False)
    clock.advance(1)
    await store.members.forget("ada", server="harbour")
    clock.advance(1)
    await store.members.forget("bob")
    assert noted(tmp_path / "home") == [
        (Taken.CONSENT, "bob", "harbour"),
        (Taken.WORDS, "ada", "harbour"),
        (Taken.WORDS, "bob", "*"),
    ]


async def test_what_is_not_to_be_learnt_is_noted_by_its_id(store: Store, tmp_path: Path) -> None:
    await store.kept_out.mark("harbour", ["m-1", "m-1"], "ada", turn_ids=[7])
    told = read_withdrawals(tmp_path / "home" / FILE_NAME)
    assert {(one.taken, one.author_key, one.server, one.message, one.turn_id) for one in told} == {
        (Taken.MESSAGE, "ada", "harbour", "m-1", None),
        (Taken.MESSAGE, "ada", "harbour", "", 7),
    }


async def test_nobody_is_named_in_the_file(store: Store, tmp_path: Path) -> None:
    await store.members.forget(store.author_key("mira"))
    path = tmp_path / "home" / FILE_NAME
    assert "mira" not in path.read_text("utf-8")
    assert path.stat().st_mode & 0o077 == 0


async def test_a_disk_that_takes_no_note_keeps_nobody_from_being_forgotten(store: Store, tmp_path: Path) -> None:
    (tmp_path / "home" / FILE_NAME).mkdir()
    key = store.author_key("mira")
    await store.members.forget(key)
    assert await store.consents.get("server", key) is False


async def test_a_line_that_was_cut_short_does_not_swallow_the_next(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / FILE_NAME
    path.write_text('{"at": "2026-')
    await Withdrawals(tmp_path).note(Withdrawal(clock(), Taken.WORDS, "abc", "*"))
    assert path.read_text("utf-8").count("\n") == 2
    with pytest.raises(WrongUsage, match="Line 1"):
        read_withdrawals(path)


async def test_a_line_that_the_disk_took_half_of_is_warned_of(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, line: write(descriptor, line[:9]))
    await Withdrawals(tmp_path).note(Withdrawal(clock(), Taken.WORDS, "abc", "*"))
    assert [record.message for record in caplog.records] == ["withdrawal not noted"]


@pytest.mark.parametrize(
    "line",
    ["[]", "{}", '{"at": "then", "taken": "no", "author_key": "a", "server": "*"}', "\x00"],
    ids=["a list", "nothing in it", "no time", "no text"],
)
def test_a_line_that_is_no_withdrawal_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "list").write_text(
        '{"at": "2026-01-01T00:00:00+00:00", "taken": "no", "author_key": "a", "server": "*"}\n' + line
    )
    with pytest.raises(WrongUsage, match="Line 2"):
        read_withdrawals(tmp_path / "list")
