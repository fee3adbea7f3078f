"""Undoes what people do to letters so that a screen will not read them: look-alikes, invisible marks, digits for letters.

It knows no words and decides nothing. The folded copy is only looked at; the original is what is kept.
A word is replaced by its look-alike reading only when the whole of it turns into ASCII, so Russian stays Russian.
"""

import json
import re
import unicodedata
from collections.abc import Iterator
from importlib.resources import files

_INVISIBLE_LETTERS = "\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"  # fillers that are letters by category, and blank
_PUNCTUATION = {"’": "'", "‘": "'", "ʼ": "'", "´": "'", "`": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "..."}
_BY_NAME = re.compile(
    r"(?:LATIN LETTER SMALL CAPITAL|LATIN (?:SMALL|CAPITAL) LETTER(?: SCRIPT)?|(?:NEGATIVE )?(?:SQUARED|CIRCLED) LATIN CAPITAL LETTER"
    r"|REGIONAL INDICATOR SYMBOL LETTER) ([A-Z])(?: WITH .*)?"
)
_LATIN_BLOCKS = ((0xC0, 0x250), (0x250, 0x2B0), (0x1D00, 0x1DC0), (0xA720, 0xA800), (0x1F100, 0x1F200))
_WORD = re.compile(r"\S*[^\x00-\x7f]\S*")

_LEET = str.maketrans("0134578@$+|€£¢", "oieastbastielc")
_LEET_L = str.maketrans("01345789@$+|€£¢", "oleastbgastlelc")
_LEET_WORD = re.compile(r"\S*(?:[a-z][0134578@$|€£¢!+]|[013457@$|€£!][a-z])\S*")
_ORDINARY_MIXED = re.compile(
    r"\W*(?:\d+(?:st|nd|rd|th|s|m|h|k|x|d|v|p|g|gb|mb|tb|kg|km|cm|mm|ml|am|pm|min|mins|hrs?|hz|fps|hp|xp|ms|px|v\d+|x\d+)"
    r"|[a-z]{1,3}\d{1,4}|mp[34]|@[\w.]+|\S+@\S+\.\S+|https?:\S+|<\S*>)\W*"
)
_ANY_WORD = re.compile(r"\S+")
_BANG = re.compile(r"(?<=[a-z])!(?=[a-z])")
_SPACED = re.compile(r"(?<![^\W_])(?<![^\W_][.\-_*~|])[^\W_]([ .\-_*~,/|])(?:(?:[^\W_]|')\1){1,30}[^\W_](?![^\W_])")
# Two letters alone are only read as a word beside longer ones that were taken apart in the same way.
_SPACED_PAIR = re.compile(r"(?<![^\W_])[^\W_](?:([.\-_*~,/|])|(?<![^\W_] .)( ))[^\W_](?![^\W_])")
_SPACED_ARTICLE = re.compile(r"(?<![^\W_])(?<!(?<![^\W_])[^\W_] )([ai]) (?=(?:[^\W_] ){2,30}[^\W_](?![^\W_]))")
_LONG_RUN = re.compile(r"([^\W\d_])\1{2,}")


class _FoldTable(dict[int, str | None]):
    """Code point to replacement for `str.translate`; categories are looked up when first met, and remembered."""

    def __missing__(self, code: int) -> str | None:
        character = chr(code)
        category = unicodedata.category(character)
        replacement: str | None
        if category in {"Cf", "Mn", "Me", "Cs", "Co", "Cn"} or (category == "Cc" and character not in "\n\t"):
            replacement = None
        elif category == "Nd":
            replacement = str(unicodedata.digit(character))
        elif category in {"Zs", "Zl", "Zp"}:
            replacement = " "
        else:
            replacement = character
        self[code] = replacement
        return replacement


class Folder:
    """Folds text. Reading the look-alikes takes some 50 ms, once, when it is made."""

    def __init__(self) -> None:
        self._marks = _FoldTable({ord(character): None for character in _INVISIBLE_LETTERS})
        self._marks.update({ord(character): replacement for character, replacement in _PUNCTUATION.items()})
        self._look_alikes = dict(_confusables())

    def plain(self, text: str) -> str:
        """The text in compatibility form, without marks and invisible characters; look-alike words in ASCII. Case stays."""
        if text.isascii():
            return text
        # Regional indicators and squared letters would otherwise be symbols; apostrophes must not become accents.
        bare = unicodedata.normalize("NFKD", text.translate(self._marks)).translate(self._marks)
        return unicodedata.normalize("NFC", _WORD.sub(self._ascii_word, bare))

    def _ascii_word(self, match: re.Match[str]) -> str:
        word = match.group()
        folded = word.translate(self._look_alikes)
        letters_left = any(not character.isascii() and character.isalpha() for character in folded)
        return word if letters_left else folded

    def readings(self, plain: str) -> Iterator[str]:
        """Lower-case readings of a plain text, the straight one first; some may be equal."""
        straight = plain.lower()
        yield straight
        joined, words = _SPACED.subn(_together, straight)
        joined = _LONG_RUN.sub(r"\1", _SPACED_PAIR.sub(_together, joined) if words else joined)
        yield joined
        if words and _SPACED_ARTICLE.search(straight):
            yield _LONG_RUN.sub(r"\1", _SPACED.sub(_together, _SPACED_ARTICLE.sub(r"\1  ", straight)))
        found = [word for word in _LEET_WORD.findall(joined) if not _ORDINARY_MIXED.fullmatch(word)]
        if found:
            # Beside several words that are surely disguised, numbers and ordinary mixes are read as letters too.
            suspects = _ANY_WORD if len(found) > 1 else _LEET_WORD
            spare = len(found) == 1
            yield suspects.sub(lambda match: _unleet(match.group(), _LEET, spare=spare), joined)
            yield suspects.sub(lambda match: _unleet(match.group(), _LEET_L, spare=spare), joined)


def _together(match: re.Match[str]) -> str:
    return match.group().replace(match.group(match.lastindex or 0), "")


def _unleet(word: str, table: dict[int, int], *, spare: bool) -> str:
    if spare and _ORDINARY_MIXED.fullmatch(word):
        return word
    return _BANG.sub("i", word).translate(table)


def _confusables() -> Iterator[tuple[int, str]]:
    """Code point to ASCII reading: by Unicode's TR39 table, and by the letter's own name where TR39 has none."""
    # The package reads its file when imported, and its functions are slow; only the table is wanted.
    table = json.loads((files("confusable_homoglyphs") / "confusables.json").read_text(encoding="utf-8"))
    for character, alike in table.items():
        readings = [entry["c"] for entry in alike if entry["c"].isascii() and entry["c"].isalnum()]
        if len(character) == 1 and not character.isascii() and readings:
            yield ord(character), min(readings, key=lambda reading: (len(reading), not reading.islower()))
    for first, last in _LATIN_BLOCKS:
        for code in range(first, last):
            match = _BY_NAME.fullmatch(unicodedata.name(chr(code), ""))
            if match:
                yield code, match.group(1).lower()
    for character, reading in {
        "к": "k",
        "К": "K",
        "в": "b",
        "т": "t",
        "п": "n",
        "м": "m",
        "н": "h",
        "ı": "i",
        "ß": "ss",
        "æ": "ae",
        "œ": "oe",
    }.items():
        yield ord(character), reading


def clean(text: str) -> str:
    """The text without NUL and other control characters, lone surrogates as U+FFFD; it always encodes as UTF-8."""
    whole = text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return whole.replace("\r\n", "\n").replace("\r", "\n").translate(_CONTROLS)


_CONTROLS = {code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}
