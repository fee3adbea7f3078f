"""Plain text and its encodings: scripts, lines and prose."""

from pathlib import Path

import pytest

from tests.trainer.growing.talking import line, write
from tests.trainer.growing.test_sources import HELLO, read, talks
from trainer.growing.sources_decoding import OTHER_ENCODING, NotText, encoding_of, text_chunks, text_lines
from trainer.growing.sources_prose import PIECE_CHARACTERS, prose_turns
from trainer.growing.sources_text import Shape, shape_of
from trainer.growing.sources_values import Broken, FoundTalk, Reading

SCRIPT = "Ann: Hello\nBen: Hi there\n"


@pytest.mark.parametrize(
    "text",
    [
        "User: Hello\nAssistant: Hi there\n",
        "Q: Hello\nA: Hi there",
        "<user> Hello\n<bot> Hi there\n",
        "[12:01] user: Hello\n[12:02] bot: Hi there\n",
        "01/02/2026, 10:11 - user: Hello\n01/02/2026, 10:12 - bot: Hi there\n",
        "2026-01-02 10:11:00 user: Hello\n2026-01-02 10:12:10 bot: Hi there\n",
        "user:   Hello\r\nbot:\tHi there\r\n",
    ],
    ids=["names", "letters", "nicknames", "times", "a phone's export", "a log", "other spaces"],
)
def test_scripts_of_usual_shapes_are_understood(tmp_path: Path, text: str) -> None:
    assert talks(write(tmp_path / "talk.txt", text)) == [HELLO]


def test_people_of_a_script_each_play_the_assistant_once(tmp_path: Path) -> None:
    told = talks(write(tmp_path / "talk.txt", SCRIPT, "Ann: How are you?\n"))
    assert told == [
        [("user", "Hello"), ("assistant", "Hi there"), ("user", "How are you?")],
        [("user", "Hi there"), ("assistant", "How are you?")],
    ]


def test_both_views_of_a_conversation_are_one_unit(tmp_path: Path) -> None:
    found = read(write(tmp_path / "talk.txt", SCRIPT, "Ann: How are you?\n\nAnn: Other\nBen: Talk\n"))
    assert len({one.unit for one in found if isinstance(one, FoundTalk)}) == 2


def test_a_blank_line_ends_a_conversation_and_a_line_without_a_name_goes_on(tmp_path: Path) -> None:
    told = talks(write(tmp_path / "talk.txt", "user: Hello\n  you\nbot: Hi there\n\n\nuser: Bye\nbot: See you\n"))
    assert told == [
        [("user", "Hello\nyou"), ("assistant", "Hi there")],
        [("user", "Bye"), ("assistant", "See you")],
    ]


def test_words_before_the_first_name_are_reported(tmp_path: Path) -> None:
    found = read(write(tmp_path / "talk.txt", "A talk between friends\n", SCRIPT, SCRIPT))
    assert found[0] == Broken("talk.txt:1", "words before the first name")


def test_one_person_alone_goes_on_by_themselves(tmp_path: Path) -> None:
    assert talks(write(tmp_path / "talk.txt", "Ann: Hello\nAnn: Hi there\n")) == [HELLO]


def test_short_lines_without_names_take_turns(tmp_path: Path) -> None:
    assert talks(write(tmp_path / "talk.txt", "Hello\nHi there\n\nBye!\nSee you.\n")) == [
        HELLO,
        [("user", "Bye!"), ("assistant", "See you.")],
    ]


def test_paragraphs_of_prose_take_turns_and_broken_lines_are_joined(tmp_path: Path) -> None:
    first = "The boat had been lying on the sand since the autumn and nobody\nhad asked for it. Then came the spring."
    second = "A man walked down from the village with a pot of paint and said\nnothing for the whole of the morning."
    [told] = talks(write(tmp_path / "story.txt", f"{first}\n\n{second}\n"))
    assert told == [("user", first.replace("\n", " ")), ("assistant", second.replace("\n", " "))]


def test_prose_is_cut_into_conversations_of_some_paragraphs(tmp_path: Path) -> None:
    text = "\n\n".join(f"This is paragraph number {number}, which says nothing much." for number in range(20))
    assert [len(one) for one in talks(write(tmp_path / "story.txt", text))] == [8, 8, 4]


