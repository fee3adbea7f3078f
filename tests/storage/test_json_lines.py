"""Lines with bounded memory, and records of JSON."""

import io
from pathlib import Path

import pytest

from storage.errors import WrongUsage
from storage.json_lines import NotARecord, bounded_lines, open_plain_file, record_of


def test_lines_keep_their_ends_and_long_ones_are_none() -> None:
    file = io.BytesIO(b"one\n\n" + b"x" * 50 + b"\ntwo\n" + b"y" * 50)
    assert list(bounded_lines(file, 10)) == [b"one\n", b"\n", None, b"two\n", None]


def test_a_line_of_just_the_bound_is_read() -> None:
    assert list(bounded_lines(io.BytesIO(b"x" * 10 + b"\n" + b"y" * 10), 10)) == [b"x" * 10 + b"\n", b"y" * 10]


def test_an_object_is_a_record() -> None:
    assert record_of(' {"a": [1]}\n') == {"a": [1]}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[1]", "not a JSON object"),
        ('"a"', "not a JSON object"),
        ('{"a": "\0"}', "NUL"),
        ("[" * 100_000, "nested too deep"),
        ('{"a": ' + "9" * 5000 + "}", "a number too long"),
    ],
    ids=["nothing", "cut off", "a list", "a text", "a NUL", "deep", "a long number"],
)
def test_what_is_no_record_says_why(text: str, reason: str) -> None:
    with pytest.raises(NotARecord, match=reason):
        record_of(text)


def test_what_is_no_plain_file_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(WrongUsage, match="is a folder"):
        open_plain_file(tmp_path)
    with pytest.raises(WrongUsage, match="There is no file"):
        open_plain_file(tmp_path / "missing")
    with pytest.raises(WrongUsage, match="cannot be read"):
        open_plain_file(Path("a\0b"))
