"""Makes the characters of a text plain, and counts how often each step had something to do.

It changes how a text is written, never what it says; what may not be learnt at all is decided elsewhere.
"""

import re
from collections import Counter
from collections.abc import Callable
from functools import lru_cache

from storage.errors import WrongUsage

BROKEN_UNICODE = "broken Unicode repaired, typographic quotes made plain"
CONTROLS = "control characters taken out"
INVISIBLE = "invisible characters taken out"
SPACES = "runs of spaces and blank lines shortened"
LOWERED = "made lower-case"
SPELT = "spelling repaired"

_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufffd-\uffff\ud800-\udfff]")
_LINE_ENDS = re.compile(r"\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
_INVISIBLE = re.compile(
    r"(?P<flag>\U0001F3F4[\U000E0020-\U000E007F]+)"  # England, Scotland, Wales: a black flag and tags
    r"|(?P<joined>(?<=[^\s\x00-\x7f])[\u200c\u200d](?=[^\s\x00-\x7f]))"  # families of emoji, Persian and Indic words
    r"|[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0d"
    r"\ufeff\uffa0\ufff9-\ufffb\U000E0000-\U000E0FFF]"
)
_ODD_SPACES = re.compile(r"[\t\u00a0\u1680\u2000-\u200a\u202f\u205f\u2800\u3000]")
_SPACE_RUNS = re.compile(r" {2,}")
_SPACES_AT_LINE_ENDS = re.compile(r" *\n *")
_BLANK_LINES = re.compile(r"\n{3,}")
_WORD = re.compile(r"(?<![\w@#/.:'’-])[^\W\d_]{4,}(?![\w@/:'’-]|\.\w)")
_HTML = re.compile(r"&(?:#\d+|#x[0-9a-fA-F]+|\w{2,8});")

_CURLED = str.maketrans({**dict.fromkeys("‘’‚‛ʼ", "'"), **dict.fromkeys("“”„‟", '"')})
_CANNOT_BE_BROKEN = re.compile("[\x00-\x7f‘’“”„–—…•€™\u2600-\u27bf\ufe0f\u200d\U0001f300-\U0001faff]*")
"""Bytes of UTF-8 that were taken for another encoding always show letters outside of these."""

Spelling = Callable[[str], str]
"""A word in lower case to how it is spelt; the same word when it is right or unknown."""


class Cleaner:
    """Cleans one text after another.

    Args:
        lowercase: whether letters are made small.
        spelling: repairs words; None: they stay as they are.
    """

    def __init__(self, *, lowercase: bool = False, spelling: Spelling | None = None) -> None:
        self._lowercase = lowercase
        self._spelling = spelling
        self.changed: Counter[str] = Counter()
        """Texts that each step changed."""

    def clean(self, text: str) -> str:
        """The text, plain; may be empty."""
        steps: list[tuple[str, Callable[[str], str]]] = []
        if not text.isascii() or _HTML.search(text):
            steps.append((BROKEN_UNICODE, _repaired))
        steps += [(CONTROLS, _without_controls), (INVISIBLE, _without_the_invisible), (SPACES, _with_single_spaces)]
        if self._lowercase:
            steps.append((LOWERED, str.lower))
        if self._spelling is not None:
            steps.append((SPELT, self._spelt))
        for name, step in steps:
            better = step(text)
            if better != text:
                # A space at an end is nobody's mistake.
                self.changed[name] += name != SPACES or better != text.strip()
                text = better
        return text

    def _spelt(self, text: str) -> str:
        return _WORD.sub(lambda match: self._word(match.group()), text)

    def _word(self, word: str) -> str:
        """Names are not words: what begins with a capital letter is left alone."""
        return self._spelling(word) if self._spelling is not None and word.islower() else word


def _repaired(text: str) -> str:
    """Wrongly decoded text as it was meant, composed characters, straight quotation marks, HTML's names undone."""
    if _CANNOT_BE_BROKEN.fullmatch(text) and not _HTML.search(text):
        return text.translate(_CURLED)
    import ftfy

    # Wide signs are not broken: Chinese and Japanese are written with them. The rest has steps of its own here.
    config = ftfy.TextFixerConfig(
        explain=False,
        fix_character_width=False,
        fix_line_breaks=False,
        remove_control_chars=False,
        remove_terminal_escapes=False,
    )
    return str(ftfy.fix_text(text, config))


def _without_controls(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return _CONTROLS.sub("", _LINE_ENDS.sub("\n", text))


def _without_the_invisible(text: str) -> str:
    if text.isascii():
        return text
    return _INVISIBLE.sub(lambda match: match["flag"] or match["joined"] or "", text)


def _with_single_spaces(text: str) -> str:
    text = _SPACE_RUNS.sub(" ", _ODD_SPACES.sub(" ", text))
    if "\n" in text:
        text = _BLANK_LINES.sub("\n\n", _SPACES_AT_LINE_ENDS.sub("\n", text))
    return text.strip()


def open_spelling(language: str) -> Spelling:
    """A dictionary's repairs: only words that it does not know, and that one slip of the finger explains.

    Args:
        language: as `en` or `de`.

    Raises:
        WrongUsage: the library or the language is missing.
    """
    try:
        from spellchecker import SpellChecker
    except ImportError:
        raise WrongUsage(
            "--spelling needs a library that is not installed.", advice="Install it: pip install 'mynah[spelling]'"
        ) from None
    try:
        dictionary = SpellChecker(language=language, distance=1)
    except (ValueError, OSError):
        raise WrongUsage(
            f"There is no dictionary for {language!r}.",
            advice=f"There are: {', '.join(sorted(SpellChecker.languages()))}.",
        ) from None

    @lru_cache(maxsize=65_536)
    def spelt(word: str) -> str:
        if dictionary.known([word]):
            return word
        for at in (-1, -2):  # "thats" and "youre" lack a sign, not a letter
            contraction = f"{word[:at]}'{word[at:]}"
            if dictionary.known([contraction]):
                return contraction
        return dictionary.correction(word) or word

    return spelt
