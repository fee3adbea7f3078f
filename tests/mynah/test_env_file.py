"""The .env file: what is set, what is kept, who may read it."""

import stat
from pathlib import Path

import pytest

from mynah.env_file import set_variables
from storage.errors import MynahError


def test_a_new_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    set_variables(path, {"MYNAH_DISCORD__TOKEN": "abc"})
    assert path.read_text() == "MYNAH_DISCORD__TOKEN=abc\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_other_lines_stay_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# mine\nOTHER=1\nMYNAH_DISCORD__TOKEN=old\n\nLAST=x\n")
    path.chmod(0o644)
    set_variables(path, {"MYNAH_DISCORD__TOKEN": "new", "MYNAH_HOME": "/h"})
    assert path.read_text() == "# mine\nOTHER=1\nMYNAH_DISCORD__TOKEN=new\n\nLAST=x\nMYNAH_HOME=/h\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_name_that_stood_twice_stands_once(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("A=1\nexport A=2\n")
    set_variables(path, {"A": "3"})
    assert path.read_text() == "A=3\n"


def test_a_comment_about_the_name_is_no_setting(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# A=1\n")
    set_variables(path, {"A": "3"})
    assert path.read_text() == "# A=1\nA=3\n"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "real", tmp_path / ".env"
    target.write_text("A=1\n")
    link.symlink_to(target)
    set_variables(link, {"A": "2"})
    assert link.is_symlink()
    assert target.read_text() == "A=2\n"


def test_a_file_that_cannot_be_read_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(MynahError, match="cannot be changed"):
        set_variables(path, {"A": "1"})
    assert path.read_bytes() == b"\xff\xfe"
    assert list(tmp_path.iterdir()) == [path]
