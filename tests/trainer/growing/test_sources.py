"""What is read: files of every format, folders, and the reasons for what is not."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from storage.errors import WrongUsage
from tests.trainer.growing.talking import line, write
from trainer.growing.dataset import DatasetWriter
from trainer.growing.sources import Readable, Skipped, find, shown_name
from trainer.growing.sources_decoding import NotText
from trainer.growing.sources_values import Broken, FoundTalk, Reading

Told = list[list[tuple[str, str]]]


def read(path: Path) -> list[FoundTalk | Broken]:
    [found] = find([str(path)])
    assert isinstance(found, Readable), found
    return list(found.read(Reading()))


def talks(path: Path) -> Told:
    """Role and text of everything in a file that could be read."""
    return [[(turn.role, turn.text) for turn in found.turns] for found in read(path) if isinstance(found, FoundTalk)]


def reason(path: Path) -> str:
    """Why a file is not read."""
    [found] = find([str(path)])
    assert isinstance(found, Skipped)
    return found.reason


HELLO = [("user", "Hello"), ("assistant", "Hi there")]


@pytest.mark.parametrize("name", ["talk.jsonl", "talk.ndjson", "talk.txt", "talk", "talk.json"])
def test_json_lines_are_known_by_what_they_are(tmp_path: Path, name: str) -> None:
    assert talks(write(tmp_path / name, line("Hello", "Hi there"), "\n", line("Hello", "Hi there"))) == [HELLO, HELLO]


@pytest.mark.parametrize(
    "record",
    [
        {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi there"}]},
        {"conversations": [{"from": "human", "value": "Hello"}, {"from": "gpt", "value": "Hi there"}]},
        {"dialog": ["Hello", "Hi there"]},
        {"prompt": "Hello", "response": "Hi there"},
        {"Question": "Hello", "Answer": "Hi there", "id": 5},
        {"messages": [{"role": "User", "content": [{"type": "text", "text": "Hello"}]},
                      {"role": "Assistant", "content": "Hi there"}]},
    ],
    ids=["messages", "from and value", "a list of texts", "a pair", "other names", "parts"],
)  # fmt: skip
@pytest.mark.parametrize("is_listed", [False, True], ids=["lines", "one document"])
def test_records_of_usual_shapes_are_understood(tmp_path: Path, record: dict[str, object], is_listed: bool) -> None:
    whole = json.dumps([record, record], indent=1) if is_listed else f"{json.dumps(record)}\n{json.dumps(record)}\n"
    assert talks(write(tmp_path / "talk.json", whole)) == [HELLO, HELLO]


def test_an_instruction_and_its_input_are_both_the_users_words(tmp_path: Path) -> None:
    record = {"instruction": "Make it short.", "input": "A long day", "output": "A day"}
    assert talks(write(tmp_path / "talk.jsonl", json.dumps(record))) == [
        [("user", "Make it short.\nA long day"), ("assistant", "A day")]
    ]


def test_a_document_of_one_conversation_over_many_lines_is_one(tmp_path: Path) -> None:
    assert talks(write(tmp_path / "talk.json", json.dumps(json.loads(line("Hello", "Hi there")), indent=4))) == [HELLO]


def test_named_people_each_play_the_assistant_once(tmp_path: Path) -> None:
    messages = [
        {"role": name, "content": text} for name, text in (("Ann", "a"), ("Ben", "b"), ("Ben", "c"), ("Ann", "d"))
    ]
    both = talks(write(tmp_path / "talk.jsonl", json.dumps({"messages": messages})))
    assert both == [
        [("user", "a"), ("assistant", "b\nc"), ("user", "d")],
        [("user", "b\nc"), ("assistant", "d")],
    ]


def test_fields_beside_the_messages_are_taken_over(tmp_path: Path) -> None:
    told = {"author": "ann", "source": "tea\tparty\n", "licence": "CC0-1.0", "channel": "x", "time": 5}
    [found] = read(write(tmp_path / "talk.jsonl", line("Hello", "Hi there", **told)))
    assert isinstance(found, FoundTalk)
    assert (found.author, found.source, found.licence) == ("ann", "tea party", "CC0-1.0")


def test_a_very_long_conversation_is_read_in_parts_that_stay_together(tmp_path: Path) -> None:
    found = read(write(tmp_path / "talk.jsonl", line(*(f"turn {number}" for number in range(450)))))
    assert [len(one.turns) for one in found if isinstance(one, FoundTalk)] == [200, 200, 50]
    assert len({one.unit for one in found if isinstance(one, FoundTalk)}) == 1


BROKEN = {
    "broken JSON": ('{"messages": [', "not JSON"),
    "not an object": ("[1, 2]", "not a JSON object"),
    "nothing known": ('{"colour": "red"}', "no list of messages"),
    "messages not a list": ('{"messages": 5}', "not a list"),
    "no messages": ('{"messages": []}', "is empty"),
    "a message without a role": ('{"messages": [{"content": "a"}]}', 'message 1 has no "role"'),
    "a message without content": ('{"messages": [{"role": "user"}]}', 'message 1 has no "content"'),
    "a number as content": ('{"messages": [{"role": "user", "content": 5}]}', "no text as content"),
    "a number as message": ('{"messages": [5]}', "message 1 is not an object"),
    "nested too deep": ('{"messages": ' + "[" * 100_000, "not JSON"),
    "too long": (line("a" * 1_100_000, "b").strip(), "longer than"),
}


@pytest.mark.parametrize(("bad", "why"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_line_is_named_and_those_around_it_are_read(tmp_path: Path, bad: str, why: str) -> None:
    found = read(write(tmp_path / "talk.jsonl", line("one", "eins"), bad, "\n", line("two", "zwei")))
    [broken] = [one for one in found if isinstance(one, Broken)]
    assert broken.where == "talk.jsonl:2"
    assert why in broken.reason
    assert len(found) == 3


def test_the_first_line_may_be_the_broken_one(tmp_path: Path) -> None:
    found = read(write(tmp_path / "talk.jsonl", '{"messages": [\n', line("one", "eins")))
    assert [type(one) for one in found] == [Broken, FoundTalk]


NOT_TEXT = {
    "nothing": (b"", "empty"),
    "blank lines": (b"\n \r\n\t\n", "empty"),
    "only a mark": (b"\xef\xbb\xbf", "empty"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "not text"),
    "noise": (bytes((number * 7919 >> 3) % 256 for number in range(5000)), "not text"),
    "an archive": (b"PK\x03\x04" + b"abc" * 100, "packed"),
    "gzip": (b"\x1f\x8b\x08" + b"abc" * 100, "packed"),
    "a web page": (b"<!DOCTYPE html><html><body>hi</body></html>", "web page"),
}


@pytest.mark.parametrize(("contents", "why"), NOT_TEXT.values(), ids=NOT_TEXT.keys())
@pytest.mark.parametrize("name", ["talk.txt", "talk"])
def test_a_file_that_is_not_text_is_not_read_and_says_why(tmp_path: Path, contents: bytes, why: str, name: str) -> None:
    assert why in reason(write(tmp_path / name, contents))


def test_json_without_conversations_says_so(tmp_path: Path) -> None:
    [found] = find([str(write(tmp_path / "capitals.json", '{\n"countries": [{"name": "Chad"}], "n": 1}'))])
    assert isinstance(found, Readable)
    with pytest.raises(NotText, match="without a list of conversations"):
        list(found.read(Reading()))


@pytest.mark.parametrize(
    "name", ["missing", "no/such/file.txt", "bad\0name", "x" * 5000], ids=["plain", "path", "NUL", "long"]
)
def test_a_name_that_is_nothings_is_wrong_usage(tmp_path: Path, name: str) -> None:
    with pytest.raises(WrongUsage):
        list(find([str(tmp_path / name)]))


def test_a_name_that_looks_like_a_dataset_says_how_to_write_it() -> None:
    with pytest.raises(WrongUsage, match="hf:someone/talk"):
        list(find(["someone/talk"]))


def test_a_folder_is_read_in_order_without_what_lies_beside_the_talk(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a/z.jsonl", "a/b.jsonl", "README.md", "LICENSE", ".hidden.jsonl", ".git/config.txt"):
        write(tmp_path / name, line("Hello", "Hi there"))
    write(tmp_path / "program.py", "print('hi')")
    found = list(find([str(tmp_path)]))
    assert [one.name for one in found if isinstance(one, Readable)] == ["b.jsonl", "a/b.jsonl", "a/z.jsonl"]
    [skipped] = [one for one in found if isinstance(one, Skipped)]
    assert skipped.name == "program.py"
    assert ".py" in skipped.reason


def test_patterns_leave_files_out_by_name(tmp_path: Path) -> None:
    for name in ("a.jsonl", "heldout.jsonl"):
        write(tmp_path / name, line("Hello", "Hi there"))
    found = list(find([str(tmp_path)], skip=["HELDOUT*"]))
    assert [(one.name, type(one)) for one in found] == [("a.jsonl", Readable), ("heldout.jsonl", Skipped)]


def test_a_file_that_is_named_itself_is_read_whatever_its_kind(tmp_path: Path) -> None:
    assert talks(write(tmp_path / "talk.transcript", "Ann: Hello\nBen: Hi there\n"))[0] == HELLO


def test_the_licence_beside_the_talk_counts_for_the_folders_below(tmp_path: Path) -> None:
    write(tmp_path / "LICENSE", "\n  MIT License \nmore words\n")
    write(tmp_path / "deep" / "er" / "a.jsonl", line("Hello", "Hi there"))
    write(tmp_path / "other" / "LICENCE.txt", "CC BY 4.0")
    write(tmp_path / "other" / "b.jsonl", line("Hello", "Hi there"))
    found = {one.name: one.licence for one in find([str(tmp_path)]) if isinstance(one, Readable)}
    assert found == {"deep/er/a.jsonl": "MIT License (LICENSE)", "other/b.jsonl": "CC BY 4.0 (LICENCE.txt)"}


def test_a_prepared_dataset_is_not_prepared_again(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path / "all" / "mine") as writer:
        writer.finish({}, "")
    with pytest.raises(WrongUsage, match="prepared dataset already"):
        list(find([str(tmp_path / "all" / "mine")]))
    [skipped] = find([str(tmp_path / "all")])
    assert isinstance(skipped, Skipped)


def test_a_folder_without_permission_is_wrong_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "closed").mkdir()
    real = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)  # permissions do not keep an administrator out
    with pytest.raises(WrongUsage, match=r"closed cannot be listed: Permission denied"):
        list(find([str(tmp_path)]))


def test_a_file_without_permission_is_named_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "closed.jsonl", line("a", "b"))
    write(tmp_path / "open.jsonl", line("a", "b"))
    real = Path.open

    def opened(self: Path, *arguments: Any, **more: Any) -> Any:
        if self.name == "closed.jsonl":
            raise PermissionError(13, "Permission denied", str(self))
        return real(self, *arguments, **more)

    monkeypatch.setattr(Path, "open", opened)
    closed, other = find([str(tmp_path)])
    assert isinstance(closed, Skipped)
    assert "Permission denied" in closed.reason
    assert isinstance(other, Readable)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Birds - talk - general [123456789012345678].json", "Birds - talk - general.json"),
        ("Direct Messages - mira [123456789012345678].json", "Direct Messages.json"),
        ("old/Direct Messages - mira [123456789012345678].json", "old/Direct Messages.json"),
        ("talk [2024].json", "talk [2024].json"),
        ("x" * 100 + ".txt", "…" + "x" * 75 + ".txt"),
        ("bad\udcff.txt", "bad\ufffd.txt"),
    ],
    ids=["a channel", "a person", "in a folder", "a year", "long", "bytes"],
)
def test_names_of_files_are_short_and_name_nobody(name: str, shown: str) -> None:
    assert shown_name(name) == shown


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(WrongUsage, match="neither a file nor a folder"):
        list(find([str(tmp_path / "pipe.txt")]))
    [found] = find([str(tmp_path)])
    assert isinstance(found, Skipped)
