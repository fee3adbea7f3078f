"""Tables: which columns mean what, and what is said when none does."""

from pathlib import Path

import pytest

from tests.trainer.growing.talking import write
from tests.trainer.growing.test_sources import HELLO, read, talks
from trainer.growing.sources_decoding import NotText
from trainer.growing.sources_values import Broken, FoundTalk

BYE = [("user", "Bye"), ("assistant", "See you")]
TABLES = {
    "prompt and response": "prompt,response\nHello,Hi there\nBye,See you\n",
    "question and answer": "id;Question;Answer\n1;Hello;Hi there\n2;Bye;See you\n",
    "tabs": "user\tbot\nHello\tHi there\nBye\tSee you\n",
    "messages by conversation": (
        "conversation_id,role,content\n1,user,Hello\n1,assistant,Hi there\n2,user,Bye\n2,assistant,See you\n"
    ),
    "other names": "Dialogue ID,Speaker,Text\na,human,Hello\na,bot,Hi there\nb,human,Bye\nb,bot,See you\n",
    "a mark and other line ends": "\ufeffprompt,response\r\nHello,Hi there\r\n\r\nBye,See you\r\n",
    "messages by time": (
        "Author,Date,Content\nuser,2026-01-01T10:00,Hello\nbot,2026-01-01T10:01,Hi there\n"
        "user,2026-01-01T12:00,Bye\nbot,2026-01-01T12:01,See you\n"
    ),
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
@pytest.mark.parametrize("name", ["talk.csv", "talk.tsv", "talk.txt"])
def test_tables_of_usual_shapes_are_understood(tmp_path: Path, table: str, name: str) -> None:
    assert talks(write(tmp_path / name, table)) == [HELLO, BYE]


def test_cells_may_hold_signs_and_lines(tmp_path: Path) -> None:
    [told] = talks(write(tmp_path / "talk.csv", 'prompt,response\n"Hello, ""you""","Hi\nthere"\n'))
    assert told == [("user", 'Hello, "you"'), ("assistant", "Hi\nthere")]


def test_named_people_each_play_the_assistant_once(tmp_path: Path) -> None:
    table = "scene,speaker,line\n1,Ann,one\n1,Ben,two\n1,Ann,three\n"
    assert [len(one) for one in talks(write(tmp_path / "play.csv", table))] == [3, 2]


def test_the_columns_source_and_licence_are_taken_over(tmp_path: Path) -> None:
    [found] = read(write(tmp_path / "talk.csv", "prompt,response,source,licence\na,b,web,MIT\n"))
    assert isinstance(found, FoundTalk)
    assert (found.source, found.licence) == ("web", "MIT")


@pytest.mark.parametrize(
    "table",
    ["name,age\nAnn,5\n", "Hello,Hi there\nBye,See you\n", "role\nuser\n", "content,colour\na,b\n", "just one\n"],
    ids=["other columns", "no titles", "no content", "no role", "one column"],
)
def test_columns_that_say_nothing_are_named_with_what_is_needed(tmp_path: Path, table: str) -> None:
    path = write(tmp_path / "talk.csv", table)
    with pytest.raises(NotText, match=r'"role" and "content".*"prompt" and "response"') as caught:
        read(path)
    assert table.partition(",")[0].split("\n")[0] in str(caught.value)


def test_rows_that_are_none_are_reported_with_their_line(tmp_path: Path) -> None:
    found = read(write(tmp_path / "talk.csv", "prompt,response\nHello,Hi there\nalone\n,nothing asked\nBye,See you\n"))
    broken = [one for one in found if isinstance(one, Broken)]
    assert [one.reason for one in broken] == [
        "has 1 columns instead of 2",
        "a row without a prompt or without a response",
    ]
    assert broken[0].where == "talk.csv:3"
    assert len(found) == 4


def test_a_quotation_mark_that_is_never_closed_does_not_swallow_the_file(tmp_path: Path) -> None:
    rows = "".join(f"question {number},answer {number}\n" for number in range(20_000))
    found = read(write(tmp_path / "talk.csv", 'prompt,response\nHello,"Hi\n', rows))
    assert sum(isinstance(one, Broken) for one in found) == 1
    assert sum(isinstance(one, FoundTalk) for one in found) > 10_000