@pytest.mark.parametrize("sentences", [2, 3, 40])
def test_a_single_paragraph_is_parted_at_ends_of_sentences(sentences: int) -> None:
    told = " ".join(f"Here is sentence number {number}." for number in range(sentences))
    turns = prose_turns([told])
    assert len(turns) >= 2
    assert " ".join(turn.text for turn in turns) == told
    assert all(turn.text.endswith(".") and len(turn.text) <= PIECE_CHARACTERS for turn in turns)


def test_a_single_sentence_is_no_conversation() -> None:
    assert len(prose_turns(["It was late"])) == 1


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        (SCRIPT * 3, Shape.SCRIPT),
        ("Note: this is a story\n\n" + "It goes on and on, and nobody is named in it.\n\n" * 5, Shape.PROSE),
        ("see http://example.org\nand then: nothing\nhello\nbye\n", Shape.LINES),
        ("One line that stands alone, and quite long.", Shape.PROSE),
    ],
    ids=["names", "a note", "an address", "one line"],
)
def test_what_a_text_is_shows_in_its_beginning(text: str, shape: Shape) -> None:
    assert shape_of(text) is shape


def test_a_line_without_end_is_reported_and_parts_the_talk(tmp_path: Path) -> None:
    found = read(write(tmp_path / "talk.txt", SCRIPT, "Ann: ", "x" * 1_200_000, "\nBen: what?\nAnn: sorry\n"))
    assert [one.reason for one in found if isinstance(one, Broken)] == ["the line is longer than 1000000 bytes"]
    assert [[turn.text for turn in one.turns] for one in found if isinstance(one, FoundTalk)] == [
        ["Hello", "Hi there"],
        ["what?", "sorry"],
    ]


ENCODINGS = {
    "UTF-8": "Grüße: ça va?".encode(),
    "UTF-8 with a mark": b"\xef\xbb\xbf" + "Grüße: ça va?".encode(),
    "UTF-16 with a mark": "Grüße: ça va?".encode("utf-16"),
    "UTF-16 of either kind": "Grüße: ça va?".encode("utf-16-be"),
    "UTF-16 without a mark": "Grüße: ça va?".encode("utf-16-le"),
    "UTF-32": "Grüße: ça va?".encode("utf-32"),
    "Windows-1252": "Grüße: ça va?".encode("cp1252"),
}


@pytest.mark.parametrize("given", ENCODINGS.values(), ids=ENCODINGS.keys())
def test_every_usual_encoding_is_read(tmp_path: Path, given: bytes) -> None:
    path = write(tmp_path / "talk.txt", given)
    assert list(text_lines(path, Reading())) == ["Grüße: ça va?"]
    assert "".join(text_chunks(path, Reading())).lstrip("\ufeff") == "Grüße: ça va?"


def test_encodings_mixed_in_one_file_are_read_line_by_line_and_counted(tmp_path: Path) -> None:
    lines = ["für dich", "naïve café", "“quoted” – well", "plain"]
    encodings = ["utf-8", "cp1252", "cp1252", "ascii"]
    path = write(tmp_path / "talk.txt", *(f"{one}\n".encode(name) for one, name in zip(lines, encodings, strict=True)))
    reading = Reading()
    assert [str(one).strip() for one in text_lines(path, reading)] == lines
    assert reading.changed[OTHER_ENCODING] == 2
    assert reading.bytes_read == path.stat().st_size


def test_encodings_mixed_in_one_line_are_read_too(tmp_path: Path) -> None:
    path = write(tmp_path / "talk.txt", "grün ".encode(), "grün ".encode("latin-1"), b"\x81")
    assert list(text_lines(path, Reading())) == ["grün grün \x81"]


def test_json_lines_in_utf_16_are_read(tmp_path: Path) -> None:
    assert talks(write(tmp_path / "talk.jsonl", (line("Hello", "Hi there") * 2).encode("utf-16"))) == [HELLO, HELLO]


def test_a_long_line_of_utf_16_is_skipped_too(tmp_path: Path) -> None:
    path = write(tmp_path / "talk.txt", ("x" * 900 + "\nshort\n").encode("utf-16"))
    assert list(text_lines(path, Reading(), most_bytes=1000)) == [None, "short\n"]


def test_a_single_zero_does_not_make_a_text_binary() -> None:
    assert encoding_of(b"some words\0" + b"and many more words " * 10) == "utf-8"
    with pytest.raises(NotText):
        encoding_of(b"\0\1\2\3" * 20)
