"""Characters made plain, and what must stay as it is."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from storage.errors import WrongUsage
from trainer.growing.cleaning import (
    BROKEN_UNICODE,
    CONTROLS,
    INVISIBLE,
    LOWERED,
    SPACES,
    SPELT,
    Cleaner,
    open_spelling,
)

CLEANED = {
    "wrongly decoded": ("caf\u00c3\u00a9 it\u00e2\u20ac\u2122s", "café it's", {BROKEN_UNICODE}),
    "typographic quotes": ("“Hi” – it’s …", '"Hi" – it\'s …', {BROKEN_UNICODE}),
    "apart accents": ("cafe\u0301", "café", {BROKEN_UNICODE}),
    "HTML": ("&lt;3 Tom &amp; Ann", "<3 Tom & Ann", {BROKEN_UNICODE}),
    "zero width": ("a\u200bb\u2060c\ufeff", "abc", {INVISIBLE}),
    "soft hyphens": ("butter\u00adfly", "butterfly", {INVISIBLE}),
    "direction marks": ("\u202eabc\u202c", "abc", {INVISIBLE}),
    "hidden tags": ("a\U000e0041\U000e0042", "a", {INVISIBLE}),
    "terminal colours": ("\x1b[31mred\x1b[0m\x07", "red", {CONTROLS}),
    "a lone surrogate": ("a\ud800b", "ab", {CONTROLS}),
    "other line ends": ("a\r\nb\u2028c", "a\nb\nc", {CONTROLS}),
    "odd spaces": ("a\u00a0b\u3000c\td", "a b c d", {SPACES}),
    "runs": ("a   b\n\n\n\nc  \n  d", "a b\n\nc\nd", {SPACES}),
    "only spaces": (" \u00a0\t\n ", "", set()),
}


@pytest.mark.parametrize(("given", "wanted", "steps"), CLEANED.values(), ids=CLEANED.keys())
def test_text_is_made_plain_and_what_changed_is_counted(given: str, wanted: str, steps: set[str]) -> None:
    cleaner = Cleaner()
    assert cleaner.clean(given) == wanted
    assert {name for name, count in cleaner.changed.items() if count} >= steps
    assert cleaner.clean(wanted) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "plain words, 5 < 6 & more",
        "Straße, naïve, Ærø, ñandú",
        "👨\u200d👩\u200d👧 and ❤\ufe0f and 👍🏽",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "می\u200cخواهم",
        "क्\u200dष",
        "你好！真的吗？",
        "Привет, как дела?",
        "ﷺ x² ½ ™",
        "two\n\nparagraphs",
    ],
    ids=["ASCII", "Latin", "emoji", "a flag", "Persian", "Hindi", "Chinese", "Russian", "signs", "paragraphs"],
)
def test_good_text_stays_as_it_is(text: str) -> None:
    cleaner = Cleaner()
    assert cleaner.clean(text) == text
    assert not +cleaner.changed


def test_spaces_at_the_ends_are_taken_off_without_being_counted() -> None:
    cleaner = Cleaner()
    assert cleaner.clean("  hello \n") == "hello"
    assert not +cleaner.changed


def test_letters_are_made_small_only_when_asked() -> None:
    cleaner = Cleaner(lowercase=True)
    assert (Cleaner().clean("HELLO"), cleaner.clean("HELLO"), cleaner.clean("low")) == ("HELLO", "hello", "low")
    assert cleaner.changed[LOWERED] == 1


def test_spelling_repairs_words_but_not_names_addresses_or_short_words() -> None:
    cleaner = Cleaner(spelling=lambda word: {"teh": "the", "recieve": "receive"}.get(word, word[::-1]))
    told = "I recieve Recieve @recieve recieve.com it's http://recieve teh"
    assert cleaner.clean(told) == "I receive Recieve @recieve recieve.com it's http://recieve teh"
    assert cleaner.changed[SPELT] == 1


def test_without_the_library_spelling_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spellchecker", None)
    with pytest.raises(WrongUsage, match=r"pip install 'mynah\[spelling\]'"):
        open_spelling("en")


class FakeChecker:
    """Knows one word, and one repair."""

    def __init__(self, *, language: str, distance: int) -> None:
        if language != "en":
            raise ValueError(language)
        assert distance == 1

    @staticmethod
    def languages() -> Any:
        return ["en"]

    def known(self, words: list[str]) -> set[str]:
        return {"right", "that's", "you're"} & set(words)

    def correction(self, word: str) -> str | None:
        return {"wrng": "wrong", "right": "spoilt"}.get(word)


def test_a_dictionary_repairs_only_what_it_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spellchecker", SimpleNamespace(SpellChecker=FakeChecker))
    spelling = open_spelling("en")
    assert [spelling(word) for word in ("right", "wrng", "blorp")] == ["right", "wrong", "blorp"]
    assert [spelling(word) for word in ("thats", "youre")] == ["that's", "you're"]


def test_an_unknown_language_is_wrong_usage_with_those_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spellchecker", SimpleNamespace(SpellChecker=FakeChecker))
    with pytest.raises(WrongUsage, match=r"'klingon'.*There are: en"):
        open_spelling("klingon")
