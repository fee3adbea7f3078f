"""A backup's file: what is whole comes out as it went in, and everything else is refused."""

import gzip
import io
import json
import os
import random
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.archive import FORMAT, HEADER, MANIFEST, new_archive, read_header, unpack
from storage.errors import BackupDamaged, MynahError, Refused, WrongUsage

MEMBERS = {
    "database.sqlite": b"rows" * 50_000,
    "home/golden.jsonl": b"",
    "models/0123abcd/model.safetensors": random.Random(1).randbytes(3_000),
    f"work/snapshots/{'a' * 64}/examples/data-00000-of-00001.arrow": b"talk",
}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A whole one."""
    path = tmp_path / "backup.tar.gz"
    with new_archive(path, tmp_path) as writer:
        writer.begin({"database": "sqlite"})
        for number, (name, data) in enumerate(MEMBERS.items()):
            (tmp_path / str(number)).write_bytes(data)
            writer.add(name, tmp_path / str(number))
        writer.end({"left_out": {}})
    return path


def made_by_hand(path: Path, *members: tuple[tarfile.TarInfo | str, bytes]) -> Path:
    """An archive with any members, well packed."""
    with gzip.open(path, "wb") as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for named, data in members:
            member = tarfile.TarInfo(named) if isinstance(named, str) else named
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


BEGUN = (HEADER, json.dumps({"format": FORMAT}).encode())
NOTHING = (MANIFEST, b'{"files": {}}')


def files_under(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_went_in_comes_out(archive: Path, tmp_path: Path) -> None:
    found = unpack(archive, tmp_path / "out")
    assert files_under(tmp_path / "out") == MEMBERS
    assert found.files.keys() == MEMBERS.keys()
    assert found.header == read_header(archive) == {"format": FORMAT, "database": "sqlite"}
    assert found.more == {"left_out": {}}


def test_only_its_owner_may_read_it(archive: Path) -> None:
    assert archive.stat().st_mode & 0o777 == 0o600


def test_a_backup_that_fails_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), new_archive(tmp_path / "backup.tar.gz", tmp_path) as writer:
        writer.add("database.sqlite", tmp_path / "missing")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../outside", "home/a/b", "/etc/passwd", "models/x/../../y", "work/1/report.md"])
def test_a_name_of_another_shape_is_not_packed(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=name[-5:]), new_archive(tmp_path / "backup.tar.gz", tmp_path) as writer:
        writer.add(name, tmp_path / "file")


def link(kind: bytes) -> tarfile.TarInfo:
    member = tarfile.TarInfo("home/golden.jsonl")
    member.type, member.linkname = kind, "/etc/passwd"
    return member


STRANGE: dict[str, tarfile.TarInfo | str] = {
    "out of the folder": "../../outside",
    "out of the folder from inside": "models/0123/../../outside",
    "from the root": "/outside",
    "a symbolic link": link(tarfile.SYMTYPE),
    "a hard link": link(tarfile.LNKTYPE),
    "a device": link(tarfile.CHRTYPE),
    "a folder": link(tarfile.DIRTYPE),
    "hidden": "home/.env",
    "of no kind": "programs/run.sh",
}


@pytest.mark.parametrize("strange", STRANGE)
def test_a_member_that_no_backup_has_is_refused(tmp_path: Path, strange: str) -> None:
    path = made_by_hand(tmp_path / "backup.tar.gz", BEGUN, (STRANGE[strange], b""), NOTHING)
    with pytest.raises(Refused):
        unpack(path, tmp_path / "in" / "out")
    assert files_under(tmp_path / "in") == {}


FOREIGN: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("hello\n" * 1000),
    "another archive": lambda path: made_by_hand(path, ("readme", b"hello")),
    "one without a format": lambda path: made_by_hand(path, (HEADER, b"{}"), NOTHING),
    "a folder": lambda path: path.mkdir(),
    "missing": lambda path: None,
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_is_no_backup_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "backup.tar.gz"
    FOREIGN[kind](path)
    with pytest.raises((WrongUsage, BackupDamaged)) as caught:
        unpack(path, tmp_path / "out")
    assert str(path) in str(caught.value)


def test_one_of_a_newer_mynah_is_refused(tmp_path: Path) -> None:
    told = json.dumps({"format": FORMAT + 1}).encode()
    path = made_by_hand(tmp_path / "backup.tar.gz", (HEADER, told), ("of/the/future", b""), NOTHING)
    with pytest.raises(MynahError, match="newer"):
        unpack(path, tmp_path / "out")


@pytest.mark.parametrize(
    "members",
    [
        [],
        [("database.sqlite", b"rows"), NOTHING],
        [(MANIFEST, b'{"files": {"database.sqlite": {"sha256": "0", "bytes": 1}}}')],
        [(MANIFEST, b"{}")],
        [(MANIFEST, b"[]")],
        [(MANIFEST, b"{{{")],
        [("home/a", b""), ("home/a", b""), NOTHING],
        [NOTHING, ("home/a", b"")],
    ],
    ids=["no manifest", "unnamed", "missing", "no files", "a list", "no JSON", "twice", "something behind"],
)
def test_one_whose_manifest_does_not_fit_is_damaged(tmp_path: Path, members: list[tuple[str, bytes]]) -> None:
    path = made_by_hand(tmp_path / "backup.tar.gz", BEGUN, *members)
    with pytest.raises(BackupDamaged):
        unpack(path, tmp_path / "out")


def test_one_that_is_cut_short_is_refused_wherever_it_ends(archive: Path, tmp_path: Path) -> None:
    whole = archive.read_bytes()
    for end in range(0, len(whole), 97):
        archive.write_bytes(whole[:end])
        with pytest.raises(MynahError):
            unpack(archive, tmp_path / f"out-{end}")


def test_a_changed_byte_is_noticed_wherever_it_is(archive: Path, tmp_path: Path) -> None:
    """But for the first ten, of which gzip's time and system mean nothing."""
    whole = archive.read_bytes()
    for at in range(10, len(whole), 41):
        archive.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        with pytest.raises(MynahError):
            unpack(archive, tmp_path / f"out-{at}")


def test_memory_does_not_grow_with_a_member(tmp_path: Path) -> None:
    """64 MB of zeros pass through in pieces."""
    import tracemalloc

    with (tmp_path / "zeros").open("wb") as file:
        os.truncate(file.fileno(), 64 * 1024**2)
    tracemalloc.start()
    try:
        with new_archive(tmp_path / "backup.tar.gz", tmp_path) as writer:
            writer.begin({})
            writer.add("database.sqlite", tmp_path / "zeros")
            writer.end({})
        unpack(tmp_path / "backup.tar.gz", tmp_path / "out")
        assert tracemalloc.get_traced_memory()[1] < 16 * 1024**2
    finally:
        tracemalloc.stop()
