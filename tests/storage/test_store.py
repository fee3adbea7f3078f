import asyncio
import contextlib
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url

from storage.errors import DatabaseBusy, MynahError, WrongUsage
from storage.settings import StoreSettings
from storage.store import open_store
from tests.fakes.clock import FakeClock
from tests.storage.talk import say

FAST = StoreSettings(busy_timeout_seconds=0.1)
OPEN = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from storage.settings import StoreSettings
from storage.store import open_store

async def main():
    async with open_store(StoreSettings(), Path(sys.argv[1]), clock=lambda: datetime.now(UTC)) as store:
        await store.audit.record("a", "b", "c")
        print(store.author_key("1"), "alembic" in sys.modules)

asyncio.run(main())
"""


async def opened(settings: StoreSettings, home: Path) -> None:
    async with open_store(settings, home, clock=FakeClock()):
        pass


def lock(path: Path) -> sqlite3.Connection:
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    return holder


async def test_a_locked_database_is_reported_and_used_again_once_it_is_free(
    tmp_path: Path, migrated_home: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(migrated_home, home)
    async with open_store(FAST, home, clock=FakeClock()) as store:
        with contextlib.closing(lock(home / "mynah.db")) as holder:
            with pytest.raises(DatabaseBusy, match=r"Another process holds .*mynah\.db"):
                await say(store, "hello")
            with pytest.raises(DatabaseBusy):
                await store.conversations.count()
            with pytest.raises(DatabaseBusy):
                await opened(FAST, home)
            holder.execute("ROLLBACK")
        await say(store, "hello")
        assert await store.conversations.count() == 1


async def test_a_fresh_start_beside_a_locked_file_is_reported(tmp_path: Path) -> None:
    with contextlib.closing(lock(tmp_path / "mynah.db")), pytest.raises(DatabaseBusy):
        await opened(FAST, tmp_path)


async def test_a_file_that_is_no_database_is_reported_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mynah.db").write_bytes(b"Dear diary, " * 1000)
    with pytest.raises(WrongUsage, match="not a database"):
        await opened(FAST, tmp_path)
    assert (tmp_path / "mynah.db").read_bytes() == b"Dear diary, " * 1000


async def test_a_folder_in_the_place_of_the_database_is_reported(tmp_path: Path) -> None:
    (tmp_path / "mynah.db").mkdir()
    with pytest.raises(MynahError, match="cannot be written"):
        await opened(FAST, tmp_path)


async def test_a_home_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WrongUsage, match="home folder"):
        await opened(FAST, tmp_path / "file" / "home")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere: run the tests as another user")
async def test_a_home_that_may_not_be_written_is_reported(tmp_path: Path) -> None:
    os.chmod(tmp_path, 0o500)
    with pytest.raises(MynahError, match="permissions"):
        await opened(FAST, tmp_path)


@pytest.mark.parametrize("url", ["nonsense", "mysql://u:geheim@h/d", "sqlite://", "sqlite:///:memory:", "://geheim"])
async def test_an_address_we_cannot_use_is_reported_without_its_password(tmp_path: Path, url: str) -> None:
    with pytest.raises(WrongUsage, match="postgresql") as caught:
        await opened(StoreSettings(url=url), tmp_path)
    assert "geheim" not in str(caught.value)


async def test_a_server_that_is_not_there_is_reported_without_its_password(tmp_path: Path) -> None:
    settings = StoreSettings(url="postgresql://u:geheim@127.0.0.1:1/mynah", busy_timeout_seconds=1)
    with pytest.raises(MynahError, match="cannot be reached") as caught:
        await opened(settings, tmp_path)
    assert "geheim" not in str(caught.value)


async def test_a_database_that_is_not_on_the_server_is_reported(tmp_path: Path, postgres_server: str) -> None:
    url = make_url(postgres_server).set(database="nowhere").render_as_string(hide_password=False)
    with pytest.raises(WrongUsage, match="no such database"):
        await opened(StoreSettings(url=url), tmp_path)


async def test_a_missing_driver_names_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(WrongUsage, match=r"mynah\[postgres\]"):
        await opened(StoreSettings(url="postgresql://u@h/d"), tmp_path)


async def test_the_url_shown_has_no_password(tmp_path: Path) -> None:
    async with open_store(StoreSettings(url=f"sqlite:///{tmp_path}/other.db"), tmp_path, clock=FakeClock()) as store:
        assert store.url == f"sqlite:///{tmp_path}/other.db"
    assert (tmp_path / "other.db").exists()
    assert not (tmp_path / "mynah.db").exists()


async def test_a_database_of_a_newer_mynah_is_left_alone(tmp_path: Path, migrated_home: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(migrated_home, home)
    with contextlib.closing(sqlite3.connect(home / "mynah.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(MynahError, match="newer Mynah"):
        await opened(FAST, home)


def test_processes_that_start_together_make_one_database_and_one_key(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", OPEN, str(tmp_path / "home")]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [process.communicate(timeout=120)[0].split()[0] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0]
    assert len(set(said)) == 1
    with contextlib.closing(sqlite3.connect(tmp_path / "home" / "mynah.db")) as database:
        assert database.execute("SELECT count(*) FROM audit").fetchone() == (3,)


def test_a_second_start_does_without_alembic(tmp_path: Path, migrated_home: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(migrated_home, home)
    said = subprocess.run([sys.executable, "-c", OPEN, str(home)], capture_output=True, text=True, check=True)
    assert said.stdout.split()[1] == "False"


def test_importing_the_store_imports_no_driver_it_may_not_need() -> None:
    program = (
        "import sys, storage.registry; print(sorted({'alembic', 'asyncpg', 'torch', 'discord'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


async def test_migrating_leaves_logging_as_it_is(tmp_path: Path) -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers), logging.getLogger("mynah").disabled)
    await opened(FAST, tmp_path)
    assert (root.level, list(root.handlers), logging.getLogger("mynah").disabled) == before


async def test_an_author_is_known_by_a_keyed_hash_that_lasts(tmp_path: Path) -> None:
    async with open_store(FAST, tmp_path, clock=FakeClock()) as store:
        key = store.author_key("1234")
        assert key != store.author_key("1235")
    async with open_store(FAST, tmp_path, clock=FakeClock()) as store:
        assert store.author_key("1234") == key
    assert len(key) == 64
    assert "1234" not in key
    assert os.stat(tmp_path / "author.key").st_mode & 0o777 == 0o600
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


async def test_another_home_knows_the_author_by_another_hash_unless_the_secret_is_set(tmp_path: Path) -> None:
    keys = []
    for home, secret in (("a", None), ("b", None), ("c", "shared"), ("d", "shared")):
        settings = StoreSettings(author_key_secret=None if secret is None else SecretStr(secret))
        async with open_store(settings, tmp_path / home, clock=FakeClock()) as store:
            keys.append(store.author_key("1234"))
    assert len(set(keys)) == 3
    assert keys[2] == keys[3]
    assert not (tmp_path / "c" / "author.key").exists()


@pytest.mark.parametrize("kept", ["", "not hexadecimal", "abcd", "\ufffd"], ids=["empty", "words", "short", "garbled"])
async def test_a_damaged_author_key_is_reported_and_not_replaced(tmp_path: Path, kept: str) -> None:
    (tmp_path / "author.key").write_text(kept, encoding="utf-8")
    with pytest.raises(WrongUsage, match="author key"):
        await opened(FAST, tmp_path)
    assert (tmp_path / "author.key").read_text(encoding="utf-8") == kept


async def test_two_stores_on_one_database_write_at_once(tmp_path: Path, migrated_home: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(migrated_home, home)
    clock = FakeClock()
    async with (
        open_store(StoreSettings(), home, clock=clock) as one,
        open_store(StoreSettings(), home, clock=clock) as two,
    ):
        await asyncio.gather(*(say(store, f"{n}") for n in range(20) for store in (one, two)))
        assert await one.conversations.count() == 40


async def test_forgotten_words_are_nowhere_in_the_file_whatever_the_default_of_the_build(
    tmp_path: Path, migrated_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.dbapi2.connect

    def as_others_build_it(*given: Any, **named: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*given, **named)
        connection.execute("PRAGMA secure_delete=OFF")
        return connection

    monkeypatch.setattr(sqlite3.dbapi2, "connect", as_others_build_it)
    shutil.copytree(migrated_home, tmp_path / "home")
    async with open_store(StoreSettings(), tmp_path / "home", clock=FakeClock()) as store:
        for words in ("a short secret", "a long secret " * 1000):
            await say(store, words, author="ada")
        assert b"a long secret" in (tmp_path / "home" / "mynah.db").read_bytes()
        await store.members.forget("ada")
    left = (tmp_path / "home" / "mynah.db").read_bytes()
    assert b"a long secret" not in left
    assert b"a short secret" not in left
