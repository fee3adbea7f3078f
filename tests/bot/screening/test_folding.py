import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.screening.bounds import MOST_GROWTH, Bounds, prepare
from bot.screening.folding import Folder, clean
from storage.values import Outcome

FOLDER = Folder()


@pytest.mark.parametrize(
    "text",
    [
        "іdіоt",
        "ｉｄｉｏｔ",
        "𝓲𝓭𝓲𝓸𝓽",
        "i\u200bd\u200bi\u200bo\u200bt",
        "i\u00addi\u00adot",
        "i̷d̷i̷o̷t̷",
        "ⓘⓓⓘⓞⓣ",
        "🅸🅳🅸🅾🆃",
        "ídïøt",
        "𝕚𝕕𝕚𝕠𝕥",
        "ɪᴅɪᴏᴛ",
        "IDIOT",
        "1d10t",
        "i.d.i.o.t",
        "i d i o t",
        "i-d-i-o-t",
        "idiooooot",
        "\U000e0069idiot\ufe0f",
    ],
    ids=ascii,
)
def test_a_disguised_word_can_be_read(text: str) -> None:
    assert "idiot" in (*prepare(text, FOLDER, 100).forms, FOLDER.plain(text).lower())


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("i t  i s  a  t e s t", "it  is  a  test"),
        ("i.t i.s a t.e.s.t", "it is a test"),
        ("y.o.u.'.r.e i.n", "you're in"),
        ("what a t e s t", "what a  test"),
        ("y0u 4re 4 700l", "you are a tool"),
    ],
)
def test_a_whole_line_in_one_disguise_can_be_read(text: str, reading: str) -> None:
    assert reading in prepare(text, FOLDER, 100).forms


@pytest.mark.parametrize("text", ["meet at 10 a.m", "x y plane", "vitamin c or d"])
def test_two_letters_alone_stay_apart(text: str) -> None:
    assert prepare(text, FOLDER, 100).forms == (text,)


@pytest.mark.parametrize(
    "text", ["привет дорогой", "спасибо", "καλημέρα", "שלום", "สวัสดีครับ", "नमस्ते", "こんにちは", "안녕하세요"]
)
def test_other_alphabets_are_not_turned_into_latin(text: str) -> None:
    assert not any(character.isascii() and character.isalpha() for character in FOLDER.plain(text))


@pytest.mark.parametrize("text", ["mp3", "4k", "2nd", "1v1", "h264", "lf2m", "10pm", "v2", "3d", "b12"])
def test_ordinary_mixes_of_digits_and_letters_have_one_reading(text: str) -> None:
    assert prepare(text, FOLDER, 100).forms == (text,)


def test_plain_talk_has_one_form() -> None:
    assert prepare("Hello there, friend!", FOLDER, 100).forms == ("Hello there, friend!",)


def test_letter_case_survives_in_the_plain_copy() -> None:
    assert FOLDER.plain("ＡＢｃ") == "ABc"


def test_cleaning_takes_out_what_cannot_be_stored() -> None:
    assert clean("a\x00b\ud800c\r\nd\x1b[0m") == "ab�c\nd[0m"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "bounds:empty"),
        (" \n\t", "bounds:empty"),
        ("\u200b\u2060\u3164", "bounds:empty"),
        ("\x00", "bounds:empty"),
        ("x" * 11, "bounds:too-long"),
    ],
)
def test_nothing_and_too_much_are_refused_and_not_answered(text: str, reason: str) -> None:
    [finding] = Bounds(10).examine([prepare(text, FOLDER, 10)])
    assert (finding.outcome, finding.reasons, finding.blocks_reply) == (Outcome.REFUSE, (reason,), True)


def test_what_grows_when_it_is_folded_is_refused() -> None:
    [finding] = Bounds(100).examine([prepare("\ufdfa" * 100, FOLDER, 100)])
    assert finding.reasons == ("bounds:too-long",)


@pytest.mark.parametrize("length", [10, 100_000])
def test_korean_at_the_bound_is_not_too_long(length: int) -> None:
    assert not prepare("각" * length, FOLDER, length).is_cut


@given(st.text(alphabet=st.characters(codec=None, max_codepoint=sys.maxunicode, exclude_categories=()), max_size=60))
def test_every_text_can_be_prepared_and_stored(text: str) -> None:
    subject = prepare(text, FOLDER, 50)
    subject.original.encode("utf-8")
    assert len(subject.original) <= 50
    assert len(subject.plain) <= MOST_GROWTH * 50
    assert "\x00" not in subject.original
